"""The control of a run from outside, and its outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.run.snapshot import Checkpointer
from talweg.gates import Array
from talweg.graph import Tensor


@dataclass
class Control:
    """Shared by a running engine and its caller, who reads counters and sets `stop` to end the run.

    If the `checkpointer` has a start, the run continues from there, and so does its time.
    """

    epoch: int = 0
    best_epoch: int = 0  # of the best weights so far, if these are restored
    step: int = 0
    stop: bool = False
    measures: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    checkpointer: Checkpointer | None = None

    def begin(self) -> None:
        """Start the clock."""
        start = self.checkpointer and self.checkpointer.start
        self.started = time.perf_counter()
        if start:
            self.started -= start.seconds
            self.epoch, self.step = start.epoch, start.step
            measures = {name: values for name, values in start.history.items() if len(values)}
            self.measures = {name: float(values[-1].flat[0]) for name, values in measures.items()}


@dataclass(frozen=True)
class BadStep:
    """The step that made a number non-finite, the node that did so first, and the settings."""

    epoch: int
    step: int
    node: Tensor | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The result of a run: arrays, and why it stopped.

    `stopped_by` is the index of the stopping rule, or one of "epochs", "time_budget",
    "interrupted", "non_finite" and "no_descent". `restored_epoch` is the epoch whose weights were
    the best and are returned; None if the final ones are. `seconds` is the time of training,
    `compile_seconds` that of compiling. `watched` holds a column for each watched output, `state`
    the final state of the optimizer.
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
