"""Nodes and what is done with them: recording by running, backpropagation from graph to graph,
the verifier, the printer, the trace that shows every number, and the gradient check. Depends on
`gates` alone; engines and everything above run or build what is described here.
"""

from talweg.graph.backpropagation import grad, gradients, hvp, value_and_grad
from talweg.graph.gradient_check import check_gradients
from talweg.graph.graph import Graph, record, verify
from talweg.graph.simplify import simplify
from talweg.graph.tensor import Function, Tensor, constant, run_input, tensor
from talweg.graph.topological_order import ancestors
from talweg.graph.trace import Trace, trace

__all__ = [
    "Function",
    "Graph",
    "Tensor",
    "Trace",
    "ancestors",
    "check_gradients",
    "constant",
    "grad",
    "gradients",
    "hvp",
    "record",
    "run_input",
    "simplify",
    "tensor",
    "trace",
    "value_and_grad",
    "verify",
]
