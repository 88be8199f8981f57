"""Whether the first row of a file names the columns: words above numbers do, and so may numbers.

Where the first row holds numbers, what is unusual in it as a row among the others is weighed
against what is unusual in it as names: the log of how likely it is as names, by how likely it is
as one row more.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from talweg.data.columns.cells import Words, is_missing
from talweg.data.columns.numerals import numeral

Rows = Sequence[Sequence[str]]

_PRIOR = -1.0  # few headers hold numbers
_DOUBT = (-1.0, 3.0)  # between them, the weight of the evidence is too small to be sure
_DOUBT_OF_RUN = -6.0  # the lower end where the numbers of the row are a run, such as 2019, 2020
_NAMES = {"word": 0.9, "whole": 0.45}  # how often names are, beside numbers
_RARE = 0.05  # how often they are of any other form
_FORMS, _MET, _FAR = 6.0, 3.0, 3.0  # the most that a kind of evidence may weigh
_FEW_RUNS = 0.2  # of the rows
_YEARS = range(1850, 2101)
_DIGIT = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]+")
_WHOLE = re.compile(r"\d+")
_STEPS = 5  # that a column goes on evenly, from which on its first number belongs to it


class Verdict(NamedTuple):
    """Whether the first row names the columns, and whether that is sure."""

    is_header: bool
    is_sure: bool = True


class _Column(NamedTuple):
    """The first cell of a column, and those below that are not missing."""

    first: str
    below: Sequence[str]

    @property
    def form(self) -> str:
        return _form(self.first)

    def likely(self, count: int) -> float:
        """How likely a row has what so many of the cells below have."""
        return (count + 0.5) / (len(self.below) + 1)


def header_of(rows: Rows) -> Verdict:
    """Whether the first of these rows, which are as wide as the others, names the columns."""
    first = rows[0]
    below = list(zip(*rows[1:], strict=False))
    if all(numeral(cell) is None for cell in first):
        return Verdict(_are_names(first, below))
    named = [cell for cell in first if cell]
    if not below or len(set(named)) < len(named):
        return Verdict(False)
    kept = [[cell for cell in cells if not is_missing(cell, vague=True)] for cells in below]
    columns = [_Column(*each) for each in zip(first, kept, strict=False) if each[1]]
    is_run = _is_rare_run(rows)
    weight = _PRIOR + _run(rows) + _forms(columns, is_run) + _met(columns) + _far(columns)
    weight += _going_on(columns)
    low = _DOUBT_OF_RUN if is_run else _DOUBT[0]
    return Verdict(weight > 0, not low < weight < _DOUBT[1])


def _are_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether words stand above numbers, or are met nowhere below."""
    words = [not is_missing(cell) for cell in first]
    if any(word and _numeric(cells) for word, cells in zip(words, below, strict=False)):
        return True
    unique = all(words) and len(set(first)) == len(first)
    met_below = any(cell in cells for cell, cells in zip(first, below, strict=False))
    return unique and not met_below


def _numeric(cells: Sequence[str]) -> bool:
    return Words.of(cells).tally.is_numeric


def _form(cell: str) -> str:
    """A word, a whole number, a fraction, or what a date or a code looks like: 9-9-9, a9."""
    found = numeral(cell)
    if found is None:
        return _LETTER.sub("a", _DIGIT.sub("9", cell)) if _DIGIT.search(cell) else "word"
    return "whole" if _WHOLE.fullmatch(found.by_point) else "fraction"


def _value(cell: str) -> float:
    found = numeral(cell)
    return math.nan if found is None else float(found.by_point)


def _capped(weight: float, most: float) -> float:
    return max(-most, min(weight, most))


def _forms(columns: Sequence[_Column], is_run: bool) -> float:
    """Whole numbers above fractions, words above numbers: the cell is unlike those below.

    The numbers of a run may be whatever those below are.
    """
    weight = 0.0
    for each in columns:
        alike = sum(_form(cell) == each.form for cell in each.below)
        one = _capped(math.log(_NAMES.get(each.form, _RARE) / each.likely(alike)), _FORMS / 2)
        weight += max(one, 0.0) if is_run and each.form != "word" else one
    return _capped(weight, _FORMS)


