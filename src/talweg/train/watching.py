"""Watching: what a run says of itself while it trains, as outputs of the step's own graph.

Of a parameter: the norm of its gradient, how far a step moves it, and how many of its weights
turn round. Of a layer's output: its mean and spread, and its dead and saturated units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.graph.order import ancestors
from talweg.nn import Module
from talweg.optim.optimizer import State
from talweg.train.cuts import cuts, joined, total

TURNS, TURNING = "turns", "turning"
"""The state that counts each weight's changes of direction: 1 + changes, with the sign of the last
update, both in one number, since what they cost is to be read and written. `turning` is what a
change counts: 0 in the first step, which has none before it, and then 1.
"""
COUNTS = {TURNS, TURNING}
MARGIN = 0.02
"""How near to its limit an activation is saturated."""
_LIMITS = {gates.sigmoid: (0.0, 1.0), gates.tanh: (-1.0, 1.0)}
_ACTIVATIONS = (gates.relu, gates.maximum, gates.softplus, *_LIMITS)
OF_PARAMETERS = ("gradient_norm", "update_ratio", "direction_changes")


@dataclass(frozen=True)
class Watch:
    """What to watch, by its name or a part of it (all, where there are none), and how often."""

    names: tuple[str, ...] = ()
    steps: bool = False

    def wants(self, quantity: str) -> bool:
        return not self.names or any(_is_meant(each, quantity) for each in self.names)

    def wants_parameters(self, names: Iterable[str], quantities: Sequence[str]) -> bool:
        return any(self.wants(f"{name}/{each}") for name in names for each in quantities)

    def chosen(
        self, quantities: Mapping[str, Tensor], parameters: Iterable[str]
    ) -> dict[str, Tensor]:
        """The quantities that are wanted; each name must mean one."""
        known = [*quantities, *(f"{name}/{each}" for name in parameters for each in OF_PARAMETERS)]
        for name in self.names:
            if not any(_is_meant(name, each) for each in known):
                words = {word for each in known for word in (each, *each.split("/"))}
                hint = nearest(name, sorted(words))
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
    if not names:
        return None
    if not all(isinstance(each, str) for each in names):
        raise SettingError(
            'fit: watch is None, "epoch", "step" or names such as ["gradient_norm", "0/dead"], '
            f"but {given!r} was given"
        )
    kept = tuple(each for each in names if each not in ("epoch", "step"))
    return Watch(kept, "step" in names)


# Parameters -----------------------------------------------------------------------------------


def norms(name: str, before: Tensor, gradient: Tensor, update: Tensor) -> dict[str, Tensor]:
    """|gradient|, and |update| / |before|, which is 1 where that was 0; Euclidean norms."""
    size, moved = _norm(before), _norm(update)
    base = gates.where(size > 0, size, gates.where(moved > 0, moved, 1))
    return {f"{name}/gradient_norm": _norm(gradient), f"{name}/update_ratio": moved / base}


def _norm(x: Tensor) -> Tensor:
    norm: Tensor = gates.sqrt(total(x * x))
    return norm


# Turns ----------------------------------------------------------------------------------------


def first_turns(watch: Watch | None, weights: Mapping[str, Array], flat: Array) -> State:
    """The state of a run that counts changes of direction; nothing for one that does not."""
    if watch is None or not watch.wants_parameters(weights, ["direction_changes"]):
        return {}
    return {TURNS: np.ones_like(flat), TURNING: np.zeros((), flat.dtype)}


def counted(state: State, updates: Mapping[str, Tensor]) -> tuple[State, dict[str, Tensor]]:
    """What is counted after a step, and the share of each parameter that turned round."""
    # the updates are stored and read again: counting them where they are made, behind a division
    # and a root, took 3.2 us of a step of 20 us for 7,510 weights, and this takes 1.6
    whole = joined(updates.values())
    found, after = {}, []
    for name, cut in cuts(updates).items():
        turns, update = cut.of(state[TURNS]), cut.of(whole)
        is_up = gates.greater(update, 0)
        is_same = gates.equal(is_up, gates.greater(turns, 0))
        change = gates.where(is_same, 0, state[TURNING])
        count = abs(turns) + change
        after.append(gates.where(is_up, count, -count))
        found[f"{name}/direction_changes"] = total(change) / float(change.size)
    return {TURNS: joined(after), TURNING: gates.maximum(state[TURNING], 1)}, found


def direction_changes(weights: Mapping[str, Array], turns: Array | None) -> dict[str, Any]:
    """How often each weight has changed its direction, by the name of its parameter."""
    found: dict[str, Any] = {}
    start = 0
    for name, view in weights.items() if turns is not None else ():
        piece = np.asarray(turns)[start : start + view.size].reshape(view.shape)
        found[name] = (np.abs(piece) - 1).astype(np.int64)
        start += view.size
    return found


# Layers ---------------------------------------------------------------------------------------


def of_layers(net: Module, prediction: Tensor, row_weights: Tensor) -> dict[str, Tensor]:
    """What is watched of each layer's output; rows of weight 0 fill up a batch."""
    kinds = gates.greater(row_weights, 0), gates.equal(row_weights, 0)
    real, filled = (gates.cast(each, dtype=row_weights.dtype).sum() for each in kinds)
    found: dict[str, Tensor] = {}
    for path, output in layer_outputs(prediction, len(row_weights)).items():
        found |= _of_layer(path or type(net).__name__, output, real, filled)
    return found


def _of_layer(name: str, output: Tensor, real: Tensor, filled: Tensor) -> dict[str, Tensor]:
    elements = real * float(prod(output.shape[1:]))

    def mean(of: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean over real rows: those that fill up are copies of the first."""
        return total(of(output).sum(axis=0) - filled * of(output[0])) / elements

    first, second = mean(lambda x: x), mean(lambda x: x * x)
    found = {
        f"{name}/activation_mean": first,
        f"{name}/activation_spread": gates.sqrt(gates.maximum(second - first * first, 0)),
    }
    if _is_relu(output):
        largest = output.max(axis=range(output.ndim - 1))
        dead = gates.cast(gates.greater_equal(0, largest), dtype=output.dtype)
        found[f"{name}/dead"] = dead.sum() / float(dead.size)
    if output.gate in _LIMITS:
        low, high = _LIMITS[output.gate]
        middle, reach = (low + high) / 2, (high - low) / 2 - MARGIN
        found[f"{name}/saturated"] = mean(
            lambda x: gates.cast(gates.greater(abs(x - middle), reach), dtype=x.dtype)
        )
    return found


def _is_relu(node: Tensor) -> bool:
    is_constant = [not each.recorded and not each.array.any() for each in node.inputs]
    return node.gate is gates.relu or (node.gate is gates.maximum and any(is_constant))


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
