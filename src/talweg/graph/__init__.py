"""Graphs of nodes: recording, backpropagation, simplification, verification, trace, gradient check.

Calling a gate on tensors records a node (`node`, `tensor`). Backpropagation turns a graph into the
graph of its gradients (`backpropagation`, `derivatives`). A `Graph` is what an engine runs. This
folder depends on `gates` alone; engines and everything above run or build what it describes.
"""

from talweg.graph.backpropagation import gradients
from talweg.graph.derivatives import grad, hvp, value_and_grad
from talweg.graph.gradient_check import check_gradients
from talweg.graph.graph import Graph, record, verify
from talweg.graph.node import ancestors
from talweg.graph.recorded import Recorded, recorded
from talweg.graph.simplify import simplify
from talweg.graph.tensor import Function, Tensor, constant, run_input, tensor
from talweg.graph.trace import Trace, trace

__all__ = [
    "Function",
    "Graph",
    "Recorded",
    "Tensor",
    "Trace",
    "ancestors",
    "check_gradients",
    "constant",
    "grad",
    "gradients",
    "hvp",
    "record",
    "recorded",
    "run_input",
    "simplify",
    "tensor",
    "trace",
    "value_and_grad",
    "verify",
]
