"""What the columns of a table are there for: the targets, and those that say how to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Floats, Moments, Words, as_words, parse, texts
from talweg.data.columns.dates import (
    STYLES,
    are_compact_dates,
    are_dotted_months,
    month_of,
    seconds,
    style_of,
)
from talweg.data.columns.table import Table
from talweg.errors import DataError


@dataclass(frozen=True)
class Roles:
    """Columns by name: `weight`, `groups` and the dropped ones are no inputs; those of `time` are.

    Where none of `time` was named, `looks_for_time` says whether to look for some.
    """

    targets: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    weight: str | None = None
    groups: str | None = None
    time: tuple[str, ...] = ()
    looks_for_time: bool = False

    @staticmethod
    def of(table: Table, given: Mapping[str, Any]) -> Roles:
        """The columns as TableModel was told. DataError: one is not there, or has two roles."""
        asked = given["target"]
        targets = tuple(map(table.find, asked if isinstance(asked, tuple) else [asked]))
        dropped = tuple(map(table.find, given["drop"]))
        named = {
            role: None if given[role] is None else table.find(given[role])
            for role in ("weight", "groups")
        }
        time = tuple(map(table.find, _names(given["time"])))
        looks = given["time"] is None and given["groups"] is None
        roles = Roles(targets, dropped, **named, time=time, looks_for_time=looks)
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
        if self.groups is not None and self.time:
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
            if name in _names(getattr(self, role)):
                raise DataError(f"Column {name!r} is the target and cannot be `{role}` as well.")
        if name in typed:
            raise DataError(
                f"Column {name!r} is the target: `task` says what it is, not `columns`."
            )


def _names(given: Any) -> tuple[Any, ...]:
    """The columns of a role that may have none, one or several."""
    if given is None or given is False:
        return ()
    return given if isinstance(given, tuple) else (given,)


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


def times_in(table: Table, names: Sequence[str], asked: Mapping[str, object]) -> Floats:
    """Numbers (N,) that rise with the time that these columns tell, the longest unit first.

    `asked` may hold the style of a column's dates, as "day first". DataError: a cell that is no
    number and no date.
    """
    parts = []
    for name in names:
        cells = table.columns[name]
        parts.append(times_of(cells, asked.get(name)))
        bad = ~np.isfinite(parts[-1])
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"Time {name!r}, row {row + 1}: {texts(cells)[row]!r} is no number and no date. "
                "Correct it, or leave the row out."
            )
    return joined(parts)


def joined(parts: Sequence[Floats]) -> Floats:
    """Numbers (N,) in the order of the first parts, and where these are equal of the next ones."""
    found: Floats = parts[0]
    for part in parts[1:]:
        values, ranks = np.unique(part, return_inverse=True)
        found = (np.unique(found, return_inverse=True)[1] * len(values) + ranks).astype(np.float64)
    return found


def times_of(cells: Cells, asked: object = None) -> Floats:
    """Numbers that order the cells (N,), finite where one is a number, a date or a month's name."""
    if isinstance(cells, Moments):
        return cells.readings.get(str(asked), cells.seconds)
    values, _ = parse(cells, vague=True)
    are_months = isinstance(cells, Words) and are_dotted_months(cells.counts)
    if np.isfinite(values).all() and not are_months and not are_compact_dates(values):
        return values
    words = as_words(cells)
    style = asked if asked in STYLES else style_of(words.counts)
    if style:
        return np.array([seconds(each, str(style)) for each in words.levels])[words.codes]
    months = np.array([month_of(each) for each in words.levels])[words.codes]
    return np.where(np.isnan(values), months, values)
