"""The result of a run: the trained network, its history, and why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.errors import counted
from talweg.nn import Module


@dataclass(frozen=True)
class Failure:
    """Where a run became non-finite, which gate made the first NaN or infinity, and what to try."""

    epoch: int
    step: int
    gate: str
    layer: str
    line: str
    lr: float
    message: str


@dataclass(frozen=True, repr=False)
class Run:
    """The record of a training run.

    `history` has one entry per epoch: "loss" and each metric, the mean over the epoch's batches,
    each measured before its update; with validation also "val_loss" and so on, measured after the
    epoch. Epochs count from 1. `restored_epoch` is the epoch whose weights were the best and are in
    `net`; None where `net` has the final weights. `seconds` is the time of training without
    compiling, and `compile_seconds` the time of compiling. `stopped_by` is a short name such as
    "early_stopping", `stop_reason` the reason in words. A metric is a mean over rows, even if the
    loss of the same name is a sum. `watched` holds the quantities selected by `watch`, such as
    "0.weight/gradient_norm" and "0/dead": one number per epoch, the mean over its watched steps, or
    with "step" one number per step. `direction_changes` counts for each weight how often its update
    changed its sign, in the shapes of the parameters.
    """

    net: Module
    history: Mapping[str, npt.NDArray[np.float64]]
    stopped_by: str
    stop_reason: str
    restored_epoch: int | None
    epochs: int
    steps: int
    steps_per_epoch: int
    seconds: float
    compile_seconds: float
    settings: Mapping[str, Any]
    failure: Failure | None = None
    watched: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    direction_changes: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    @property
    def best_epoch(self) -> int:
        """The epoch after which the weights in `net` were taken; 0 for the start."""
        return self.epochs if self.restored_epoch is None else self.restored_epoch

    @property
    def weights_taken(self) -> str:
        """When the weights in `net` were taken, in words: such as "after epoch 7"."""
        if self.restored_epoch is None and self.steps > self.epochs * self.steps_per_epoch:
            return f"after step {self.steps}, within epoch {self.epochs + 1}"
        return f"after epoch {self.best_epoch}" if self.best_epoch else "of the start"

    def __repr__(self) -> str:
        loss = "".join(
            f", {name}={self.history[name][-1]:.6g}"
            for name in ("loss", "val_loss")
            if len(self.history.get(name, ()))
        )
        return (
            f"Run(epochs={self.epochs}{loss}, stopped_by={self.stopped_by!r}, "
            f"seconds={self.seconds:.2f})"
        )

    def __str__(self) -> str:
        ends = [f"{name} {values[-1]:.6g}" for name, values in self.history.items() if len(values)]
        steps = counted(self.steps, "step")
        done = f"{counted(self.epochs, 'epoch')}, {steps} in {self.seconds:.2f} s"
        return "\n".join(
            [
                ": ".join([done, ", ".join(ends)]) if ends else done,
                f"stopped because {self.stop_reason}",
                f"the weights are those {self.weights_taken}",
            ]
        )
