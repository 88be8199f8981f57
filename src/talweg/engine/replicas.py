"""Many runs of one program as one run: each array gets a last axis for the replicas.

Index r of that axis belongs to replica r, so replicas fill vector lanes whatever the shapes are.
What all replicas share, such as the rows, has size 1 there and is broadcast. Nothing is summed
along the axis: replicas do not affect each other, even if one diverges. An engine that runs
replicas has a rule for each gate that they can share (`Engine.replica_rule`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from talweg import gates
from talweg.engine.expansion import expanded
from talweg.engine.run.engine import ReplicaRule
from talweg.engine.run.outcome import Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.rows import BATCH_INPUTS
from talweg.errors import EngineError
from talweg.gates import Array, Gate, Spec
from talweg.graph import Graph, Tensor, run_input, simplify
from talweg.graph.tensor import constant

RuleOf = Callable[[Gate], ReplicaRule | None]
"""The replica rule of a gate; None if replicas cannot share it."""


class NoReplicasError(EngineError):
    """A gate of the graph has no rule for replicas."""


# Graphs -------------------------------------------------------------------------------------------


def replicated_graph(graph: Graph, count: int, rule_of: RuleOf) -> Graph:
    """The graph that computes `graph` for `count` replicas at once.

    An input of shape (...) gets the shape (..., count), or (..., 1) if it holds the batch; the
    shapes of other nodes follow from their inputs. Outputs have the shape (..., count).
    """
    if names := gates_without_rule(graph, rule_of):
        raise NoReplicasError(f"replicas cannot share the gates {', '.join(names)}")
    graph = _expanded(graph, rule_of)
    inputs = {name: _input(name, node, count) for name, node in graph.inputs.items()}
    nodes = {node.number: inputs[name] for name, node in graph.inputs.items()}
    for node in graph.nodes:
        if node.number not in nodes:
            sources = [nodes[source.number] for source in node.inputs]
            nodes[node.number] = _replicated_node(node, sources, rule_of)
    outputs = {name: for_all(nodes[node.number], count) for name, node in graph.outputs.items()}
    return simplify(Graph(inputs, outputs))


def gates_without_rule(graph: Graph, rule_of: RuleOf) -> list[str]:
    """The names of the gates that replicas of a graph cannot share."""
    used = _expanded(graph, rule_of).gates
    return sorted(gate.name for gate in used if rule_of(gate) is None)


def for_all(node: Tensor, count: int) -> Tensor:
    """A node with one value for each of `count` replicas, repeated where they share one."""
    whole: Tensor = gates.broadcast_to(node, shape=(*node.shape[:-1], count))
    return whole


def _expanded(graph: Graph, rule_of: RuleOf) -> Graph:
    """The graph with the composition of each gate that has one and no rule."""
    return expanded(graph, lambda gate: rule_of(gate) is not None or gate.composition is None)


def _input(name: str, node: Tensor, count: int) -> Tensor:
    size = 1 if name in BATCH_INPUTS else count
    return run_input(Spec((*node.shape, size), node.dtype), name)


def _replicated_node(node: Tensor, inputs: Sequence[Tensor], rule_of: RuleOf) -> Tensor:
    if node.gate is None:
        # a number stays a number, which the native engine writes into its code
        return constant(node.array[..., None]) if node.ndim else node
    rule = rule_of(node.gate)
    assert rule is not None
    result = rule(node.gate, inputs, node.settings)
    result.name, result.layer, result.line = node.name, node.layer, node.line
    result.is_gradient = node.is_gradient
    return result


# Runs ---------------------------------------------------------------------------------------------


def replicated_program(programs: Sequence[Program], count: int, rule_of: RuleOf) -> Program:
    """One program for several of the same kind, padded to `count` with copies of the last.

    They may differ in state and settings, and in the seed if it does not order rows.
    """
    lead = programs[0]

    def of_all(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
        return {name: stacked([record[name] for record in records], count) for name in records[0]}

    step = lead.graphs.step.map(lambda graph: replicated_graph(graph, count, rule_of))
    return replace(
        lead,
        graphs=replace(lead.graphs, step=step, replicas=count),
        schedule=replace(
            lead.schedule, settings=of_all([program.schedule.settings for program in programs])
        ),
        state=of_all([program.state for program in programs]),
    )


def stacked(arrays: Sequence[Any], count: int) -> Array:
    """The arrays (...) of replicas as one (..., count), padded with copies of the last."""
    whole = np.empty((*np.shape(arrays[0]), count), np.asarray(arrays[0]).dtype)
    whole[..., : len(arrays)] = np.stack(arrays, axis=-1)
    whole[..., len(arrays) :] = np.asarray(arrays[-1])[..., None]
    return whole


def split_outcome(outcome: Outcome, count: int) -> list[Outcome]:
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
