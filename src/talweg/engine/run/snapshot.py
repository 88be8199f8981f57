"""Where a run stands between two epochs: all that decides how it goes on, for either engine."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Snapshot:
    """A run after so many whole epochs; orders of rows follow from seed and epoch alone.

    `rules` holds what stopping rules and plateaus remember, as "rule.0.best" and
    "plateau.lr.value"; `best` the weights of the least loss so far, where the best are kept.
    `stopped_by` is the place of the stopping rule that held.
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


class Keeper(Protocol):
    """Who is given snapshots of a run while it goes on, and where the run starts."""

    @property
    def start(self) -> Snapshot | None: ...

    def is_due(self, epoch: int, best_epoch: int) -> bool:
        """Whether a snapshot is wanted at the end of this epoch."""
        ...

    def epochs_until(self, epoch: int, pace: float) -> int:
        """After how many more epochs, of so many seconds each, to ask again."""
        ...

    def keep(self, snapshot: Snapshot) -> None: ...


def flat(prefix: str, state: Mapping[str, Any]) -> dict[str, Array]:
    """What a rule remembers, as arrays by path."""
    found: dict[str, Array] = {}
    for name, value in state.items():
        path = f"{prefix}.{name}"
        found |= flat(path, value) if isinstance(value, Mapping) else {path: np.array(value)}
    return found


def nested(prefix: str, state: Mapping[str, Any], found: Mapping[str, Array]) -> dict[str, Any]:
    """The opposite of `flat`: what a rule remembers at first, with what was found in its place."""
    whole = copy.deepcopy(dict(state))
    for path, value in found.items():
        if path.startswith(f"{prefix}."):
            *outer, name = path.removeprefix(f"{prefix}.").split(".")
            inner = whole
            for each in outer:
                inner = inner.setdefault(each, {})
            inner[name] = value[()]
    return whole
