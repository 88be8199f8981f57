"""Watching: what a run says of itself while it trains, as outputs of the step's own graph.

Of a parameter: the norm of its gradient, how far a step moves it, and how many of its weights
turn round. Of a layer's output: its mean and spread, and its dead and saturated units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.gates import Array, Shape
from talweg.graph import Tensor
from talweg.graph.functions import concatenate
from talweg.graph.order import ancestors, made_since
from talweg.graph.tensor import next_number
from talweg.nn import Module
from talweg.optim import Optimizer
from talweg.optim.optimizer import State

TURNS = "turns"
"""The state that counts each weight's changes of direction: 1 + changes, with the sign of the last
update; 0 before the first. Both in one number, since what they cost is to be read and written.
"""
MARGIN = 0.02
"""How near to its limit an activation is saturated."""
BLOCK = 512
"""The longest row that a large parameter is summed up by; its rows are shared among threads."""
_LIMITS = {gates.sigmoid: (0.0, 1.0), gates.tanh: (-1.0, 1.0)}
_ACTIVATIONS = (gates.relu, gates.softplus, *_LIMITS)
_OF_PARAMETERS = ("gradient_norm", "update_ratio", "direction_changes")


@dataclass(frozen=True)
class Watch:
    """What to watch, by its name or a part of it (all, where there are none), and how often."""

    names: tuple[str, ...] = ()
    steps: bool = False

    def wants(self, quantity: str) -> bool:
        return not self.names or any(_is_meant(each, quantity) for each in self.names)

    def wants_parameters(self, names: Iterable[str], quantities: Sequence[str]) -> bool:
        return any(self.wants(f"{name}/{each}") for name in names for each in quantities)

    def chosen(self, quantities: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The quantities that are wanted; each name must find one."""
        for name in self.names:
            if not any(_is_meant(name, each) for each in quantities):
                hint = nearest(name, quantities)
                raise SettingError(f"fit: nothing called {name!r} can be watched. {hint}")
        return {name: each for name, each in quantities.items() if self.wants(name)}


def _is_meant(name: str, quantity: str) -> bool:
    """Whether "0.weight/gradient_norm" is meant: by all of it, or by what is beside the slash."""
    return name in (quantity, *quantity.split("/"))


def as_watch(given: Any) -> Watch | None:
    """`fit`'s `watch`: None, True or "epoch", "step", or names, with "step" among them or not."""
    if given is None or isinstance(given, bool):
        return Watch() if given else None
    names = (given,) if isinstance(given, str) else given
    names = tuple(names) if isinstance(names, Iterable) else (names,)
    if not all(isinstance(each, str) for each in names):
        raise SettingError(
            'fit: watch is None, "epoch", "step" or names such as ["gradient_norm", "0/dead"], '
            f"but {given!r} was given"
        )
    kept = tuple(each for each in names if each not in ("epoch", "step"))
    return Watch(kept, "step" in names)


# Parameters -----------------------------------------------------------------------------------


class _Cut(NamedTuple):
    """A parameter's place in the flat vector, as rows that can be shared out among threads."""

    start: int
    shape: Shape

    def of(self, flat: Tensor) -> Tensor:
        """The parameter's part; one number for all parameters stays as it is."""
        if not flat.ndim:
            return flat
        ranges = ((self.start, self.start + prod(self.shape), 1),)
        return self.shaped(gates.take_slice(flat, ranges=ranges))

    def shaped(self, piece: Tensor) -> Tensor:
        shaped: Tensor = gates.reshape(piece, shape=self.shape)
        return shaped


class _Piece(NamedTuple):
    """One parameter in a step, all of one shape."""

    before: Tensor
    after: Tensor
    gradient: Tensor


