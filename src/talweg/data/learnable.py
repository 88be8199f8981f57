"""A table as it is to be learned: the rows that have a target, and the kind of each column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from talweg.data.columns import Cells
from talweg.data.kinds import ColumnType, type_columns
from talweg.data.roles import Roles, weights_in
from talweg.data.table import Table
from talweg.data.target import Coding, Regressions, Target, Task
from talweg.errors import DataError

FEWEST_ROWS = 10  # with a target: fewer leave a test of a single row, or none


@dataclass(frozen=True, eq=False)
class Learnable:
    """A `table` under the settings of a TableModel; `kept` are the rows to learn from."""

    table: Table
    roles: Roles
    coding: Coding
    kept: Table
    types: list[ColumnType]

    @classmethod
    def of(cls, table: Table, given: Mapping[str, Any]) -> Self:
        """DataError: what cannot be learned from."""
        roles = Roles.of(table, given)
        coding, kept = _learnable(table, roles, given["task"])
        asked, learnt = dict(given["columns"]), len(roles.targets)
        types = type_columns(kept, roles.no_inputs, asked, learnt=learnt, whole=table)
        return cls(table, roles, coding, kept, types)

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
    coding = Target.fit_all(_target_cells(fitted, roles), roles.targets, task=task)
    if isinstance(coding, Regressions):
        _refuse_few(table, count)
        coding = Target.fit_all(_target_cells(kept, roles), roles.targets, task="regression")
    return coding, kept


def _target_cells(table: Table, roles: Roles) -> list[Cells]:
    return [table.columns[name] for name in roles.targets]


def _refuse_few(table: Table, count: int) -> None:
    if count < FEWEST_ROWS:
        raise DataError(
            f"{table.source}: too few rows with a target ({count}) to train, validate and test on."
            f" Give at least {FEWEST_ROWS}, or use tw.fit on arrays."
        )
