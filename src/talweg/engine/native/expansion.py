"""Graphs of gates that the native engine can compute: others are expanded, or refused."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.engine.native.lowering import is_native
from talweg.errors import EngineError
from talweg.graph import Graph, Tensor, simplify


def expanded(graph: Graph) -> Graph:
    """The graph with each gate that has no lowering replaced by its composition of other gates.

    EngineError for a gate that has neither.
    """
    used = {node.gate for node in graph.nodes if node.gate}
    if all(map(is_native, used)):
        return graph
    return expanded(_expanded_once(graph))


def _expanded_once(graph: Graph) -> Graph:
    after = {node.number: node for node in graph.inputs.values()}
    for node in graph.nodes:
        if node.number not in after:
            after[node.number] = _expanded(node, [after[x.number] for x in node.inputs])
    outputs = {name: after[node.number] for name, node in graph.outputs.items()}
    return simplify(Graph(graph.inputs, outputs))


def _expanded(node: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """A node on other inputs, or the composition of its gate."""
    gate = node.gate
    if gate is None or (is_native(gate) and tuple(inputs) == node.inputs):
        return node
    compute = gate if is_native(gate) else gate.composition
    if compute is None:
        raise EngineError(
            f"the gate {gate.name!r} ({node.line}) has no native code: give it `native=` if "
            "it works element by element, `composition=` of other gates, or a lowering (see "
            "talweg.engine.native.lowering), or run with engine='numpy'"
        )
    result: Tensor = compute(*inputs, **node.settings)
    if result.spec != node.spec:
        raise EngineError(
            f"the composition of the gate {gate.name!r} ({node.line}) gives {result.spec}, "
            f"but its shape rule says {node.spec}"
        )
    result.name, result.layer, result.line = node.name, node.layer, node.line
    result.is_gradient = node.is_gradient
    return result
