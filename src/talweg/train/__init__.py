"""A run: `fit` records one training step as a graph, hands the whole run to an engine, and wraps
what came back, with stopping rules, history, best weights, and the reason why it ended.
"""
