"""Many runs of one program as one run: each array gets one more axis, the last, for the replicas.

Replica r of a run is what stands at place r of that axis, so replicas fill vector lanes, whatever
the shapes are. What all replicas share (the rows) has one place there, and is broadcast. Nothing is
ever summed along the axis: no replica knows of another, and one that diverges harms none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from talweg import gates
from talweg.engine.run.program import BATCH_INPUTS, Outcome, Program
from talweg.errors import EngineError
from talweg.gates import Array, Gate, Spec
from talweg.graph import Graph, Tensor, run_input, simplify
from talweg.graph.tensor import constant

Settings = Mapping[str, Any]
Rule = Callable[[Sequence[Tensor], Settings], Tensor]
"""(inputs with the axis of the replicas, settings) -> what a gate makes of each replica."""


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
    inputs = {name: _input(name, node, count) for name, node in graph.inputs.items()}
    made = {node.number: inputs[name] for name, node in graph.inputs.items()}
    for node in graph.nodes:
        if node.number not in made:
            made[node.number] = _made(node, [made[each.number] for each in node.inputs])
    outputs = {name: _whole(made[node.number], count) for name, node in graph.outputs.items()}
    return simplify(Graph(inputs, outputs))


def without_rule(graph: Graph) -> list[str]:
    """The gates of a graph that its replicas cannot share."""
    used = {node.gate for node in graph.nodes if node.gate and node.gate.kind != "elementwise"}
    return sorted(each.name for each in used if each not in RULES)


def _input(name: str, node: Tensor, count: int) -> Tensor:
    places = 1 if name in BATCH_INPUTS else count
    return run_input(Spec((*node.shape, places), node.dtype), name)


def _made(node: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    if node.gate is None:
        # a number stays one, which the native engine writes into its code
        return constant(node.array[..., None]) if node.ndim else node
    rule = _as_it_is(node.gate) if node.gate.kind == "elementwise" else RULES[node.gate]
    made = rule(inputs, node.settings)
    made.name, made.layer, made.line = node.name, node.layer, node.line
    made.is_gradient = node.is_gradient
    return made


def _whole(node: Tensor, count: int) -> Tensor:
    shape = (*node.shape[:-1], count)
    whole: Tensor = gates.broadcast_to(node, shape=shape)
    return whole


# A rule for each gate that does not work by element --------------------------------------------


def _as_it_is(gate: Gate) -> Rule:
    """The gate itself: by element, or with axes that count from the front and mean the same."""
    return lambda inputs, settings: gate(*inputs, **settings)


def _shaped(gate: Gate) -> Rule:
    """For a new shape: the replicas stay apart."""

    def rule(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
        (x,) = inputs
        made: Tensor = gate(x, shape=(*settings["shape"], x.shape[-1]))
        return made

    return rule


def _transpose(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    axes = settings["axes"]
    made: Tensor = gates.transpose(inputs[0], axes=(*axes, len(axes)))
    return made


def _ranges(x: Tensor, settings: Settings) -> dict[str, Any]:
    return {"ranges": (*settings["ranges"], (0, x.shape[-1], 1))}


def _take_slice(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    made: Tensor = gates.take_slice(inputs[0], **_ranges(inputs[0], settings))
    return made


def _place(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    (x,) = inputs
    shape = (*settings["shape"], x.shape[-1])
    made: Tensor = gates.place(x, shape=shape, **_ranges(x, settings))
    return made


def _concatenate(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    count = max(each.shape[-1] for each in inputs)
    made: Tensor = gates.concatenate(*(_whole(each, count) for each in inputs), **settings)
    return made


def _one_hot(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    """(..., replicas) to (..., replicas, classes), with the last two exchanged."""
    made: Tensor = gates.one_hot(inputs[0], **settings)
    last = made.ndim - 1
    turned: Tensor = gates.transpose(made, axes=(*range(last - 1), last, last - 1))
    return turned


def _matmul(inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    """(..., N, K, 1, replicas) times (..., 1, K, M, replicas), added up over K: small products,
    of which a loop holds whole vectors of replicas and nothing else is stored.
    """
    x, y = inputs
    left = gates.reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))
    right = gates.reshape(y, shape=(*y.shape[:-3], 1, *y.shape[-3:]))
    terms = gates.multiply(left, right)
    made: Tensor = gates.reduce_sum(terms, axes=(terms.ndim - 3,), keepdims=False)
    return made


RULES: dict[Gate, Rule] = {
    **{each: _as_it_is(each) for each in (gates.reduce_sum, gates.reduce_max, gates.argmax)},
    **{each: _as_it_is(each) for each in (gates.cast, gates.stop_gradient)},
    **{each: _shaped(each) for each in (gates.reshape, gates.broadcast_to)},
    gates.transpose: _transpose,
    gates.take_slice: _take_slice,
    gates.place: _place,
    gates.concatenate: _concatenate,
    gates.one_hot: _one_hot,
    gates.matmul: _matmul,
}
"""What each gate becomes; those that work by element need no rule."""
REFUSED: frozenset[Gate] = frozenset({gates.uniform, gates.take, gates.segment_sum})
"""Gates that replicas cannot share, so that their runs go one by one."""


# Runs ---------------------------------------------------------------------------------------------


def together(programs: Sequence[Program], count: int) -> Program:
    """The run of many programs of one kind, filled up to `count` with copies of the last.

    They must differ in nothing but state and settings, and in a seed that orders no rows.
    """
    lead = programs[0]

    def of_all(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
        return {name: stacked([each[name] for each in records], count) for name in records[0]}

    return replace(
        lead,
        record_step=cache(lambda rows: replicated(lead.record_step(rows), count)),
        state=of_all([each.state for each in programs]),
        settings=of_all([each.settings for each in programs]),
        replicas=count,
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
