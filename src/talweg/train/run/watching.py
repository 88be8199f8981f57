"""Watched quantities of a run, as outputs of the step's own graph.

For a parameter: the norm of its gradient, the size of its update, and how many of its weights
change their direction. For a layer: the mean and spread of its output, dead and saturated units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.graph import Tensor
from talweg.graph.node import ancestors
from talweg.nn import Module
from talweg.settings import plain
from talweg.train.run.parameter_slices import total
from talweg.train.run.sign_changes import LONGEST

EVERY, LEAST, MOST = 12, 4, 16
"""A mean over an epoch watches every twelfth step, but at least four steps, if there are that many,
and at most sixteen.
"""
MARGIN = 0.02
"""An activation within this distance of its limit is saturated."""
_LIMITS = {gates.sigmoid: (0.0, 1.0), gates.tanh: (-1.0, 1.0)}
_ACTIVATIONS = (gates.relu, gates.maximum, gates.softplus, *_LIMITS)
OF_PARAMETERS = ("gradient_norm", "update_ratio", "direction_changes")


@dataclass(frozen=True)
class Watch:
    """The quantities to watch, by name or part of a name (none means all), and how often."""

    names: tuple[str, ...] = ()
    steps: bool = False

    def wants(self, quantity: str) -> bool:
        return not self.names or any(_matches(name, quantity) for name in self.names)

    def every(self, steps: int) -> int:
        """The number of steps from one watched step to the next, in an epoch of `steps` steps."""
        usual = max(-(-steps // MOST), min(-(-steps // LEAST), EVERY))
        return 1 if self.steps else min(usual, LONGEST)

    def wants_turns(self, names: Iterable[str]) -> bool:
        return self.wants_parameters(names, ["direction_changes"])

    def wants_parameters(self, names: Iterable[str], quantities: Sequence[str]) -> bool:
        return any(self.wants(f"{name}/{quantity}") for name in names for quantity in quantities)

    def chosen(
        self, quantities: Mapping[str, Tensor], parameters: Iterable[str]
    ) -> dict[str, Tensor]:
        """The wanted quantities. SettingError: a name matches none."""
        known = [
            *quantities,
            *(f"{name}/{quantity}" for name in parameters for quantity in OF_PARAMETERS),
        ]
        for name in self.names:
            if not any(_matches(name, quantity) for quantity in known):
                words = {word for quantity in known for word in (quantity, *quantity.split("/"))}
                hint = nearest(name, sorted(words))
                raise SettingError(f"fit: nothing called {name!r} can be watched. {hint}")
        return {name: tensor for name, tensor in quantities.items() if self.wants(name)}


def _matches(name: str, quantity: str) -> bool:
    """Whether a name matches a quantity such as "0.weight/gradient_norm", whole or on one side."""
    return name in (quantity, *quantity.split("/"))


def as_watch(given: Any) -> Watch | None:
    """The `watch` of `fit`: None, True or "epoch", "step", or names, which may include "step"."""
    given = plain(given)
    if given is None or isinstance(given, bool):
        return Watch() if given else None
    names = (given,) if isinstance(given, str) else given
    names = tuple(names) if isinstance(names, Iterable) else (names,)
    if not names:
        return None
    if not all(isinstance(name, str) for name in names):
        raise SettingError(
            'fit: watch is None, "epoch", "step" or names such as ["gradient_norm", "0/dead"], '
            f"but {given!r} was given"
        )
    kept = tuple(name for name in names if name not in ("epoch", "step"))
    return Watch(kept, "step" in names)


# Parameters -----------------------------------------------------------------------------------


def norms(name: str, size: Tensor, gradient: Tensor, update: Tensor) -> dict[str, Tensor]:
    """|gradient| and |update| / |weights|; the ratio is 1 where `size`, the |weights|, is 0."""
    moved = norm(update)
    base = gates.where(size > 0, size, gates.where(moved > 0, moved, 1))
    return {f"{name}/gradient_norm": norm(gradient), f"{name}/update_ratio": moved / base}


def norm(x: Tensor) -> Tensor:
    """The Euclidean norm of all elements."""
    root: Tensor = gates.sqrt(total(x * x))
    return root


# Layers ---------------------------------------------------------------------------------------


def of_layers(net: Module, prediction: Tensor, row_weights: Tensor) -> dict[str, Tensor]:
    """The quantities of each layer's output, without rows of weight 0, which fill up a batch."""
    counts = gates.greater(row_weights, 0)
    quantities: dict[str, Tensor] = {}
    for path, output in layer_outputs(prediction, len(row_weights)).items():
        quantities |= _of_layer(path or type(net).__name__, output, counts)
    return quantities


def _of_layer(name: str, output: Tensor, counts: Tensor) -> dict[str, Tensor]:
    """The quantities of a layer; `counts` (N) marks the rows that belong to the batch."""
    rows = gates.cast(counts, dtype=output.dtype).sum()
    elements = rows * float(prod(output.shape[1:]))
    shaped = counts.reshape(len(counts), *(1 for _ in output.shape[1:]))

    def mean(values: Tensor) -> Tensor:
        """Rows that fill up are masked, since noise makes them differ from the original."""
        mean_of: Tensor = total(gates.where(shaped, values, 0)) / elements
        return mean_of

    first, second = mean(output), mean(output * output)
    quantities = {
        f"{name}/activation_mean": first,
        f"{name}/activation_spread": gates.sqrt(gates.maximum(second - first * first, 0)),
    }
    if _is_relu(output):
        largest = gates.where(shaped, output, 0).max(axis=range(output.ndim - 1))
        dead = gates.cast(gates.greater_equal(0, largest), dtype=output.dtype)
        quantities[f"{name}/dead"] = dead.sum() / float(dead.size)
    if output.gate in _LIMITS:
        low, high = _LIMITS[output.gate]
        middle, reach = (low + high) / 2, (high - low) / 2 - MARGIN
        is_near = gates.greater(abs(output - middle), reach)
        quantities[f"{name}/saturated"] = mean(gates.cast(is_near, dtype=output.dtype))
    return quantities


def _is_relu(node: Tensor) -> bool:
    is_constant = [not source.recorded and not source.array.any() for source in node.inputs]
    return node.gate is gates.relu or (node.gate is gates.maximum and any(is_constant))


def layer_outputs(prediction: Tensor, rows: int) -> dict[str, Tensor]:
    """The outputs (N, ...) of layers, by path.

    It is the last node of the layer, or the activation that the enclosing network applies to it.
    """
    nodes = [node for node in ancestors([prediction]) if node.layer is not None and node.recorded]
    last = {node.layer: node for node in nodes}
    applied = {
        node.inputs[0].number: node
        for node in nodes
        if node.gate in _ACTIVATIONS and node.layer != node.inputs[0].layer
    }
    outputs: dict[str, Tensor] = {}
    for path in sorted(last, key=lambda path: last[path].number):
        output = applied.get(last[path].number, last[path])
        is_rows = output.ndim >= 2 and output.shape[0] == rows and output.dtype.kind == "f"
        if is_rows and all(output is not other for other in outputs.values()):
            outputs[path or ""] = output
    return outputs
