"""Runs a compiled program. `launch` is a whole run, made of `call`s of the program on threads of
a `crew`, as many as `thread_choice` finds fastest. `run_memory` lays out its arrays, `history`
holds the rows that it records, `changing_settings` gives it the values of schedules, and `replay`
goes back to an earlier step.
"""
