"""Watching: what a run says of itself while it trains, as outputs of the step's own graph.

Of a parameter: the norm of its gradient, how far a step moves it, and how many of its weights
turn round. Of a layer's output: its mean and spread, and its dead and saturated units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.graph import Tensor
from talweg.graph.topological_order import ancestors
from talweg.nn import Module
from talweg.settings import plain
from talweg.train.run.parameter_slices import total
from talweg.train.run.sign_changes import LONGEST

EVERY, LEAST, MOST = 12, 4, 16
"""Where means over epochs are asked for, each twelfth step is watched, but four of an epoch, if it
has them, and at most sixteen.
"""
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

    def every(self, steps: int) -> int:
        """How many steps it is from one that is watched to the next, in epochs of so many."""
        usual = max(-(-steps // MOST), min(-(-steps // LEAST), EVERY))
        return 1 if self.steps else min(usual, LONGEST)

    def wants_turns(self, names: Iterable[str]) -> bool:
        return self.wants_parameters(names, ["direction_changes"])

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
    given = plain(given)
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


def norms(name: str, size: Tensor, gradient: Tensor, update: Tensor) -> dict[str, Tensor]:
    """|gradient|, and |update| / |weights|, which is 1 where that was 0; `size` is the latter."""
    moved = norm(update)
    base = gates.where(size > 0, size, gates.where(moved > 0, moved, 1))
    return {f"{name}/gradient_norm": norm(gradient), f"{name}/update_ratio": moved / base}


def norm(x: Tensor) -> Tensor:
    """The Euclidean norm of all elements."""
    found: Tensor = gates.sqrt(total(x * x))
    return found


# Layers ---------------------------------------------------------------------------------------


def of_layers(net: Module, prediction: Tensor, row_weights: Tensor) -> dict[str, Tensor]:
    """What is watched of each layer's output; rows of weight 0 only fill up a batch."""
    counts = gates.greater(row_weights, 0)
    found: dict[str, Tensor] = {}
    for path, output in layer_outputs(prediction, len(row_weights)).items():
        found |= _of_layer(path or type(net).__name__, output, counts)
    return found


def _of_layer(name: str, output: Tensor, counts: Tensor) -> dict[str, Tensor]:
    """`counts` (N) says which rows are part of the batch."""
    rows = gates.cast(counts, dtype=output.dtype).sum()
    elements = rows * float(prod(output.shape[1:]))
    shaped = counts.reshape(len(counts), *(1 for _ in output.shape[1:]))

    def mean(values: Tensor) -> Tensor:
        """Filling rows are left out, not subtracted: noise makes them differ from their origin."""
        mean_of: Tensor = total(gates.where(shaped, values, 0)) / elements
        return mean_of

    first, second = mean(output), mean(output * output)
    found = {
        f"{name}/activation_mean": first,
        f"{name}/activation_spread": gates.sqrt(gates.maximum(second - first * first, 0)),
    }
    if _is_relu(output):
        largest = gates.where(shaped, output, 0).max(axis=range(output.ndim - 1))
        dead = gates.cast(gates.greater_equal(0, largest), dtype=output.dtype)
        found[f"{name}/dead"] = dead.sum() / float(dead.size)
    if output.gate in _LIMITS:
        low, high = _LIMITS[output.gate]
        middle, reach = (low + high) / 2, (high - low) / 2 - MARGIN
        is_near = gates.greater(abs(output - middle), reach)
        found[f"{name}/saturated"] = mean(gates.cast(is_near, dtype=output.dtype))
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
