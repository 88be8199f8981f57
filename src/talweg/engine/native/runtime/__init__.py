"""Runs a compiled program. `launch` is a whole run, made of `call`s of the program on threads of
a `crew`; `run_memory` lays out its arrays, `control` is the block of words that Python and the
program share, and `history`, `changing_settings`, `core_sharing` and `replay` each do one task.
"""
