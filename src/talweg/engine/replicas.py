"""Many runs of one program as one run: each array gets a last axis for the replicas.

Index r of that axis belongs to replica r, so replicas fill vector lanes whatever the shapes are.
What all replicas share (the rows) has size 1 there and is broadcast. Nothing is summed along the
axis: replicas do not affect each other, even if one diverges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from talweg.engine.expansion import expanded
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
    """A gate of the graph has no rule for replicas."""


# Graphs -------------------------------------------------------------------------------------------


def replicated(graph: Graph, count: int) -> Graph:
    """The graph that computes `graph` for `count` replicas at once.

    An input of shape (...) gets the shape (..., count), or (..., 1) if it holds the batch; every
    other node follows from its inputs. Outputs have the shape (..., count).
    """
    if names := without_rule(graph):
        raise NoReplicasError(f"replicas cannot share the gates {', '.join(names)}")
    graph = expanded(graph, _is_final)
    inputs = {name: _input(name, node, count) for name, node in graph.inputs.items()}
    made = {node.number: inputs[name] for name, node in graph.inputs.items()}
    for node in graph.nodes:
        if node.number not in made:
            made[node.number] = _made(node, [made[source.number] for source in node.inputs])
    outputs = {name: for_all(made[node.number], count) for name, node in graph.outputs.items()}
    return simplify(Graph(inputs, outputs))


def without_rule(graph: Graph) -> list[str]:
    """The gates of a graph that its replicas cannot share."""
    gates = expanded(graph, _is_final).gates
    return sorted(gate.name for gate in gates if replica_rule(gate) is None)


def _is_final(gate: Gate) -> bool:
    """Whether a gate stays as it is: it has a rule, or no composition."""
    return replica_rule(gate) is not None or gate.composition is None


def _input(name: str, node: Tensor, count: int) -> Tensor:
    size = 1 if name in BATCH_INPUTS else count
    return run_input(Spec((*node.shape, size), node.dtype), name)


def _made(node: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    if node.gate is None:
        # a number stays a number, which the native engine writes into its code
        return constant(node.array[..., None]) if node.ndim else node
    rule = replica_rule(node.gate)
    assert rule is not None
    made = rule(node.gate, inputs, node.settings)
    made.name, made.layer, made.line = node.name, node.layer, node.line
    made.is_gradient = node.is_gradient
    return made


# Runs ---------------------------------------------------------------------------------------------


def together(programs: Sequence[Program], count: int) -> Program:
    """One program for several of the same kind, filled up to `count` with copies of the last.

    They may differ in state and settings, and in the seed if it does not order rows.
    """
    lead = programs[0]

    def of_all(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
        return {name: stacked([record[name] for record in records], count) for name in records[0]}

    step = lead.graphs.step.map(lambda graph: replicated(graph, count))
    return replace(
        lead,
        graphs=replace(lead.graphs, step=step, replicas=count),
        schedule=replace(
            lead.schedule, settings=of_all([program.schedule.settings for program in programs])
        ),
        state=of_all([program.state for program in programs]),
    )


def stacked(arrays: Sequence[Any], count: int) -> Array:
    """The arrays (...) of replicas as one (..., count), filled up with copies of the last."""
    whole = np.empty((*np.shape(arrays[0]), count), np.asarray(arrays[0]).dtype)
    whole[..., : len(arrays)] = np.stack(arrays, axis=-1)
    whole[..., len(arrays) :] = np.asarray(arrays[-1])[..., None]
    return whole


def parted(outcome: Outcome, count: int) -> list[Outcome]:
    """The outcomes of the first `count` replicas."""
    history = {name: np.ascontiguousarray(values.T) for name, values in outcome.history.items()}
    return [
        replace(
            outcome,
            weights=outcome.weights[:, replica],
            history={name: values[replica] for name, values in history.items()},
            state={name: array[..., replica] for name, array in outcome.state.items()},
        )
        for replica in range(count)
    ]


def is_finite(outcome: Outcome, loss: str = "loss") -> bool:
    """Whether the loss, the weights and the state stayed finite."""
    arrays = [outcome.history[loss], outcome.weights, *outcome.state.values()]
    return all(np.isfinite(array).all() for array in arrays)
