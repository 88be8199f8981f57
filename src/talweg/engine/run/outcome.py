"""What Python and a running engine tell each other, and what a run gives back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.run.snapshot import Keeper
from talweg.gates import Array
from talweg.graph import Tensor


@dataclass
class Control:
    """What Python and a running engine tell each other: a counter to read, a flag to set.

    Where a `keeper` has a start, the run goes on from there, and its time counts.
    """

    epoch: int = 0
    best_epoch: int = 0  # of the weights that are kept, where the best ones are
    step: int = 0
    stop: bool = False
    measures: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    keeper: Keeper | None = None

    def begin(self) -> None:
        """Start the clock."""
        start = self.keeper and self.keeper.start
        self.started = time.perf_counter()
        if start:
            self.started -= start.seconds
            self.epoch, self.step = start.epoch, start.step
            last = {name: each[-1].flat[0] for name, each in start.history.items() if len(each)}
            self.measures = {name: float(each) for name, each in last.items()}


@dataclass(frozen=True)
class BadStep:
    """The step that made a loss or a weight non-finite, what did it first, the settings then."""

    epoch: int
    step: int
    node: Tensor | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What an engine gives back: plain arrays and why it stopped.

    `stopped_by` is the position of the stopping rule, or one of epochs, time_budget,
    interrupted, non_finite, no_descent. `restored_epoch` is the epoch whose weights were
    the best and are given back; None where the weights are the final ones. `seconds` is the time
    in the run itself, `compile_seconds` that before it. `watched` holds the columns of
    what was watched, by the names of the outputs; `state` the optimizer's at the end.
    """

    weights: Array
    history: Mapping[str, npt.NDArray[np.float64]]
    stopped_by: int | str
    restored_epoch: int | None
    epochs: int
    steps: int
    seconds: float
    bad_step: BadStep | None = None
    compile_seconds: float = 0.0
    watched: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
