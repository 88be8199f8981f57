"""How a graph runs. The interpreter runs it node by node on NumPy, keeps every value on request,
and is the oracle for any other engine; `program` says what a whole training run is, as data that
an engine can run or compile; `loop` runs such a program on the interpreter. Randomness is
counter-based: a stream is keyed by what it is for, so no engine and no order changes it.
"""
