"""How far each run of a sweep is, and what runs are compared by."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from talweg.engine.run.snapshot import Snapshot
from talweg.train.run.run import Run


@dataclass(frozen=True)
class Standing:
    """What is known of a run: its record, the loss that it had at the end of each rung that it has
    done, and where it goes on from, if it may.
    """

    run: Run | None = None
    losses: tuple[float, ...] = ()
    snapshot: Snapshot | None = None

    @property
    def goes_on(self) -> bool:
        """Whether nothing but the number of epochs has ended the run, or it has not begun."""
        return self.run is None or self.run.stopped_by == "epochs"

    def loss_at(self, rung: int) -> float:
        """The loss at the end of a rung, or of the one that the run ended in."""
        return self.losses[min(rung, len(self.losses) - 1)] if self.losses else math.inf


def kept(run: Run, name: str) -> float:
    """A measure in the epoch whose weights the run kept; NaN where there is none."""
    values = run.history.get(name, ())
    return float(values[run.best_epoch - 1]) if 0 < run.best_epoch <= len(values) else math.nan


def measure_of(runs: Iterable[Run]) -> str:
    """What runs are compared by: the validation loss, where there is one."""
    return "val_loss" if any("val_loss" in run.history for run in runs) else "loss"
