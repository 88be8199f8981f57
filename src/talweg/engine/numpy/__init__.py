"""The interpreter: it runs a graph node by node on NumPy. It is slow and simple, and the oracle for
every other engine. `interpreter` runs a graph, and `engine` is its entry in the table of engines.
"""
