"""Backpropagation from graph to graph: the gradient of a graph is a graph of the same gates.

The walk goes from the output toward the inputs. Each gate's backward rules turn the gradient of a
node into gradients of its inputs (the chain rule), and the gradients that reach a node along
several paths are added. Backward rules are written in gates, so the result can be run, printed and
differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from talweg import gates
from talweg.errors import GraphError, ShapeError
from talweg.gates import Array
from talweg.graph.node import Node, ancestors, as_array, made_since, next_number
from talweg.graph.source_line import calling_line

N = TypeVar("N", bound=Node)


def gradients(output: N, wrt: Sequence[N], seed: N | None = None) -> list[N]:
    """d output / d node for each node of `wrt`, as nodes; zeros if `output` does not depend on it.

    `seed` is the gradient that arrives at `output`, of its shape; by default 1 for a single number.
    """
    adjoints = _adjoints(output, wrt, seed)
    return [_gradient_or_zeros(adjoints, node) for node in wrt]


def every_gradient(output: N, seed: N | None = None) -> dict[int, Array]:
    """d output / d node for each varying node that it depends on, by node number."""
    nodes = [node for node in ancestors([output]) if node.varies and node.dtype.kind == "f"]
    adjoints = _adjoints(output, nodes, seed)
    return {node.number: _gradient_or_zeros(adjoints, node).array for node in nodes}


def set_gradients(output: N, gradient: N | None = None) -> None:
    """Set `.grad` of every varying node that `output` depends on (see `Tensor.backward`)."""
    output.refuse_reading("backward() was called")
    if gradient is not None and gradient.shape != output.shape:
        raise ShapeError(
            f"backward: the gradient is {gradient.spec}, but the output is {output.spec}; "
            "give both the same shape and dtype"
        )
    found = every_gradient(output, gradient)
    for node in ancestors([output]):
        node.grad = found.get(node.number)


def local_slope(node: Node, position: int) -> Array | None:
    """d node / d its input at `position`, if that is one number for each element.

    None if an element of the input affects several elements of the output, or none.
    """
    source = node.inputs[position]
    if node.gate is None or not node.gate.is_elementwise or source.shape != node.shape:
        return None
    rule = node.gate.backward_rule(position)
    if rule is None:
        return np.zeros(node.shape)
    ones = node.constant(np.ones(node.shape, node.dtype))
    return as_array(rule(ones, node, *node.inputs, **node.settings))


# The walk -----------------------------------------------------------------------------------


def _adjoints(output: N, wrt: Sequence[N], seed: N | None) -> dict[int, N]:
    """The gradient of `output` at each node between it and `wrt`, by node number."""
    nodes = ancestors([output])
    needed = _on_paths_to(wrt, nodes)
    adjoints = {output.number: _one(output) if seed is None else seed}
    for node in reversed(nodes):
        gradient = adjoints.get(node.number)
        if gradient is None or node.gate is None:
            continue
        for position, source in enumerate(node.inputs):
            if source.number in needed:
                term = _backward(node, position, gradient)
                if term is not None:
                    before = adjoints.get(source.number)
                    adjoints[source.number] = term if before is None else _sum(before, term)
    return adjoints


def _on_paths_to(wrt: Sequence[N], nodes: list[N]) -> set[int]:
    """The numbers of the float nodes through which the output depends on `wrt`."""
    needed = {node.number for node in wrt}
    for node in nodes:
        if any(source.number in needed for source in node.inputs):
            needed.add(node.number)
    return {node.number for node in nodes if node.number in needed and node.dtype.kind == "f"}


def _backward(node: N, position: int, gradient: N) -> N | None:
    """The gradient of the input at `position`, by the backward rule of the node's gate."""
    assert node.gate is not None
    rule = node.gate.backward_rule(position)
    if rule is None:
        return None
    number = next_number()
    term: N = rule(gradient, node, *node.inputs, **node.settings)
    _check_spec(term, node, position)
    for made in made_since([term], number):
        _mark(made, node)
    return term


def _sum(before: N, term: N) -> N:
    """The sum of two gradients of one node, which belongs to the layer of the later one."""
    total: N = gates.add(before, term)
    _mark(total, term)
    return total


def _mark(made: Node, origin: Node) -> None:
    """Note that a node is part of the backward pass of another one."""
    made.line, made.layer, made.is_gradient = origin.line, origin.layer, True


def _check_spec(term: Node, node: Node, position: int) -> None:
    source = node.inputs[position]
    if term.shape != source.shape or term.dtype != source.dtype:
        raise GraphError(
            f"gate {node.gate.name if node.gate else '?'}: its backward rule {position} gives "
            f"{term.spec} for an input of {source.spec}; at {node.describe()}"
        )


def _one(output: N) -> N:
    """The gradient of a single number with respect to itself."""
    if output.size != 1:
        raise GraphError(
            f"a gradient needs an output of one number, but {output.describe()} has "
            f"{output.size}; reduce it, for example with .sum() ({calling_line()})"
        )
    if output.dtype.kind != "f":
        raise GraphError(f"a gradient needs floats, but {output.describe()} holds {output.dtype}")
    return output.constant(np.ones(output.shape, output.dtype))


def _gradient_or_zeros(adjoints: dict[int, N], node: N) -> N:
    gradient = adjoints.get(node.number)
    return node.constant(np.zeros(node.shape, node.dtype)) if gradient is None else gradient
