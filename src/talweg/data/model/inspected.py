"""A table read with the settings of a model: rows to learn from, and the kind of each column."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from talweg.data.columns.cells import Cells
from talweg.data.columns.detection import type_columns
from talweg.data.columns.kinds.base import ColumnType
from talweg.data.columns.labels import known_rows
from talweg.data.columns.roles import Roles, weights_in
from talweg.data.columns.table import Table, evenly
from talweg.data.model.targets.base import Target, Task
from talweg.data.model.targets.table import fit_targets
from talweg.data.split.timeline import Timeline, timeline_of
from talweg.errors import DataError, DataWarning

FEWEST_ROWS = 10  # with a target; with fewer, a test fold has one row or none


@dataclass(frozen=True, eq=False)
class InspectedTable:
    """A `table` read with the settings of a TableModel: `kept` are the rows to learn from, `types`
    the kinds of their columns, and `timeline` their times, if a column holds them.
    """

    table: Table
    roles: Roles
    target: Target
    kept: Table
    types: list[ColumnType]
    timeline: Timeline | None

    @classmethod
    def of(cls, table: Table, given: Mapping[str, Any]) -> Self:
        """Inspect a table. DataError: it cannot be learned from."""
        roles = Roles.of(table, given)
        target, kept = _target_and_rows(table, roles, given["task"])
        asked, targets = dict(given["columns"]), len(roles.targets)
        types = type_columns(kept, roles.no_inputs, asked, learned_targets=targets, whole=table)
        return cls(table, roles, target, kept, types, timeline_of(kept, roles, types, asked))

    @property
    def split_time(self) -> Timeline | None:
        """The time by which rows are held out; None if they are split at random or by groups."""
        return self.timeline if self.timeline and self.timeline.decides_split else None

    def sample(self, most: int) -> Self:
        """At most `most` of the rows, evenly spaced from first to last."""
        if len(self.kept) <= most:
            return self
        rows = evenly(len(self.kept), most)
        time = self.timeline and replace(self.timeline, times=self.timeline.times[rows])
        return replace(self, kept=self.kept.take(rows), timeline=time)

    def warn(self) -> None:
        """A DataWarning for each column that is left out but looks like numbers, and for each
        target whose numbers may be misread.
        """
        lost = [column for column in self.types if not column.used and column.note]
        messages = [f"the column {column.name!r} is left out. {column.note}" for column in lost]
        doubts = self.target.doubts(self.target_cells)
        messages += [f"the target {name!r}: {doubt}" for name, doubt in doubts.items()]
        for message in messages:
            warnings.warn(f"{self.table.source}: {message}", DataWarning, stacklevel=3)

    @property
    def target_cells(self) -> list[Cells]:
        """The cells of each target column in the kept rows."""
        return _target_cells(self.kept, self.roles)


def _target_and_rows(table: Table, roles: Roles, task: Task | None) -> tuple[Target, Table]:
    """The target, and the rows with a value in each target column and no weight of 0."""
    known = known_rows(*_target_cells(table, roles))
    if roles.weight is not None:
        known = known & (weights_in(table, roles.weight) > 0)
    count = int(np.count_nonzero(known))
    if count:
        _refuse_few(table, count)
    kept = table if known.all() else table.take(known)
    # Without weights it is fitted to all rows, so that an error names the row of the table.
    fitted = table if roles.weight is None else kept
    cells = _target_cells(fitted, roles)
    target = fit_targets(cells, roles.targets, task=task, types=table.types)
    if len(roles.targets) > 1:
        _refuse_few(table, count)
        target = fit_targets(_target_cells(kept, roles), roles.targets, task=target.task)
    _warn_of_marks(target, table)
    return target, kept


def _warn_of_marks(target: Target, table: Table) -> None:
    """A DataWarning for words that count as a class but may mark a missing cell, or the reverse."""
    for name in target.names:
        if note := target.note(table.columns[name]):
            warnings.warn(f"Target {name!r}: {note}", DataWarning, stacklevel=6)


def _target_cells(table: Table, roles: Roles) -> list[Cells]:
    return [table.columns[name] for name in roles.targets]


def _refuse_few(table: Table, count: int) -> None:
    if count < FEWEST_ROWS:
        raise DataError(
            f"{table.source}: too few rows with a target ({count}) to train, validate and test on."
            f" Give at least {FEWEST_ROWS}, or use tw.fit on arrays."
        )
