"""One training run. `fit` is the entry, `job` checks its arguments and assembles the program,
`rows` holds the data and `recording` the step as a graph. `stopping` holds the stopping rules,
`checkpoint` writes the run to a file, and `run` is what comes back.
"""
