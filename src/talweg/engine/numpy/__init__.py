"""The interpreter: it runs a graph node by node on NumPy and keeps every value on request. It is
slow and simple, and the oracle for every other engine. `interpreter` runs a graph, `engine` stands
in the table of engines, and `threads` limits the threads of NumPy's matrix products.
"""
