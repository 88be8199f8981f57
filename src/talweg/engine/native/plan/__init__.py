"""From symbolic graphs to plans. `row_analysis` finds which nodes can be computed row by row, and
`groups` which are computed together. `planner` gives each group kernels on views of buffers.
`regions` orders the kernels by their `hazards`, and `arenas` places the buffers in memory. A `plan`
is the result; `pruning` cuts it down to some of its outputs.
"""
