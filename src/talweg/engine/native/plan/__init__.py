"""From graphs to plans. `symbolic_shapes` makes the number of rows a symbol, `row_analysis` finds
which nodes can be computed row by row, and `groups` which are computed together. `planner` gives
each group kernels (`kernel`, `matrix_product`) on views of buffers (`view`). `regions` orders the
kernels by their `hazards`; `lifetimes` and `arena` place the buffers in memory. `pruning` cuts a
plan down to some of its outputs.
"""
