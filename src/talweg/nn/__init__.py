"""Modules and layers, activations, losses, metrics and initializers.

A module is a class whose `__call__` computes with gates. It asks for its parameters where it needs
them, so their shapes come from the data, and they live in the one flat vector of the network that
the module is part of.
"""

from talweg.nn.activations import ACTIVATIONS
from talweg.nn.dense import Dense
from talweg.nn.losses import LOSSES, Loss, as_loss
from talweg.nn.metrics import METRICS, Metric, as_metric
from talweg.nn.module import Module
from talweg.nn.sequential import Sequential

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "METRICS",
    "Dense",
    "Loss",
    "Metric",
    "Module",
    "Sequential",
    "as_loss",
    "as_metric",
]
