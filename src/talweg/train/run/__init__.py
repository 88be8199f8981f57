"""One training run. `fit` is the entry, `job` checks its arguments and assembles the program, and
`rows` holds the data. `recording` records the forward pass as a graph and `training_step` the step.
`stopping` holds the stopping rules, `checkpoint` writes the run to a file, and `run` is what comes
back.
"""
