"""Columns of numbers, and the notes on them: odd cells, ambiguous marks, mixed units."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
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
    is_missing,
    mark_of,
    mean_and_scale,
    number,
    parse,
    plain,
    read_by,
    tally_of,
    truth_number,
)
from talweg.data.columns.kinds.base import ColumnType, Evidence, Kind
from talweg.data.columns.kinds.scalar import ScalarColumn, standardizing
from talweg.data.columns.numerals import COMMA, MARKS, Tally, cleaned, numeral
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


# Notes: cells that are not numbers, ambiguous marks, mixed units ----------------------------------

_NAMED = 3  # texts that a note names
_NEARLY_ALL = 0.9  # share of numbers in a column that looks like one of numbers
_MOST_LOOKED_AT = 2000  # texts that are checked first
_WITH_SIGN = re.compile(
    r"(?P<before>[~≈<>≤≥]=?)? ?(?P<number>.*\d) ?(?P<after>[^\s\d.,;:()/-]{0,12})"
)
_MULTIPLES = frozenset(["k", "m", "b", "t", "bn", "mio"])  # count as one unit


def doubts_about(cells: Cells, mark: str) -> str:
    """Notes on a column that is read as numbers, by this decimal mark."""
    tally = tally_of(cells)
    notes = (_odd_cells(tally), _ambiguous(tally, mark), _mixed_units(tally))
    return " ".join(note for note in notes if note)


def _odd_cells(tally: Tally) -> str:
    if not tally.odd:
        return ""
    one = tally.others == 1
    are = "is not a number and counts" if one else "are not numbers and count"
    return (
        f"{tally.others:,} of {tally.numbers + tally.others:,} cells {are} as unknown:"
        f" {named(tally.odd)}. Correct or empty {'it' if one else 'them'}."
    )


def _ambiguous(tally: Tally, mark: str) -> str:
    if not tally.is_doubtful or (mark != COMMA and not tally.short[COMMA]):
        return ""
    example = numeral(tally.example)
    assert example is not None
    other = "decimal point" if mark == COMMA else "decimal comma"
    return (
        f"{tally.example!r} could be {example.by_point} or {example.by_comma}; it is read as"
        f" {example.by(mark)}. If that is wrong, ask for the kind {other!r}, or write"
        " numbers without separators."
    )


def _mixed_units(tally: Tally) -> str:
    has_bare = tally.looked_at > tally.units.total()
    if len(tally.units) < 2 and not ("%" in tally.units and has_bare):
        return ""
    shown = ", ".join([*map(repr, sorted(tally.units)), *(["none"] if has_bare else [])])
    return (
        f"Its numbers have different units ({shown}), which are ignored. Convert them to one unit."
    )


def named(counts: Mapping[str, int]) -> str:
    """The most frequent texts with their counts."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{text[:40]!r} ({count:,})" for text, count in ordered[:_NAMED])
    return shown + (f" and {len(ordered) - _NAMED:,} more" if len(ordered) > _NAMED else "")


def looks_like_numbers(words: Words) -> str:
    """A note on a column of words of which nearly all seem to be numbers; else ""."""
    if words.odd:
        return _told(dict(words.odd), len(words))
    counts = {text: n for text, n in words.counts.items() if not is_missing(text, vague=True)}
    first = dict(list(counts.items())[:_MOST_LOOKED_AT])
    if not (_are_nearly_numbers(first) and _are_nearly_numbers(counts)):
        return ""
    odd = {text: n for text, n in counts.items() if not numeral(text)}
    return _told(odd, sum(counts.values()))


def _told(odd: Mapping[str, int], total: int) -> str:
    return (
        f"It looks like a column of numbers, but {sum(odd.values()):,} of its {total:,} cells are"
        f" not numbers: {named(odd)}. Write plain numbers there to use the column."
    )


def _are_nearly_numbers(counts: Mapping[str, int]) -> bool:
    """Whether nearly all cells are numbers, alone or with the same unit."""
    plain, units = 0, Counter[str]()
    for text, count in counts.items():
        match = _WITH_SIGN.fullmatch(text)
        if numeral(text):
            plain += count
        elif match and numeral(match["number"]):
            unit = match["before"] or match["after"]
            units["k" if unit.lower() in _MULTIPLES else unit] += count
    return plain + max(units.values(), default=0) >= _NEARLY_ALL * sum(counts.values())
