"""One training run. `fit` checks its input, `recording` records the training step as a graph,
`engines` picks the engine, `stopping` holds the stopping rules, `checkpoint` writes the run to a
file, and `run` is what comes back.
"""
