"""Columns of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from talweg.data.columns.cells import (
    LARGEST,
    Cells,
    Floats,
    Mask,
    Words,
    mark_of,
    mean_and_scale,
    number,
    parse,
    plain,
    read_by,
    tally_of,
    truth_number,
)
from talweg.data.columns.doubts import doubts_about, looks_like_numbers
from talweg.data.columns.kinds.base import ColumnType, Kind
from talweg.data.columns.kinds.evidence import Evidence
from talweg.data.columns.kinds.scalar import ScalarColumn, standardizing
from talweg.data.columns.numerals import MARKS, cleaned
from talweg.data.columns.values import PLAIN_NUMBERS, as_text, number_text
from talweg.lazy import cached_property


@dataclass(frozen=True)
class NumberColumn(ScalarColumn):
    """A column of numbers."""

    kind: ClassVar[str] = "number"
    unknown_word: ClassVar[str] = "not a number"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Self:
        return cls(name, *mean_and_scale(parse(cells)[0]))

    @cached_property
    def holds_truths(self) -> bool:
        """Whether all numbers of training were 0 or 1: no others have that scale for their mean."""
        most = self.mean * (1 - self.mean)
        return 0 < self.mean < 1 and math.isclose(self.scale**2, most, rel_tol=1e-9)

    @property
    def reads_numbers(self) -> bool:
        return not self.holds_truths  # 0 and 1 may be written as true and false

    @property
    def use(self) -> str:
        return standardizing(number_text(self.mean), number_text(self.scale))

    def amounts(self, cells: Cells) -> tuple[Floats, Mask]:
        values, missing = parse(cells, vague=True)
        if self.holds_truths and isinstance(cells, Words):
            truths = np.array([truth_number(level) for level in cells.levels] or [math.nan])
            values = np.where(np.isnan(values), truths[cells.codes], values)
        return values, missing

    def reader(self, mark: str) -> Callable[[Any], float | None]:
        return partial(_number_or_truth if self.holds_truths else number_in, mark=mark)

    def text_of(self, amount: float) -> str:
        return plain(float(f"{amount:.6g}"))


def number_in(cell: Any, mark: str) -> float | None:
    """The finite number in a cell of any type, read by this decimal mark."""
    if type(cell) not in PLAIN_NUMBERS:
        cell = number(cleaned(as_text(cell), mark))
    try:
        value = float(cell)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return value if -LARGEST <= value <= LARGEST else None


def _number_or_truth(cell: Any, mark: str) -> float | None:
    value = number_in(cell, mark)
    if value is not None:
        return value
    truth = truth_number(as_text(cell))
    return truth if truth == truth else None


def has_numbers(cells: Cells) -> bool:
    """Whether any cell is a finite number."""
    return bool(np.isfinite(parse(cells)[0]).any())


def _recognize(column: Evidence) -> ColumnType | None:
    """Nearly all cells are numbers, or most are, beside a few texts that repeat."""
    if column.is_numeric:
        note = doubts_about(column.cells, mark_of(column.cells))
    elif column.words.tally.is_mixed:
        note = doubts_about(column.words, column.words.mark)
    else:
        return None
    return ColumnType(column.name, NUMBER.name, note=note)


def _ask(name: str, cells: Cells, asked: str) -> tuple[str, ...] | None:
    """The decimal mark, where it is not the one that the cells are read by already."""
    mark = MARKS.get(asked) or mark_of(cells) or tally_of(cells).mark()
    if not has_numbers(read_by(cells, mark)):
        return None
    return () if mark == mark_of(cells) else (mark,)


def _mark(column: ColumnType, cells: Cells) -> str:
    return column.detail[0] if column.detail else mark_of(cells)


NUMBER = Kind(
    "number",
    _recognize,
    NumberColumn,
    options=tuple(MARKS),
    ask=_ask,
    why_not=lambda asked: "none of its cells is a number.",
    mark=_mark,
    hint=lambda column: looks_like_numbers(column.words),
    may_count_rows=True,
)
