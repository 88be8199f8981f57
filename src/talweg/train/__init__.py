"""Training. `run/` trains one network: `fit` records a training step as a graph, hands the whole
run to an engine and returns the history with the reason why it ended. `search/` trains many:
sweeps, restarts and the learning-rate range test. `methods/` holds what trains differently:
pretraining, adaptive sampling and full-batch methods.
"""
