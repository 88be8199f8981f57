"""The time of each row, from a date or from year, month and so on, and whether rows are in order.

Rows that follow one another in time are not independent: a held-out row between two training rows
can be guessed from its neighbors, which a row of the future does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Floats, texts
from talweg.data.columns.detection import as_moments
from talweg.data.columns.kinds.base import ColumnType
from talweg.data.columns.roles import Roles
from talweg.data.columns.table import Table
from talweg.data.split.folds import FOLDS
from talweg.data.split.times import joint_times, times_in, times_of
from talweg.lazy import cached_property

MOST_BACK = 1 / 8  # the share of steps between rows of different times that may go back
FEWEST_STEPS = 20  # between rows of different times; fewer may all go one way by chance
MOST_UNDATED = 0.1  # the share of rows that may have no time; they get that of the row before
INDEX = ("the index",)
"""The name given to the dates in an unnamed index of a data frame."""
_YEARS = (1500, 2200)
_TIMESTAMP = re.compile(  # names of columns that count seconds or days since a fixed date
    r"(?i:(?:.*[\W_])?(?:date|datetime|time[\W_]?stamp|unix[\W_]?time|epoch|ts)"
    r"(?:[\W_]?(?:s|ms|us|ns|secs?|seconds|millis|utc|num))?)"
)

_UNITS = {  # from long to short, with the names of columns that hold them
    "year": "year|yr|yyyy|jahr|año|ano|année|annee|anno|jaar|år",
    "quarter": "quarter|qtr",
    "month": "month|mon|mnth|mm|mo|monat|mes|mês|mois|mese|maand",
    "week": "week|wk|week.?of.?year",
    "day": "day|dd|dom|mday|day.?of.?month|tag",
    "hour": "hours?|hr|hh|stunde",
    "minute": "minutes?|min|mi",
    "second": "seconds?|sec|ss",
}


@dataclass(frozen=True, eq=False)
class Timeline:
    """The `names` of the columns that hold the time, and numbers (N,) that increase with it.

    If `decides_split`, the latest rows are held out, so that test rows follow training rows.
    """

    names: tuple[str, ...]
    times: Floats
    decides_split: bool

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The rows from the first to the last in time."""
        return np.argsort(self.times, kind="stable")

    @cached_property
    def ends(self) -> NDArray[np.intp]:
        """The end of each of FOLDS blocks of the ordered rows. The blocks are about equally large,
        and rows of the same time stay together if there are enough different times.
        """
        times, even = self.times[self.order], np.arange(1, FOLDS + 1) * len(self.times) // FOLDS
        changes = np.append(np.flatnonzero(np.diff(times)) + 1, len(times))
        moved = changes[np.searchsorted(changes, even)]
        return moved if (np.diff(moved, prepend=0) > 0).all() else even

    @property
    def is_in_order(self) -> bool:
        """Whether the time goes one way down the file, except for a few steps, as in one series or
        in several that follow one another.
        """
        steps = np.diff(self.times)
        steps = steps[steps != 0]
        if len(steps) < FEWEST_STEPS or len(np.unique(self.times)) < FOLDS:
            return False
        return self.back <= MOST_BACK

    @property
    def back(self) -> float:
        """The share of steps that go against the direction of most steps."""
        steps = np.diff(self.times)
        share = float(np.mean(steps[steps != 0] < 0)) if steps.any() else 0.0
        return min(share, 1 - share)

    def at(self, table: Table, row: int) -> str:
        """The time of a row, as the table writes it."""
        rows = np.array([row])
        if self.names == INDEX and table.index is not None:
            return texts(table.index[rows])[0]
        return "-".join(texts(table.columns[name][rows])[0] for name in self.names)


def timeline_of(
    table: Table, roles: Roles, types: Sequence[ColumnType], asked: Mapping[str, object]
) -> Timeline | None:
    """The timeline of the columns `roles.time`, or else the best one that is detected, which
    decides the split if rows are in its order. None if there is none, or if it is not looked for.
    """
    if roles.time:
        return Timeline(roles.time, times_in(table, roles.time, asked), decides_split=True)
    if not roles.looks_for_time:
        return None
    by_date, by_number = _by_date(table, roles, types), _by_timestamp(table, roles)
    lines = [*by_date, *_by_calendar(table, roles), *_by_index(table), *by_number]
    in_order = (line for line in lines if line.is_in_order)
    best = min(in_order, key=attrgetter("back"), default=None)
    if best is not None:
        return Timeline(best.names, best.times, decides_split=True)
    return lines[0] if lines else None


def _by_date(table: Table, roles: Roles, types: Sequence[ColumnType]) -> Iterator[Timeline]:
    """The timeline of each column of dates, even of one that is not an input."""
    known = {column.name: column for column in types}
    for name in table.names:
        if name in roles.targets or name in (roles.weight, roles.groups):
            continue
        moments = as_moments(name, table.columns[name], known.get(name))
        if moments:
            times = _fill_unknown(times_of(table.columns[name], moments.detail[0]))
            if times is not None:
                yield Timeline((name,), times, decides_split=False)


def _by_calendar(table: Table, roles: Roles) -> Iterator[Timeline]:
    """The timeline of the year and as many smaller units as keep the rows in order, else of all."""
    named = {}
    for unit, pattern in _UNITS.items():
        names = [name for name in table.names if re.fullmatch(pattern, name.strip(), re.I)]
        if names and names[0] not in roles.targets:
            named[unit] = names[0]
    if "year" not in named or not _are_years(times_of(table.columns[named["year"]])):
        return
    parts = {name: times_of(table.columns[name]) for name in named.values()}
    candidates = [_by_first(parts, count) for count in range(len(parts), 0, -1)]
    lines = [line for line in candidates if line is not None]
    yield from [line for line in lines if line.is_in_order][:1] or lines[:1]


def _by_timestamp(table: Table, roles: Roles) -> Iterator[Timeline]:
    """The timeline of each column of numbers named like timestamps, if rows are in its order."""
    for name in table.names:
        if _TIMESTAMP.fullmatch(name.strip()) and name not in roles.targets:
            times = _fill_unknown(times_of(table.columns[name]))
            line = None if times is None else Timeline((name,), times, decides_split=False)
            if line is not None and line.is_in_order:
                yield line


def _by_index(table: Table) -> Iterator[Timeline]:
    """The timeline of an unnamed index of dates, if rows are in its order."""
    moments = None if table.index is None else as_moments("index", table.index)
    if table.index is not None and moments:
        times = _fill_unknown(times_of(table.index, moments.detail[0]))
        line = None if times is None else Timeline(INDEX, times, decides_split=False)
        if line is not None and line.is_in_order:
            yield line


def _by_first(parts: Mapping[str, Floats], count: int) -> Timeline | None:
    """The timeline of the first `count` of these units, from long to short."""
    names = tuple(parts)[:count]
    times = _fill_unknown(joint_times([parts[name] for name in names]))
    return None if times is None else Timeline(names, times, decides_split=False)


def _are_years(values: Floats) -> bool:
    low, high = _YEARS
    known = values[~np.isnan(values)]
    return bool(len(known) and ((known >= low) & (known <= high) & (known % 1 == 0)).all())


def _fill_unknown(times: Floats) -> Floats | None:
    """The times, an unknown one replaced by that of the row before; None if many are unknown."""
    known = np.isfinite(times)
    if known.mean() < 1 - MOST_UNDATED:
        return None
    last = np.maximum.accumulate(np.where(known, np.arange(len(times)), 0))
    return times[np.where(known[last], last, np.argmax(known))]
