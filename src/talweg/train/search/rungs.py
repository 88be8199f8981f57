"""The rungs of a sweep, one after the other; without halving there is one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from talweg.train.search.batching import Ended, replicas_among, works_of
from talweg.train.search.executor import SideBySide
from talweg.train.search.jobs import Task
from talweg.train.search.rung_results import Standing, kept
from talweg.train.search.successive_halving import SuccessiveHalving, left_behind
from talweg.train.search.sweep_file import SweepFile


class Contest:
    """Brings all runs to the end of a rung, lets the best go on, and keeps what is done."""

    def __init__(
        self,
        tasks: Sequence[Task],
        halving: SuccessiveHalving | None,
        rungs: Sequence[int | None],
        side_by_side: SideBySide,
        file: SweepFile | None,
        *,
        replicates: bool,
    ) -> None:
        self.tasks, self.halving, self.rungs = tasks, halving, rungs
        self.side_by_side, self.file = side_by_side, file
        self.standings = list(file.standings) if file else [Standing()] * len(tasks)
        self.shares = replicas_among(tasks) if replicates else set()
        validates = any(each.job.program.validates for each in tasks)
        self.measure = "val_loss" if validates else "loss"

    def run(self) -> list[Standing]:
        """Where each run stands in the end."""
        entrants = list(range(len(self.tasks)))
        try:
            for rung in range(len(self.rungs)):
                self._climb(rung, entrants)
                if self.side_by_side.is_interrupted:
                    break
                if self.halving and rung < len(self.rungs) - 1:
                    entrants = self._best(self.halving, rung, entrants)
        finally:
            if self.file:
                self.file.write()
        return [self._ended(each) for each in self.standings]

    def _climb(self, rung: int, entrants: Sequence[int]) -> None:
        """Bring those that have not done a rung to its end."""
        left = [place for place in entrants if self._is_left(self.standings[place], rung)]
        tasks, epochs = list(self.tasks), self.rungs[rung]
        if epochs is not None:
            for place in left:
                tasks[place] = tasks[place].until(epochs, self.standings[place].snapshot)
        self.side_by_side.run(
            works_of(tasks, left, self.shares, self.side_by_side.workers), self._note
        )

    def _is_left(self, standing: Standing, rung: int) -> bool:
        return standing.goes_on and len(standing.losses) <= rung

    def _note(self, place: int, ended: Ended) -> None:
        """A run is at the end of its rung, or was interrupted on the way."""
        before, run = self.standings[place], ended.run
        if run.stopped_by == "interrupted":
            self.standings[place] = replace(before, run=run)
            return
        loss = math.inf if run.failure else kept(run, self.measure)
        self._put(place, Standing(run, (*before.losses, loss), ended.snapshot))

    def _put(self, place: int, standing: Standing) -> None:
        self.standings[place] = standing
        if self.file:
            self.file.put(place, standing)

    def _best(self, halving: SuccessiveHalving, rung: int, entrants: Sequence[int]) -> list[int]:
        """The places that go on; the others end here."""
        best = halving.best({place: self.standings[place] for place in entrants}, rung)
        share = f"{len(best)} of {len(entrants)}"
        for place in sorted({*entrants} - {*best}):
            standing = left_behind(self.standings[place], rung, self.rungs, share)
            if standing is not self.standings[place]:
                self._put(place, standing)
        return best

    def _ended(self, standing: Standing) -> Standing:
        """With the reason why a run did not go on that might have, after Ctrl-C."""
        run = standing.run
        if run is None or not self._is_left(standing, len(self.rungs) - 1):
            return standing
        why = f"the sweep was interrupted after its rung {len(standing.losses)}"
        return replace(standing, run=replace(run, stopped_by="interrupted", stop_reason=why))
