"""How far each run of a sweep is, and the measure that runs are compared by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from talweg.engine.run.snapshot import Snapshot
from talweg.train.run.run import Run


@dataclass(frozen=True)
class RunState:
    """The state of a run: its record, its loss at the end of each rung so far, and the snapshot
    that it continues from, if it may.
    """

    run: Run | None = None
    losses: tuple[float, ...] = ()
    snapshot: Snapshot | None = None

    @property
    def may_continue(self) -> bool:
        """Whether the run has not started, or ended only because it had done its epochs."""
        return self.run is None or self.run.stopped_by == "epochs"

    def loss_at(self, rung: int) -> float:
        """The loss at the end of a rung, or of the earlier one in which the run ended."""
        return self.losses[min(rung, len(self.losses) - 1)] if self.losses else math.inf


def measure_at_best(run: Run, name: str) -> float:
    """A measure in the epoch whose weights the run kept; NaN if there is none."""
    values = run.history.get(name, ())
    return float(values[run.best_epoch - 1]) if 0 < run.best_epoch <= len(values) else math.nan


def compared_by(runs: Iterable[Run]) -> str:
    """The measure that runs are compared by: the validation loss, if there is one."""
    return "val_loss" if any("val_loss" in run.history for run in runs) else "loss"


def left_behind(state: RunState, rung: int, rungs: Sequence[int | None], best: str) -> RunState:
    """The state of a run that ends after a rung, since others were better."""
    run = state.run
    if run is None or not state.may_continue:
        return state
    reason = (
        f"with a loss of {state.loss_at(rung):.6g} after {rungs[rung]} epochs it was not among "
        f"the best {best}, which continued (rung {rung + 1} of {len(rungs)})"
    )
    return replace(state, run=replace(run, stopped_by="halving", stop_reason=reason), snapshot=None)
