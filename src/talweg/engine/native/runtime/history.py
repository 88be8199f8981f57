"""The history of a run: a row for each epoch, and where each step is watched, one for each step.

The program writes rows into arrays that one call of it fills; the calls' arrays are joined.
"""

from __future__ import annotations

import numpy as np

from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.run.snapshot import Snapshot
from talweg.gates import Array


class History:
    """The rows that all calls of the program have recorded so far."""

    def __init__(self, plans: RunPlans, validates: bool) -> None:
        self.plans, self.program, self.validates = plans, plans.program, validates
        self._epochs_before = 0
        self._by_epoch = [np.zeros((0, plans.columns))]
        self._by_step = [np.zeros((0, len(self.program.watched)))]

    def begin_call(self, first: int, epochs: int, steps: int) -> tuple[Array, Array]:
        """Zeros for the rows of a call's epochs and watched steps."""
        self._epochs_before = first
        self._by_epoch.append(np.zeros((epochs, self.plans.columns)))
        watched = steps if self.program.graphs.watch_steps else 0
        self._by_step.append(np.zeros((watched, len(self.program.watched))))
        return self._by_epoch[-1], self._by_step[-1]

    def end_call(self, epochs: int, steps: int) -> None:
        """Drop the rows that the call did not fill."""
        self._by_epoch[-1] = self._by_epoch[-1][:epochs]
        self._by_step[-1] = self._by_step[-1][:steps]

    def measures_of(self, epoch: int) -> dict[str, float]:
        """The measures of an epoch of the current call; the first replica's."""
        row = self._by_epoch[-1][epoch - 1 - self._epochs_before]
        return {name: float(row[column]) for name, column in self._columns().items()}

    def measures(self) -> dict[str, Array]:
        """Each measure by epoch; (epochs, replicas) if there are several replicas."""
        return {name: self._measure(column) for name, column in self._columns().items()}

    def watched(self) -> dict[str, Array]:
        """Each watched quantity, by step or by epoch."""
        names, first = self.program.watched, len(self.program.graphs.measures)
        by_step = self.program.graphs.watch_steps
        rows = _joined(self._by_step) if by_step else _joined(self._by_epoch)[:, first:]
        return {name: rows[:, column].copy() for column, name in enumerate(names)}

    def resume(self, start: Snapshot) -> None:
        """Begin with the rows of a snapshot."""
        rows = np.zeros((start.epoch, self.plans.columns))
        for name, column in self._columns().items():
            rows.T[column : column + self.program.graphs.replicas] = start.history[name].T
        watched, first = list(start.watched.values()), len(self.program.graphs.measures)
        if watched and self.program.graphs.watch_steps:
            self._by_step = [np.stack(watched, axis=1)]
        elif watched:
            rows[:, first : first + len(watched)] = np.stack(watched, axis=1)
        self._by_epoch = [rows]

    def _columns(self) -> dict[str, int]:
        """The column of each measure; that of its first replica."""
        columns = self.plans.step_columns
        return columns | self.plans.evaluation_columns if self.validates else columns

    def _measure(self, column: int) -> Array:
        replicas, rows = self.program.graphs.replicas, _joined(self._by_epoch)
        if replicas == 1:
            return rows[:, column].copy()
        return rows[:, column : column + replicas]


def _joined(pieces: list[Array]) -> Array:
    """All rows; those of a single call are not copied, since replicas record some megabytes."""
    filled = [piece for piece in pieces if len(piece)] or pieces[:1]
    pieces[:] = filled if len(filled) == 1 else [np.concatenate(filled)]
    return pieces[0]
