"""Settings that change in a run: schedules, known ahead, and plateaus, which follow measures."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.engine.run.program import Program
from talweg.engine.run.snapshot import Snapshot
from talweg.gates import Array


class ChangingSettings:
    """The values of the settings that change, as rows of a table that the program reads.

    There is a row for each epoch, or for each step if a schedule changes within epochs. The program
    writes the values of plateaus into the next epoch's rows as it goes.
    """

    def __init__(self, program: Program, steps_per_epoch: int) -> None:
        self.program, self.steps_per_epoch = program, steps_per_epoch
        self.rows = steps_per_epoch if program.schedule.by_step else 1
        starts = [rule.init()["value"] for rule in program.schedule.plateaus.values()]
        self._plateaus = np.array([starts])  # a row for each epoch

    def table(self, first: int, epochs: int) -> Array:
        """The rows of some epochs, and zeros for those of one more."""
        schedules, rows = self.program.schedule.schedules.values(), self.rows
        times = [first + epoch + row / rows for epoch in range(epochs) for row in range(rows)]
        values = np.zeros(((epochs + 1) * rows, len(self.program.schedule.changing)))
        values[: len(times), : len(schedules)] = [[at(time) for at in schedules] for time in times]
        known = np.repeat(self._plateaus[first : first + epochs], rows, axis=0)
        values[: len(known), len(schedules) :] = known
        return values

    def record_plateaus(self, table: Array, epochs: int) -> None:
        """Record the values of plateaus that the program wrote for the epochs after the first."""
        end = (epochs + 1) * self.rows
        values = table[self.rows : end : self.rows, len(self.program.schedule.schedules) :]
        self._plateaus = np.concatenate([self._plateaus, values])

    def at(self, epochs: int, steps: int) -> dict[str, Any]:
        """All settings of the step that follows this many epochs and steps."""
        done = epochs + (steps - epochs * self.steps_per_epoch) / self.steps_per_epoch
        settings, plateaus = self.program.schedule.settings_at(done), self.program.schedule.plateaus
        if plateaus:
            settings |= dict(zip(plateaus, self._plateaus[epochs], strict=True))
        return settings

    def resume(self, start: Snapshot) -> None:
        """Continue with the values of plateaus in a snapshot; earlier ones are never read again."""
        values = [
            float(start.rules[f"plateau.{name}.value"]) for name in self.program.schedule.plateaus
        ]
        self._plateaus = np.tile(values, (start.epoch + 1, 1))