def _met(columns: Sequence[_Column]) -> float:
    """A cell that is met again below is one of the values of its column, most likely."""
    weight = 0.0
    for each in columns:
        counts = Counter(each.below)
        again = sum(count for count in counts.values() if count > 1)
        is_met = each.first in counts
        likely = each.likely(again if is_met else len(each.below) - again)
        weight += math.log((0.3 if is_met else 0.9) / likely)
    return _capped(weight, _MET)


def _far(columns: Sequence[_Column]) -> float:
    """Years above amounts: the numbers lie all far from those below."""
    numbers = [each for each in columns if each.form != "word" and _numeric(each.below)]
    if not numbers:
        return 0.0
    if not all(map(_is_far, numbers)):
        return math.log(0.7)
    return _capped(math.log(0.3 / numbers[0].likely(0)), _FAR)


def _is_far(column: _Column) -> bool:
    """Whether the number lies further from those below than these lie apart, and does not go on in
    their order: where rows are sorted, the first may well be far from all others.
    """
    value, values = _value(column.first), _values(column.below)
    whole = [value, *values]
    low, high = min(values), max(values)
    is_sorted = whole in (sorted(whole), sorted(whole, reverse=True))
    return not is_sorted and max(low - value, value - high) > high - low


def _run(rows: Rows) -> float:
    """The numbers of the row rise as positions and years do, and those of the others do not."""
    count = len(_values(rows[0]))
    names = 0.6 if count > 2 else 0.3
    kind, others = _kind_of_run(rows[0]), _others_alike(rows)
    if not kind:
        return math.log((1 - names) / max(others, 0.5))
    return math.log(names / others) + min(count - 3, 3) * (count > 3 and others < 0.5)


def _others_alike(rows: Rows) -> float:
    """The share of the rows below the first that are a run of the same kind, or none as well."""
    kind = _kind_of_run(rows[0])
    return (sum(_kind_of_run(row) == kind for row in rows[1:]) + 0.5) / len(rows)


def _is_rare_run(rows: Rows) -> bool:
    """Whether the numbers of the first row are a run by no chance, and hardly any others are."""
    kind, values = _kind_of_run(rows[0]), _values(rows[0])
    by_chance = not kind or (kind == "steps" and len(values) == 2 and values != [0, 1])
    return not by_chance and _others_alike(rows) <= max(_FEW_RUNS, 0.5 / len(rows))


def _values(row: Sequence[str]) -> list[float]:
    return [value for value in map(_value, row) if math.isfinite(value)]


def _kind_of_run(row: Sequence[str]) -> str:
    """ "years" or "steps" where the numbers of a row rise, by the same step; two alone by 1."""
    values = _values(row)
    steps = [high - low for low, high in pairwise(values)]
    if _are_years(values):
        return "years" if all(step > 0 for step in steps) else ""
    if not steps or steps[0] <= 0 or (len(steps) == 1 and steps[0] != 1):
        return ""
    return "steps" if all(math.isclose(each, steps[0], rel_tol=1e-6) for each in steps) else ""


def _are_years(values: Sequence[float]) -> bool:
    return bool(values) and all(each.is_integer() and each in _YEARS for each in values)


def _going_on(columns: Sequence[_Column]) -> float:
    """A row that numbers itself, or has a time: the first number is one step before the next.

    Where steps are whole, a header of positions may come before rows that count from 1.
    """
    found = 0.0
    for each in columns:
        values = [_value(cell) for cell in (each.first, *each.below[:_STEPS])]
        steps = [high - low for low, high in pairwise(values)]
        if len(steps) < _STEPS or not math.isfinite(sum(steps)) or steps[0] == 0:
            continue
        if all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps):
            found = min(found, -2.0 if steps[0].is_integer() else -20.0)
    return found
