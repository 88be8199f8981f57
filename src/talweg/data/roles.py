"""What the columns of a table are there for: the targets, and those that say how to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns import Cells, Floats, Moments, as_words, parse, texts
from talweg.data.dates import STYLES, seconds, style_of
from talweg.data.table import Table
from talweg.errors import DataError


@dataclass(frozen=True)
class Roles:
    """Columns by name: `weight`, `groups` and the dropped ones are no inputs; `time` is one."""

    targets: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    weight: str | None = None
    groups: str | None = None
    time: str | None = None

    @staticmethod
    def of(table: Table, given: Mapping[str, Any]) -> Roles:
        """The columns as TableModel was told. DataError: one is not there, or has two roles."""
        asked = given["target"]
        targets = tuple(map(table.find, asked if isinstance(asked, tuple) else [asked]))
        dropped = tuple(map(table.find, given["drop"]))
        named = {
            role: None if given[role] is None else table.find(given[role])
            for role in ("weight", "groups", "time")
        }
        roles = Roles(targets, dropped, **named)
        roles._refuse_two(table, given)
        return roles

    @property
    def no_inputs(self) -> list[str]:
        """What the network does not see: the targets first."""
        found = [*self.targets, *self.dropped, self.weight, self.groups]
        return list(dict.fromkeys(name for name in found if name is not None))

    def _refuse_two(self, table: Table, given: Mapping[str, Any]) -> None:
        for name in self.targets:
            self._refuse_other_role(name, [table.find(each) for each, _ in given["columns"]])
        if self.groups is not None and self.time is not None:
            raise DataError(
                "`groups` and `time` ask for different folds: give one of them. With `time` the "
                "last rows are judged, whatever their group."
            )

    def _refuse_other_role(self, name: str, typed: Sequence[str]) -> None:
        """A target that is something else as well, or its kind among the `typed` columns."""
        if self.targets.count(name) > 1:
            raise DataError(f"Column {name!r} is a target twice. Name it once.")
        if name in self.dropped:
            raise DataError(
                f"Column {name!r} is the target and is to be dropped. Choose one of both."
            )
        for role in ("weight", "groups", "time"):
            if getattr(self, role) == name:
                raise DataError(f"Column {name!r} is the target and cannot be `{role}` as well.")
        if name in typed:
            raise DataError(
                f"Column {name!r} is the target: `task` says what it is, not `columns`."
            )


def weights_in(table: Table, name: str) -> Floats:
    """The weight of each row (N,). DataError: one that is missing, negative or no number."""
    values, _ = parse(table.columns[name], vague=True)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"Weight {name!r}, row {row + 1}: {texts(table.columns[name])[row]!r} is no number of "
            "at least 0. Correct it, or leave the row out."
        )
    if not values.any():
        raise DataError(f"Weight {name!r}: every row has the weight 0. Choose another column.")
    return values


def groups_in(table: Table, name: str) -> NDArray[np.int32]:
    """A number for the group of each row (N,)."""
    return as_words(table.columns[name]).codes


def order_in_time(table: Table, name: str, asked: object = None) -> NDArray[np.intp]:
    """The rows from the first to the last in time. DataError: a cell that is no number or date.

    `asked` may be a style of dates, as "day first".
    """
    cells = table.columns[name]
    values = _times(cells, asked)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"Time {name!r}, row {row + 1}: {texts(cells)[row]!r} is no number and no date. "
            "Correct it, or leave the row out."
        )
    return np.argsort(values, kind="stable")


def _times(cells: Cells, asked: object) -> Floats:
    """Numbers that order the cells (N,), finite where a cell is a number or a date."""
    if isinstance(cells, Moments):
        return cells.readings.get(str(asked), cells.seconds)
    values, _ = parse(cells, vague=True)
    words = as_words(cells)
    style = asked if asked in STYLES else style_of(words.counts)
    if style and not np.isfinite(values).all():
        return np.array([seconds(each, str(style)) for each in words.levels])[words.codes]
    return values
