"""Gates that an engine cannot compute are expanded to their composition of others, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_

from talweg.errors import EngineError
from talweg.gates import Gate
from talweg.graph import Graph, Tensor, simplify


def expanded(graph: Graph, is_known: Callable[[Gate], bool]) -> Graph:
    """The graph with each gate that is not known replaced by its composition of other gates.

    EngineError: such a gate has no composition.
    """
    if all(map(is_known, graph.gates)):
        return graph
    return expanded(_expanded_once(graph, is_known), is_known)


def _expanded_once(graph: Graph, is_known: Callable[[Gate], bool]) -> Graph:
    after = {node.number: node for node in graph.inputs.values()}
    for node in graph.nodes:
        if node.number not in after:
            inputs = [after[x.number] for x in node.inputs]
            after[node.number] = _expanded(node, inputs, is_known)
    outputs = {name: after[node.number] for name, node in graph.outputs.items()}
    return simplify(Graph(graph.inputs, outputs))


def _expanded(node: Tensor, inputs: Sequence[Tensor], is_known: Callable[[Gate], bool]) -> Tensor:
    """A node on other inputs, or the composition of its gate."""
    gate = node.gate
    if gate is None or (is_known(gate) and all(map(is_, inputs, node.inputs))):
        return node
    compute = gate if is_known(gate) else gate.composition
    if compute is None:
        raise EngineError(
            f"the gate {gate.name!r} ({node.line}) has no native code: give it `native=` if "
            "it works element by element, `composition=` of other gates, or a lowering (see "
            "talweg.engine.native.lowering), or run with engine='numpy'"
        )
    result: Tensor = compute(*inputs, **node.settings)
    if result.spec != node.spec:
        raise EngineError(
            f"the composition of the gate {gate.name!r} ({node.line}) gives {result.spec}, but "
            f"its shape rule gives {node.spec}"
        )
    result.name, result.layer, result.line = node.name, node.layer, node.line
    result.is_gradient = node.is_gradient
    return result
