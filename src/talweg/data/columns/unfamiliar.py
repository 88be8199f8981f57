"""What rows to predict hold that training did not: cells that are unknown, missing or far out.

A cell of training is as good as any to tell what is ordinary, so counts are compared: that a split
of one table holds a rare word or a new largest number is no news. Told is what

- no clean column holds (no number among numbers, no date, a third truth, a number ten times as far
  from the mean as any of training), where training had none;
- fills a tenth of the rows, where less than a hundredth of training's were so, or none missing;
- is more frequent than in training, where chance would make it so once in a thousand times.

A number is far out where it is twice as far from the mean as any of training on its side.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Numbers, Words, plain, texts
from talweg.data.columns.coded import (
    CategoryColumn,
    CodeColumn,
    Column,
    DateColumn,
    Inputs,
    NumberColumn,
    clipped,
)
from talweg.data.columns.dates import written
from talweg.data.columns.values import shown
from talweg.errors import DataWarning
from talweg.schema import COUNT, Record, optional
from talweg.settings import Number

Fault = Literal["unknown", "missing", "far", "farther"]

FAR, FARTHER = 2.0, 10.0  # times as far from the mean as the farthest of training
_LARGE, _SMALL = 0.1, 0.01  # shares of the rows to predict, and of those of training
_CHANCE = 1e-3
_MOST_TOLD = 5  # columns in a sentence
_CLOSE = 1 - 1e-5  # float32 may round an input to just inside of a bound

_FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass(frozen=True)
class Familiar:
    """What training met in a column: how many rows, how many of them unknown and missing; of
    numbers and of dates (in seconds) the mean, the least and the greatest.
    """

    record: ClassVar = Record(
        {
            **dict.fromkeys(("rows", "unknown", "missing"), COUNT),
            **dict.fromkeys(("mean", "low", "high"), optional(Number())),
        }
    )
    rows: int
    unknown: int
    missing: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None

    @staticmethod
    def of(column: Column, cells: Cells) -> Familiar:
        if isinstance(column, CategoryColumn):
            codes = column.codes(cells)
            flags = (np.count_nonzero(codes == column.unknown + each) for each in (0, 1))
            return Familiar(len(codes), *map(int, flags))
        values, missing = column.amounts(cells)
        known = values[np.isfinite(values)]
        lost = int(np.count_nonzero(missing))
        ends = (known.mean(), known.min(), known.max()) if len(known) else ()
        return Familiar(len(values), len(values) - len(known) - lost, lost, *map(float, ends))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def bounds(self, times: float) -> tuple[float, float]:
        """Between which values are less than so many times as far out as any of training."""
        if self.mean is None or self.low is None or self.high is None:
            return -math.inf, math.inf
        below, above = max(self.mean - self.low, 0.0), max(self.high - self.mean, 0.0)
        more = times - 1
        return self.low - more * below, self.high + more * above


@dataclass
class Unfamiliar:
    """Collects, over one or more tables, what training did not meet.

    `found` counts each fault of each column, with the first cell that had it.
    """

    columns: Sequence[Column]
    familiar: Mapping[str, Familiar]
    rows: int = 0
    found: dict[tuple[str, Fault], tuple[int, str]] = field(default_factory=dict)

    def note(self, column: str, fault: Fault, count: int, example: str) -> None:
        so_far, first = self.found.get((column, fault), (0, example))
        self.found[column, fault] = so_far + count, first

    def look(self, column: Column, cells: Cells, inputs: Inputs) -> None:
        """Count the faults of the cells (N,) of a column, and of what they became (N, width)."""
        familiar = self.familiar.get(column.name)
        if familiar is None or not len(inputs):
            return
        unknown, missing = _flags(column, inputs)
        self._note_rows(column.name, "unknown", unknown, cells)
        self._note_rows(column.name, "missing", missing, cells)
        if not isinstance(column, CategoryColumn):
            self._look_far(column, familiar, cells, inputs)

    def _look_far(
        self, column: NumberColumn | DateColumn, familiar: Familiar, cells: Cells, inputs: Inputs
    ) -> None:
        place = column.first_place
        if place is None:
            return
        mean, scale = place
        low, high = familiar.bounds(FAR)
        ends = clipped((np.array([low, high]) - mean) / scale) * _CLOSE
        rows = np.flatnonzero((inputs[:, 0] <= ends[0]) | (inputs[:, 0] >= ends[1]))
        if not len(rows):
            return
        values, _ = column.amounts(_in_use(cells[rows]))
        faults = [far(familiar, value) for value in values.tolist()]
        for fault in _FAULTS:
            flags = np.array([each == fault for each in faults])
            self._note_rows(column.name, fault, flags, cells[rows])

    def _note_rows(self, column: str, fault: Fault, flags: NDArray[np.bool_], cells: Cells) -> None:
        count = int(np.count_nonzero(flags))
        if count:
            self.note(column, fault, count, _example(cells, int(np.argmax(flags))))

    # What is told -----------------------------------------------------------------------------

    def warn(self, source: str) -> None:
        """A DataWarning where there is anything to tell."""
        if self.found and (told := self.told(source)):
            warnings.warn(told, DataWarning, stacklevel=_outside())

    def told(self, source: str) -> str:
        """What is out of the ordinary, column by column; "" where nothing is."""
        parts = [part for each in self.columns if (part := self._column(each))]
        if not parts:
            return ""
        more = len(parts) - _MOST_TOLD
        shown_parts = parts[:_MOST_TOLD] + [f"{more} more columns"] * (more > 0)
        rows = "row to predict holds" if self.rows == 1 else f"{self.rows:,} rows to predict hold"
        return (
            f"{source}: the {rows} what training never met. {'; '.join(shown_parts)}."
            " Unknown and missing cells are predicted as such, and numbers that are far out as if"
            " they were less so. Check that these columns are what they were in training."
        )

    def _column(self, column: Column) -> str:
        """What is to be told of a column."""
        familiar = self.familiar.get(column.name)
        told: dict[Fault, str] = {}
        for fault in _FAULTS:
            count, example = self.found.get((column.name, fault), (0, ""))
            if familiar and count and self._is_news(column, fault, count, familiar):
                told[fault] = _words(column, fault, count, example, familiar)
        if "farther" in told:
            told.pop("far", None)
        parts = told.values()
        return f"{column.name!r}: {', '.join(parts)}" if parts else ""

    def _is_news(self, column: Column, fault: Fault, count: int, familiar: Familiar) -> bool:
        """See the rules above."""
        before = {"unknown": familiar.unknown, "missing": familiar.missing}.get(fault, 0)
        is_closed = not isinstance(column, CategoryColumn) or column.kind in ("boolean", "ordinal")
        if before == 0 and (fault == "farther" or (fault == "unknown" and is_closed)):
            return True
        few = 1 if fault == "missing" else _SMALL * familiar.rows
        if count >= _LARGE * self.rows and before < max(few, 1):
            return True
        return chance(count, self.rows, before, familiar.rows) < _CHANCE


def chance(count: int, rows: int, before: int, rows_before: int) -> float:
    """At most how likely it is that so many of all such cells fall among the `rows`, if all rows
    are alike (Chernoff's bound).

    >>> round(chance(2, 100, 0, 300), 4), chance(1, 100, 3, 300)
    (0.0625, 1.0)
    """
    share, expected = count / (count + before), rows / (rows + rows_before)
    if share <= expected or not rows_before:
        return 1.0
    gap = share * math.log(share / expected)
    if share < 1:
        gap += (1 - share) * math.log((1 - share) / (1 - expected))
    return math.exp(-(count + before) * gap)


def far(familiar: Familiar, value: float) -> Fault | None:
    """How far a number is out of what training met, if it is."""
    low, high = familiar.bounds(FAR)
    if low <= value <= high or not math.isfinite(value):
        return None
    low, high = familiar.bounds(FARTHER)
    return "far" if low <= value <= high else "farther"


def _flags(column: Column, inputs: Inputs) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are unknown and which missing."""
    place = column.unknown
    if isinstance(column, CodeColumn):
        return inputs[:, 0] == place, inputs[:, 0] == place + 1
    return inputs[:, place] == 1, inputs[:, place + 1] == 1


def _in_use(cells: Cells) -> Cells:
    return cells.in_use if isinstance(cells, Words) else cells


def _example(cells: Cells, row: int) -> str:
    """The text of a cell; of a number that was not kept, one of those that are none."""
    if isinstance(cells, Numbers) and cells.tally.odd:
        return next(iter(cells.tally.odd))
    return texts(_in_use(cells[np.array([row])]))[0]


_NAMED: Mapping[str, str] = {"number": "no number", "date": "no date"}


def _words(column: Column, fault: Fault, count: int, example: str, familiar: Familiar) -> str:
    """One fault of a column, in words."""
    if fault == "missing":
        return f"{count:,} missing"
    if fault == "unknown":
        return f"{count:,} {_NAMED.get(column.kind, 'unknown')} (as {shown(example)})"
    low, high = (_end(column, each) for each in (familiar.low, familiar.high))
    return f"{count:,} far out of {low} to {high} (as {example})"


def _end(column: Column, value: float | None) -> str:
    assert value is not None
    if isinstance(column, DateColumn):
        return written(value, column.style).removesuffix(" 00:00:00")
    return plain(float(f"{value:.6g}"))


def _outside() -> int:
    """The stacklevel, for the caller, of the first frame that is not of talweg."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("talweg."):
        frame, level = frame.f_back, level + 1
    return level