def updated(
    rule: Optimizer,
    flat: Tensor,
    gradients: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    watch: Watch | None,
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """The weights and the state after one step of a rule, and what can be watched of it.

    Where the rule lets each weight go its own way, a watched step updates each parameter for
    itself: so it is watched where its new weights are made, and not read again.
    """
    own = {name: each for name, each in state.items() if name != TURNS}
    mark = next_number()
    after, new_state = rule.update(flat, _joined(gradients.values()).named("gradient"), own)
    if watch is None or not watch.wants_parameters(gradients, _OF_PARAMETERS):
        return after, new_state, {}
    cuts = _cuts(gradients)
    parts = {name: cut.of(after) for name, cut in cuts.items()}
    if _is_elementwise([after, *new_state.values()], mark):
        parts, new_state = _updated_apart(rule, flat, gradients, own)
        after = _joined(parts.values())
    pieces = {
        name: _Piece(cut.of(flat), parts[name], cut.shaped(gradients[name]))
        for name, cut in cuts.items()
    }
    found = _sizes(pieces)
    if TURNS in state:
        turns = {name: cut.of(state[TURNS]) for name, cut in cuts.items()}
        later = {name: turned(turns[name], each) for name, each in pieces.items()}
        new_state = {**new_state, TURNS: _joined(later.values())}
        found |= {f"{name}/direction_changes": _share(turns[name], later[name]) for name in later}
    return after, new_state, found


def _is_elementwise(results: Sequence[Tensor], mark: int) -> bool:
    """Whether each number of the results is made of its own place alone, and of single numbers."""
    return all(
        node.gate.kind == "elementwise" if node.gate else not node.ndim
        for node in made_since(results, mark)
    )


def _updated_apart(
    rule: Optimizer, flat: Tensor, gradients: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], State]:
    """Each parameter after a step, and the whole state."""
    parts, states = {}, []
    for name, cut in _cuts(gradients).items():
        own = {each: cut.of(value) for each, value in state.items()}
        parts[name], after = rule.update(cut.of(flat), cut.shaped(gradients[name]), own)
        states.append(after)
    return parts, {
        name: _joined(each[name] for each in states) if value.ndim else states[0][name]
        for name, value in state.items()
    }


def _cuts(gradients: Mapping[str, Tensor]) -> dict[str, _Cut]:
    found, start = {}, 0
    for name, each in gradients.items():
        found[name] = _Cut(start, _blocks(each.size))
        start += each.size
    return found


