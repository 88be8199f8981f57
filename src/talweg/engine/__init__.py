"""How a graph runs, and how a whole training run does. `run/` states what a training run means,
once, and what an engine is; `registry` lists the engines. `numpy/` interprets a graph node by node
and is the oracle, `native/` compiles a run to one native program. `replicas` makes many runs one.
"""
