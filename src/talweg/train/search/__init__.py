"""Many training runs as one call: `sweep` over settings, `restarts` from many starts, `lr_find`
over learning rates, and `ensemble` for the networks of a table. `search_space` and `sweep_tasks`
make the runs of a sweep, `tasks` prepares them, `bracket` trains them rung by rung, `batching`
packs small ones into one program, and `executor` runs them on threads.
"""
