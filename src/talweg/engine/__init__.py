"""How a graph runs, and how a whole training run does. `run/` states what a training run means,
once; each engine carries it out: `numpy/` interprets the graph node by node and is the oracle,
`native/` compiles the run to one native program.
"""
