"""How a graph runs, and how a whole training run does. `run/` states what a training run means,
once, and what an engine is; `registry` lists the engines. `numpy/` interprets a graph node by node
and is the reference, `native/` compiles a run to one native program. `expansion` replaces gates
that an engine cannot compute by compositions of others, and `replicas` makes many runs one.
"""
