"""Many runs of one program as one run: each array gets one more axis, the last, for the replicas.

Replica r of a run is what stands at place r of that axis, so replicas fill vector lanes, whatever
the shapes are. What all replicas share (the rows) has one place there, and is broadcast. Nothing is
ever summed along the axis: no replica knows of another, and one that diverges harms none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from talweg.engine.native.expansion import expanded
from talweg.engine.native.lowering import replica_rule
from talweg.engine.native.lowering.replica_rules import for_all
from talweg.engine.run.outcome import Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.rows import BATCH_INPUTS
from talweg.errors import EngineError
from talweg.gates import Array, Gate, Spec
from talweg.graph import Graph, Tensor, run_input, simplify
from talweg.graph.tensor import constant


class NoReplicasError(EngineError):
    """A graph has a gate that has no rule for replicas."""


# Graphs -------------------------------------------------------------------------------------------


def replicated(graph: Graph, count: int) -> Graph:
    """The graph that does the work of `graph` for so many replicas at once.

    An input of shape (...) becomes one of (..., count), or of (..., 1) if it describes the batch;
    so does every node, by what it is made from. Outputs are (..., count).
    """
    if names := without_rule(graph):
        raise NoReplicasError(f"replicas cannot share the gates {', '.join(names)}")
    graph = expanded(graph, _is_final)
    inputs = {name: _input(name, node, count) for name, node in graph.inputs.items()}
    made = {node.number: inputs[name] for name, node in graph.inputs.items()}
    for node in graph.nodes:
        if node.number not in made:
            made[node.number] = _made(node, [made[each.number] for each in node.inputs])
    outputs = {name: for_all(made[node.number], count) for name, node in graph.outputs.items()}
    return simplify(Graph(inputs, outputs))


def without_rule(graph: Graph) -> list[str]:
    """The gates of a graph that its replicas cannot share."""
    used = {node.gate for node in expanded(graph, _is_final).nodes if node.gate}
    return sorted(gate.name for gate in used if replica_rule(gate) is None)


def _is_final(gate: Gate) -> bool:
    """Whether a gate stays as it is: it has a rule, or no composition."""
    return replica_rule(gate) is not None or gate.composition is None


def _input(name: str, node: Tensor, count: int) -> Tensor:
    places = 1 if name in BATCH_INPUTS else count
    return run_input(Spec((*node.shape, places), node.dtype), name)


def _made(node: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    if node.gate is None:
        # a number stays one, which the native engine writes into its code
        return constant(node.array[..., None]) if node.ndim else node
    rule = replica_rule(node.gate)
    assert rule is not None
    made = rule(node.gate, inputs, node.settings)
    made.name, made.layer, made.line = node.name, node.layer, node.line
    made.is_gradient = node.is_gradient
    return made


# Runs ---------------------------------------------------------------------------------------------


def together(programs: Sequence[Program], count: int) -> Program:
    """The run of many programs of one kind, filled up to `count` with copies of the last.

    They must differ in nothing but state and settings, and in a seed that orders no rows.
    """
    lead = programs[0]

    def of_all(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
        return {name: stacked([each[name] for each in records], count) for name in records[0]}

    step = lead.graphs.step.map(lambda graph: replicated(graph, count))
    return replace(
        lead,
        graphs=replace(lead.graphs, step=step, replicas=count),
        schedule=replace(
            lead.schedule, settings=of_all([each.schedule.settings for each in programs])
        ),
        state=of_all([each.state for each in programs]),
    )


def stacked(arrays: Sequence[Any], count: int) -> Array:
    """(...) of each replica as (..., count); the last one fills up what is missing."""
    whole = np.empty((*np.shape(arrays[0]), count), np.asarray(arrays[0]).dtype)
    whole[..., : len(arrays)] = np.stack(arrays, axis=-1)
    whole[..., len(arrays) :] = np.asarray(arrays[-1])[..., None]
    return whole


def parted(outcome: Outcome, count: int) -> list[Outcome]:
    """What came of the first `count` replicas."""
    history = {name: np.ascontiguousarray(each.T) for name, each in outcome.history.items()}
    return [
        replace(
            outcome,
            weights=outcome.weights[:, place],
            history={name: each[place] for name, each in history.items()},
            state={name: each[..., place] for name, each in outcome.state.items()},
        )
        for place in range(count)
    ]


def is_finite(outcome: Outcome, loss: str = "loss") -> bool:
    """Whether loss, weights and state stayed finite: else the run ends where they did not."""
    arrays = [outcome.history[loss], outcome.weights, *outcome.state.values()]
    return all(np.isfinite(each).all() for each in arrays)
