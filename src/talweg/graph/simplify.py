"""Simplification: the same graph without nodes that change nothing, repeat others or are constant.

Backpropagation records every product with 1 and every broadcast, and users write an expression
twice. Values stay the same to the last bit. A simplified graph is for running: `stop_gradient`
computes nothing, so it is gone, and gradients must be taken before.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from talweg import gates
from talweg.gates import Gate
from talweg.graph.graph import Graph, verify
from talweg.graph.tensor import Tensor

_NEUTRAL: dict[Gate, tuple[float, tuple[int, ...]]] = {
    gates.multiply: (1.0, (0, 1)),
    gates.divide: (1.0, (1,)),
}
"""The neutral element of each gate, and the positions of the inputs where it is neutral.

A sum with 0 is not among them, since it turns -0 into 0.
"""

_SHAPE_GATES = (gates.reshape, gates.broadcast_to, gates.cast, gates.transpose)
"""Gates that change nothing if their input already has the shape, dtype or order they ask for."""

_LARGEST_COMPARED = 2**14
"""Constants with at most this many elements are compared by value to find equal ones."""


def simplify(graph: Graph) -> Graph:
    """A graph with the same inputs and outputs, without nodes that need not be computed."""
    simple: dict[int, Tensor] = {}
    known: dict[Any, Tensor] = {}
    for node in graph.nodes:
        if not node.recorded:
            is_small = node.array.size <= _LARGEST_COMPARED
            key = _key(node.array) if is_small else node.number
            simple[node.number] = known.setdefault(key, _as_leaf(node))
        elif node.gate is None:
            simple[node.number] = node
        else:
            inputs = [simple[source.number] for source in node.inputs]
            simple[node.number] = _simplified(node, inputs, known)
    outputs = {name: simple[node.number] for name, node in graph.outputs.items()}
    result = Graph(graph.inputs, outputs)
    verify(result)
    return result


def _as_leaf(node: Tensor) -> Tensor:
    """A constant leaf with the value of a node that depends on no input."""
    return Tensor(node.array, name=node.name, varies=False, line=node.line) if node.gate else node


def _simplified(node: Tensor, inputs: list[Tensor], known: dict[Any, Tensor]) -> Tensor:
    """The node that replaces `node` on simplified inputs: an input, an equal node, or a copy."""
    inputs = _without_broadcasts(node, inputs)
    same = _unchanged_input(node, inputs)
    if same is not None:
        return same
    settings = tuple((name, _key(value)) for name, value in sorted(node.settings.items()))
    key = (node.gate, tuple(source.number for source in inputs), settings)
    if key not in known:
        known[key] = _copy(node, inputs)
    return known[key]


def _key(value: Any) -> Any:
    """A hashable key that equal settings or constants share: type and value, -0 apart from 0.

    A graph, or anything else that has no hash by value, equals itself alone.
    """
    if isinstance(value, tuple | list):
        return (type(value), *map(_key, value))
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, float):
        return value.hex()
    return type(value), value if isinstance(value, Hashable) else id(value)


def _unchanged_input(node: Tensor, inputs: list[Tensor]) -> Tensor | None:
    """The input whose value the node has; None if the node changes something."""
    first, gate = inputs[0], node.gate
    if gate in (gates.identity, gates.stop_gradient):
        return first
    if gate in _SHAPE_GATES and first.spec == node.spec and _keeps_order(node):
        return first
    if gate in _NEUTRAL:
        number, positions = _NEUTRAL[gate]
        for position in positions:
            other = inputs[1 - position]
            if other.spec == node.spec and _is_filled_with(inputs[position], number):
                return other
    return None


def _keeps_order(node: Tensor) -> bool:
    return node.gate is not gates.transpose or node.settings["axes"] == tuple(range(node.ndim))


def _is_filled_with(node: Tensor, number: float) -> bool:
    return not node.recorded and bool(np.all(node.array == number))


def _without_broadcasts(node: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """The inputs, less broadcasts that the gate does itself and a reshape before a reshape."""
    assert node.gate is not None
    if node.gate is gates.reshape and inputs[0].gate is gates.reshape:
        return [inputs[0].inputs[0]]
    if not node.gate.is_elementwise:
        return inputs
    for position, source in enumerate(inputs):
        if source.gate is gates.broadcast_to:
            smaller = [*inputs[:position], source.inputs[0], *inputs[position + 1 :]]
            if np.broadcast_shapes(*(x.shape for x in smaller)) == node.shape:
                inputs = smaller
    return inputs


def _copy(node: Tensor, inputs: list[Tensor]) -> Tensor:
    """The same node on other inputs."""
    copy = Tensor(
        node.array,
        gate=node.gate,
        inputs=tuple(inputs),
        settings=node.settings,
        name=node.name,
        recorded=True,
        line=node.line,
    )
    copy.layer, copy.is_gradient = node.layer, node.is_gradient
    return copy
