"""A table as it is to be learned: the rows that have a target, and the kind of each column."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from talweg.data.columns.cells import Cells, mark_of
from talweg.data.columns.detection import type_columns
from talweg.data.columns.doubts import doubts_about
from talweg.data.columns.kinds.base import ColumnType
from talweg.data.columns.labels import left_out
from talweg.data.columns.table import Table, evenly
from talweg.data.model.roles import Roles, weights_in
from talweg.data.model.target import Classification, Coding, Regressions, Target, Task
from talweg.data.split.timeline import Timeline, timeline_of
from talweg.errors import DataError, DataWarning

FEWEST_ROWS = 10  # with a target: fewer leave a test of a single row, or none


@dataclass(frozen=True, eq=False)
class Learnable:
    """A `table` under the settings of a TableModel; `kept` are the rows to learn from, and
    `timeline` says when each of them was, where a column tells.
    """

    table: Table
    roles: Roles
    coding: Coding
    kept: Table
    types: list[ColumnType]
    timeline: Timeline | None

    @classmethod
    def of(cls, table: Table, given: Mapping[str, Any]) -> Self:
        """DataError: what cannot be learned from."""
        roles = Roles.of(table, given)
        coding, kept = _learnable(table, roles, given["task"])
        asked, learnt = dict(given["columns"]), len(roles.targets)
        types = type_columns(kept, roles.no_inputs, asked, learnt=learnt, whole=table)
        return cls(table, roles, coding, kept, types, timeline_of(kept, roles, types, asked))

    @property
    def ruling_time(self) -> Timeline | None:
        """What rows are held out along; None where they are dealt at random, or by groups."""
        return self.timeline if self.timeline and self.timeline.rules else None

    def some(self, most: int) -> Self:
        """At most so many of the rows, evenly from first to last."""
        if len(self.kept) <= most:
            return self
        rows = evenly(len(self.kept), most)
        time = self.timeline and replace(self.timeline, times=self.timeline.times[rows])
        return replace(self, kept=self.kept.take(rows), timeline=time)

    def warn(self) -> None:
        """A DataWarning for each column that is left out and looks like one of numbers, and for
        each target of numbers that could be others.
        """
        lost = [each for each in self.types if not each.used and each.note]
        said = [f"the column {each.name!r} is left out. {each.note}" for each in lost]
        if not isinstance(self.coding, Classification):
            pairs = zip(self.roles.targets, self.target_cells, strict=True)
            doubts = {name: doubts_about(cells, mark_of(cells)) for name, cells in pairs}
            said += [f"the target {name!r}: {each}" for name, each in doubts.items() if each]
        for each in said:
            warnings.warn(f"{self.table.source}: {each}", DataWarning, stacklevel=3)

    @property
    def target_cells(self) -> list[Cells]:
        """The cells of each target, of the rows that are kept."""
        return _target_cells(self.kept, self.roles)


def _learnable(table: Table, roles: Roles, task: Task | None) -> tuple[Coding, Table]:
    """What the target is, and the rows that have one, and a weight above 0 where there is any.

    Of several targets rows have all.
    """
    known = Target.known(*_target_cells(table, roles))
    if roles.weight is not None:
        known = known & (weights_in(table, roles.weight) > 0)
    count = int(np.count_nonzero(known))
    if count:
        _refuse_few(table, count)
    kept = table if known.all() else table.take(known)
    # Of all rows where they do, so that an error names the row of the table.
    fitted = table if roles.weight is None else kept
    cells = _target_cells(fitted, roles)
    coding = Target.fit_all(cells, roles.targets, task=task, types=table.types)
    if isinstance(coding, Regressions):
        _refuse_few(table, count)
        coding = Target.fit_all(_target_cells(kept, roles), roles.targets, task="regression")
    if isinstance(coding, Classification):
        _warn_of_marks(coding, table)
    return coding, kept


def _warn_of_marks(coding: Classification, table: Table) -> None:
    """A DataWarning for words that are a class, and might mean a missing cell, or the reverse."""
    said = left_out(table.columns[coding.name])
    if coding.marks:
        others = [each for each in coding.levels if each not in coding.marks]
        said = (
            f"{coding.marks[0]!r} is taken for a class, as it is written like {others[0]!r} and"
            f" {others[1]!r}. If it says that a label is missing, empty these cells."
        )
    if said:
        warnings.warn(f"Target {coding.name!r}: {said}", DataWarning, stacklevel=6)


def _target_cells(table: Table, roles: Roles) -> list[Cells]:
    return [table.columns[name] for name in roles.targets]


def _refuse_few(table: Table, count: int) -> None:
    if count < FEWEST_ROWS:
        raise DataError(
            f"{table.source}: too few rows with a target ({count}) to train, validate and test on."
            f" Give at least {FEWEST_ROWS}, or use tw.fit on arrays."
        )
