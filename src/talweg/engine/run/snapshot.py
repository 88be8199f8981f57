"""A run between two epochs: everything that decides how it continues, on any engine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Snapshot:
    """A run at the end of an epoch. The order of rows follows from seed and epoch alone.

    `rules` holds the state of stopping rules and plateaus, such as "rule.0.best" and
    "plateau.lr.value"; `best` the weights with the lowest loss so far, if best weights are
    restored. `stopped_by` is the index of the stopping rule that held.
    """

    weights: Array
    state: Mapping[str, Array]
    rules: Mapping[str, Array]
    best: Array
    best_loss: float
    best_epoch: int
    epoch: int
    step: int
    seconds: float
    history: Mapping[str, npt.NDArray[np.float64]]
    watched: Mapping[str, npt.NDArray[np.float64]]
    stopped_by: int | None = None


class Checkpointer(Protocol):
    """Receives snapshots of a run while it trains, and holds the one that it continues from."""

    @property
    def start(self) -> Snapshot | None: ...

    def is_due(self, epoch: int, best_epoch: int) -> bool:
        """Whether a snapshot is wanted at the end of this epoch."""
        ...

    def epochs_until(self, epoch: int, pace: float) -> int:
        """The number of epochs until `is_due` is asked again; an epoch takes `pace` seconds."""
        ...

    def save(self, snapshot: Snapshot) -> None: ...


def flat(
    prefix: str, state: Mapping[str, Any], leaf: Callable[[Any], Any] = np.array
) -> dict[str, Any]:
    """The nested state of a rule by path, with each number as an array, or as `leaf` makes it."""
    leaves: dict[str, Any] = {}
    for name, value in state.items():
        path = f"{prefix}.{name}"
        is_nested = isinstance(value, Mapping)
        leaves |= flat(path, value, leaf) if is_nested else {path: leaf(value)}
    return leaves


def nested(prefix: str, initial: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Any]:
    """The inverse of `flat`: the `initial` state of a rule with the values of the arrays."""
    state = copy.deepcopy(dict(initial))
    for path, value in arrays.items():
        if path.startswith(f"{prefix}."):
            *parents, name = path.removeprefix(f"{prefix}.").split(".")
            inner = state
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[name] = value[()]
    return state
