"""Many training runs as one call: `sweep` over settings, `restarts` from many starts, `lr_find`
over learning rates, and `successive_halving`, which continues only the best runs. `jobs` prepares
the runs, `batching` packs small ones into one program, and `executor` runs them on threads.
"""
