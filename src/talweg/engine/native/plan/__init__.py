"""From graphs to a plan. `symbolic_shapes` makes the number of rows a symbol, `row_analysis`
finds which nodes can be computed row by row, `grouping` gives nodes to kernels, `plan` says what
each kernel reads and writes, `order` when it runs, and `arena` where its buffers lie.
"""
