"""The same graph with less to compute: what any engine would otherwise compute for nothing.

Backpropagation writes down every product with 1 and every stretched number; users write the same
expression twice. Values stay the same to the last bit. A simple graph is for running: gradients
are taken before, since `stop_gradient`, which computes nothing, is gone from it.
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
"""For each gate, the number that leaves the other input as it is, and where it may stand.

A sum with 0 is not among them: it makes 0 of -0.
"""

_UNCHANGED = (gates.reshape, gates.broadcast_to, gates.cast, gates.transpose)
"""Gates that do nothing where they ask for the shape, dtype or order that is there."""


_LIKENED = 2**14
"""Numbers of a constant up to which it is told from others by what it holds."""


def simplify(graph: Graph) -> Graph:
    """A graph with the same inputs and outputs, without nodes that are idle, double or constant."""
    after: dict[int, Tensor] = {}
    made: dict[Any, Tensor] = {}
    for node in graph.nodes:
        if not node.recorded:
            key = _key(node.array) if node.array.size <= _LIKENED else node.number
            after[node.number] = made.setdefault(key, _constant(node))
        elif node.gate is None:
            after[node.number] = node
        else:
            after[node.number] = _simplified(node, [after[x.number] for x in node.inputs], made)
    outputs = {name: after[node.number] for name, node in graph.outputs.items()}
    simple = Graph(graph.inputs, outputs)
    verify(simple)
    return simple


def _constant(node: Tensor) -> Tensor:
    """A leaf that holds what a node computes from no input."""
    return Tensor(node.array, name=node.name, varies=False, line=node.line) if node.gate else node


def _simplified(node: Tensor, inputs: list[Tensor], made: dict[Any, Tensor]) -> Tensor:
    """What stands for a node once its inputs are simple: an input, an earlier node, or a copy."""
    inputs = _unstretched(node, inputs)
    idle = _idle(node, inputs)
    if idle is not None:
        return idle
    settings = tuple((name, _key(value)) for name, value in sorted(node.settings.items()))
    key = (node.gate, tuple(each.number for each in inputs), settings)
    if key not in made:
        made[key] = _copy(node, inputs)
    return made[key]


def _key(setting: Any) -> Any:
    """What alike settings share: type and value, down to the sign of a zero."""
    if isinstance(setting, tuple | list):
        return (type(setting), *map(_key, setting))
    if isinstance(setting, np.ndarray):
        return setting.shape, setting.dtype.str, setting.tobytes()
    if isinstance(setting, float):
        return setting.hex()
    return type(setting), setting if isinstance(setting, Hashable) else id(setting)


def _idle(node: Tensor, inputs: list[Tensor]) -> Tensor | None:
    """The input that a node hands on unchanged; None where it changes something."""
    first, gate = inputs[0], node.gate
    if gate in (gates.identity, gates.stop_gradient):
        return first
    if gate in _UNCHANGED and first.spec == node.spec and _keeps_order(node):
        return first
    if gate in _NEUTRAL:
        number, places = _NEUTRAL[gate]
        for place in places:
            other = inputs[1 - place]
            if other.spec == node.spec and _is_all(inputs[place], number):
                return other
    return None


def _keeps_order(node: Tensor) -> bool:
    return node.gate is not gates.transpose or node.settings["axes"] == tuple(range(node.ndim))


def _is_all(node: Tensor, number: float) -> bool:
    return not node.recorded and bool(np.all(node.array == number))


def _unstretched(node: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """The inputs without broadcasts that the gate does by itself, and without twofold reshapes."""
    assert node.gate is not None
    if node.gate is gates.reshape and inputs[0].gate is gates.reshape:
        return [inputs[0].inputs[0]]
    if node.gate.kind != "elementwise":
        return inputs
    for place, each in enumerate(inputs):
        if each.gate is gates.broadcast_to:
            slim = [*inputs[:place], each.inputs[0], *inputs[place + 1 :]]
            if np.broadcast_shapes(*(x.shape for x in slim)) == node.shape:
                inputs = slim
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