def _blocks(size: int) -> Shape:
    """Rows of equal length, whole vectors of 32 if possible; one where it is small or odd."""
    lengths = [each for each in range(BLOCK, 63, -1) if size % each == 0] if size > BLOCK else []
    length = max(lengths, key=lambda each: (each % 32 == 0, each), default=size)
    return (size // length, length) if length < size else (size,)


def _joined(pieces: Iterable[Tensor]) -> Tensor:
    """The pieces as one flat vector."""
    flat = [gates.reshape(each, shape=(each.size,)) for each in pieces]
    joined: Tensor = flat[0] if len(flat) == 1 else concatenate(flat)
    return joined


def _sizes(pieces: Mapping[str, _Piece]) -> dict[str, Tensor]:
    """The Euclidean norm of each gradient, and |after - before| / |before|; 1 where that was 0."""
    found = {}
    for name, (before, after, gradient) in pieces.items():
        moved, size = _norm(after - before), _norm(before)
        base = gates.where(size > 0, size, gates.where(moved > 0, moved, 1))
        found[f"{name}/gradient_norm"] = _norm(gradient)
        found[f"{name}/update_ratio"] = moved / base
    return found


def _norm(x: Tensor) -> Tensor:
    norm: Tensor = gates.sqrt(_total(x * x))
    return norm


def _total(x: Tensor) -> Tensor:
    while x.ndim:
        x = x.sum(axis=-1)
    return x


# Turns ----------------------------------------------------------------------------------------


def first_turns(watch: Watch | None, weights: Mapping[str, Array], flat: Array) -> State:
    """The state of a run that counts changes of direction; nothing for one that does not."""
    counts = watch is not None and watch.wants_parameters(weights, ["direction_changes"])
    return {TURNS: np.zeros_like(flat)} if counts else {}


def turned(turns: Tensor, piece: _Piece) -> Tensor:
    """The turns after an update: up is where it is above 0, down elsewhere."""
    was_up, update = gates.greater(turns, 0), piece.after - piece.before
    upward = gates.where(was_up, turns, 1 - turns)
    downward = gates.where(was_up, -1 - turns, gates.minimum(turns, -1))
    after: Tensor = gates.where(gates.greater(update, 0), upward, downward)
    return after


def _share(turns: Tensor, later: Tensor) -> Tensor:
    """The share of weights that changed their direction."""
    changed = abs(later) - gates.maximum(abs(turns), 1)
    return _total(changed) / float(changed.size)


def direction_changes(weights: Mapping[str, Array], turns: Array | None) -> dict[str, Any]:
    """How often each weight has changed its direction, by the name of its parameter."""
    found: dict[str, Any] = {}
    start = 0
    for name, view in weights.items() if turns is not None else ():
        piece = np.asarray(turns)[start : start + view.size].reshape(view.shape)
        found[name] = np.maximum(np.abs(piece) - 1, 0).astype(np.int64)
        start += view.size
    return found


# Layers ---------------------------------------------------------------------------------------


def of_layers(net: Module, prediction: Tensor, row_weights: Tensor) -> dict[str, Tensor]:
    """What is watched of each layer's output; rows that fill up a batch do not count."""
    real = gates.cast(gates.greater(row_weights, 0), dtype=row_weights.dtype)
    count = real.sum()
    found: dict[str, Tensor] = {}
    for path, output in layer_outputs(prediction, len(row_weights)).items():
        found |= _of_layer(path or type(net).__name__, output, real, count)
    return found


def _of_layer(name: str, output: Tensor, real: Tensor, count: Tensor) -> dict[str, Tensor]:
    elements = count * float(prod(output.shape[1:]))

    def share(x: Tensor) -> Tensor:
        """The mean over real rows; each row is added up first, where it is made."""
        return (x.sum(axis=range(1, x.ndim)) * real).sum() / elements

    mean, square = share(output), share(output * output)
    found = {
        f"{name}/activation_mean": mean,
        f"{name}/activation_spread": gates.sqrt(gates.maximum(square - mean * mean, 0)),
    }
    if output.gate is gates.relu:
        largest = output.max(axis=range(output.ndim - 1))
        dead = gates.cast(gates.greater_equal(0, largest), dtype=output.dtype)
        found[f"{name}/dead"] = dead.sum() / float(dead.size)
    if output.gate in _LIMITS:
        low, high = _LIMITS[output.gate]
        distance = abs(output - (low + high) / 2)
        is_near = gates.greater(distance, (high - low) / 2 - MARGIN)
        found[f"{name}/saturated"] = share(gates.cast(is_near, dtype=output.dtype))
    return found


def layer_outputs(prediction: Tensor, rows: int) -> dict[str, Tensor]:
    """The output of each layer that gives some numbers a row, by the layer's path.

    That is the last node that the layer made; or its activation, where the network that holds
    the layer applies one to it.
    """
    nodes = [node for node in ancestors([prediction]) if node.layer is not None and node.recorded]
    last = {node.layer: node for node in nodes}
    applied = {
        node.inputs[0].number: node
        for node in nodes
        if node.gate in _ACTIVATIONS and node.layer != node.inputs[0].layer
    }
    found: dict[str, Tensor] = {}
    for path in sorted(last, key=lambda each: last[each].number):
        output = applied.get(last[path].number, last[path])
        is_rows = output.ndim >= 2 and output.shape[0] == rows and output.dtype.kind == "f"
        if is_rows and all(output is not each for each in found.values()):
            found[path or ""] = output
    return found
