"""The layout of a CSV file: whether its first row is a header, and which columns its rows have.

Words above numbers are a header. A first row with numbers is judged by the log of the likelihood
ratio of two hypotheses: it is a row of names, or it is one more row of data.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from talweg.data.columns.cells import Words, is_missing
from talweg.data.columns.expected import Expected
from talweg.data.columns.numerals import numeral
from talweg.data.columns.table import check_names
from talweg.errors import DataError, DataWarning

Rows = Sequence[Sequence[str]]

_SHOWN = 5  # cells of a row in a message


class Layout(NamedTuple):
    """Whether the first row is a header, its cell for each column, and any doubt about it."""

    header: bool
    first: tuple[str, ...]
    doubt: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, or their positions; without a name, that of pandas."""
        if not self.header:
            return tuple(map(str, range(len(self.first))))
        return tuple(name or f"Unnamed: {position}" for position, name in enumerate(self.first))

    def trim(self, row: list[str]) -> list[str]:
        """The row without empty cells made by delimiters at its end."""
        return trim(row, len(self.first))


def layout_of(rows: Rows, header: bool | None, expected: Expected | None) -> Layout:
    """The layout of the first rows of a file; `header` decides if it is given."""
    verdict, doubt = _verdict(rows, header, expected)
    if not verdict.is_header:
        return Layout(False, tuple(_first_row(rows, expected)), doubt)
    first = tuple(_header_cells(rows[0], rows[1:]))
    if expected and expected.positional:
        first = tuple(map(str, range(len(first))))
    return Layout(True, first, doubt)


def check_layout(layout: Layout, rows: Rows, expected: Expected | None, where: str) -> Layout:
    """The layout, with its names checked; a DataWarning states any doubt about its header."""
    if expected and not expected.positional and not set(expected.numeric) & set(rows[0]):
        _refuse_nameless(rows, expected, where)
    check_names(layout.names, f"{where},")
    if layout.doubt:
        warnings.warn(f"{where}: {layout.doubt}", DataWarning, stacklevel=2)
    return layout


def _refuse_nameless(rows: Rows, expected: Expected, where: str) -> None:
    """DataError: the first row is not a header, and the model needs one."""
    if len(rows) > 1 and header_of(rows).is_header:
        return
    raise DataError(
        f"{where}: its cells ({first_cells(rows[0])}) are not column names, but the model matches "
        f"columns by name: {first_cells([*expected.numeric])}. Add a header line above the rows."
    )


def trim(row: list[str], width: int) -> list[str]:
    """The row without empty cells beyond `width`."""
    return row if len(row) <= width or any(map(str.strip, row[width:])) else row[:width]


def first_cells(row: Sequence[str]) -> str:
    """The first cells of a row, for a message."""
    return ", ".join(row[:_SHOWN]) + (", ..." if len(row) > _SHOWN else "")


def _filled_width(row: Sequence[str]) -> int:
    """The number of cells up to the last one that is not empty."""
    return max((position for position, cell in enumerate(row, 1) if cell), default=0)


def _header_cells(first: Sequence[str], below: Rows) -> list[str]:
    """The names of all columns, "" for a column without a name.

    R writes an unnamed column first. The header, the rows below or both may end in delimiters,
    which make a column only if it has a cell.
    """
    wide = [row for row in below if _filled_width(row) == len(first) + 1]
    is_narrow = {len(row) - 1 for row in below} == {len(first)} and 2 * len(wide) >= len(below)
    if is_narrow and len(below) > 1:
        return ["", *first]
    filled = max(map(_filled_width, below), default=0)
    return list(first[: max(_filled_width(first), min(filled, len(first)))])


def _first_row(rows: Rows, expected: Expected | None) -> Sequence[str]:
    """The first row without the empty cells made by delimiters at the end of all rows.

    A single row may lack its last cell, and so may all rows of a table to predict.
    """
    first, filled = rows[0], max(map(_filled_width, rows))
    if expected and expected.positional:
        return trim(list(first), max(filled, len(expected.names)))
    return first[:filled] if filled and len(rows) > 1 else first


def _verdict(rows: Rows, header: bool | None, expected: Expected | None) -> tuple[Verdict, str]:
    if header is not None:
        return Verdict(header), ""
    if expected is None:
        verdict = header_of(rows)
        return verdict, "" if verdict.is_sure else _doubt(rows[0], verdict)
    if not expected.positional:
        return Verdict(True), ""
    verdict = _by_position(rows, expected)
    is_surprising = verdict.is_header and not _are_positions(rows[0])
    return verdict, _unexpected_header(rows[0]) if is_surprising else ""


def _by_position(rows: Rows, expected: Expected) -> Verdict:
    """Whether a table to predict has a header although the training table had none: a row of
    positions, or of cells that are unknown to their columns.
    """
    first = rows[0]
    unknown = expected.unknown(first)
    if _are_positions(first) and (len(first) > 2 or any(unknown)):
        return Verdict(len(rows) > 1)
    if unknown and all(unknown):
        has_numbers = any(expected.numeric.values())
        return Verdict(len(rows) > 1 or has_numbers)
    if not any(unknown) and all(numeral(cell) is None for cell in first):
        return Verdict(False)
    verdict = header_of(rows)
    return Verdict(verdict.is_header and verdict.is_sure)


def _are_positions(row: Sequence[str]) -> bool:
    return all(cell == str(position) for position, cell in enumerate(row))


def _doubt(first: Sequence[str], verdict: Verdict) -> str:
    reading = "column names" if verdict.is_header else "a row"
    return (
        f"its cells ({first_cells(first)}) could be column names or a row, and are read as"
        f" {reading}. Pass header={verdict.is_header} to talweg.data.io.read.read_table if that is"
        f" right, and header={not verdict.is_header} if not (in a command, --header or"
        " --no-header)."
    )


def _unexpected_header(first: Sequence[str]) -> str:
    return (
        f"its cells ({first_cells(first)}) are read as column names. The model was trained without"
        " names, so columns are matched by position: check their order."
    )


# Whether the first row is a header ----------------------------------------------------------------

_PRIOR = -1.0  # few headers contain numbers
_DOUBT = (-1.0, 3.0)  # log ratios between these leave a doubt
_DOUBT_OF_RUN = -6.0  # the lower one if the numbers of the row are a run, such as 2019, 2020
_NAMES = {"word": 0.9, "whole": 0.45}  # how often a name beside numbers has this form
_RARE = 0.05  # how often it has any other form
_FORMS, _REPEATS, _DISTANCE = 6.0, 3.0, 3.0  # the largest weight of each kind of evidence
_FEW_RUNS = 0.2  # a run is rare if at most this share of the other rows has one
_YEARS = range(1850, 2101)
_DIGIT = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]+")
_WHOLE = re.compile(r"\d+")
_STEPS = 5  # equal steps from the first number on, which show that it belongs to the column


class Verdict(NamedTuple):
    """Whether the first row is a header, and whether that is sure."""

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
        """The likelihood of a property that `count` of the cells below have."""
        return (count + 0.5) / (len(self.below) + 1)


def header_of(rows: Rows) -> Verdict:
    """Whether the first of these rows of equal width is a header."""
    first = rows[0]
    below = list(zip(*rows[1:], strict=False))
    if all(numeral(cell) is None for cell in first):
        return Verdict(_are_names(first, below))
    named = [cell for cell in first if cell]
    if not below or len(set(named)) < len(named):
        return Verdict(False)
    kept = [[cell for cell in cells if not is_missing(cell, vague=True)] for cells in below]
    columns = [_Column(cell, cells) for cell, cells in zip(first, kept, strict=False) if cells]
    is_run = _is_rare_run(rows)
    weight = _PRIOR + _run(rows) + _forms(columns, is_run) + _repeats(columns) + _distance(columns)
    weight += _counters(columns)
    low = _DOUBT_OF_RUN if is_run else _DOUBT[0]
    return Verdict(weight > 0, not low < weight < _DOUBT[1])


def _are_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the words stand above numbers, or do not occur below."""
    words = [not is_missing(cell) for cell in first]
    if any(word and _numeric(cells) for word, cells in zip(words, below, strict=False)):
        return True
    unique = all(words) and len(set(first)) == len(first)
    occurs_below = any(cell in cells for cell, cells in zip(first, below, strict=False))
    return unique and not occurs_below


def _numeric(cells: Sequence[str]) -> bool:
    return Words.of(cells).tally.is_numeric


def _form(cell: str) -> str:
    """The form of a cell: word, whole, fraction, or the pattern of a date or code: 9-9-9, a9."""
    written = numeral(cell)
    if written is None:
        return _LETTER.sub("a", _DIGIT.sub("9", cell)) if _DIGIT.search(cell) else "word"
    return "whole" if _WHOLE.fullmatch(written.by_point) else "fraction"


def _value(cell: str) -> float:
    written = numeral(cell)
    return math.nan if written is None else float(written.by_point)


def _capped(weight: float, most: float) -> float:
    return max(-most, min(weight, most))


def _forms(columns: Sequence[_Column], is_run: bool) -> float:
    """Evidence from forms: whole numbers above fractions, or words above numbers, may be names.

    Numbers in a run are no evidence against a header.
    """
    total = 0.0
    for column in columns:
        alike = sum(_form(cell) == column.form for cell in column.below)
        ratio = _NAMES.get(column.form, _RARE) / column.likely(alike)
        weight = _capped(math.log(ratio), _FORMS / 2)
        total += max(weight, 0.0) if is_run and column.form != "word" else weight
    return _capped(total, _FORMS)


def _repeats(columns: Sequence[_Column]) -> float:
    """Evidence from repeats: a cell that occurs again below is probably a value of its column."""
    weight = 0.0
    for column in columns:
        counts = Counter(column.below)
        repeated = sum(count for count in counts.values() if count > 1)
        occurs = column.first in counts
        likely = column.likely(repeated if occurs else len(column.below) - repeated)
        weight += math.log((0.3 if occurs else 0.9) / likely)
    return _capped(weight, _REPEATS)


def _distance(columns: Sequence[_Column]) -> float:
    """Evidence from distance: the numbers are all far from those below, as years above amounts."""
    numbers = [column for column in columns if column.form != "word" and _numeric(column.below)]
    if not numbers:
        return 0.0
    if not all(map(_is_far, numbers)):
        return math.log(0.7)
    return _capped(math.log(0.3 / numbers[0].likely(0)), _DISTANCE)


def _is_far(column: _Column) -> bool:
    """Whether the number is farther from those below than their range is wide, unless the column is
    sorted: in a sorted column the first number may be far from the others.
    """
    value, values = _value(column.first), _values(column.below)
    whole = [value, *values]
    low, high = min(values), max(values)
    is_sorted = whole in (sorted(whole), sorted(whole, reverse=True))
    return not is_sorted and max(low - value, value - high) > high - low


def _run(rows: Rows) -> float:
    """Evidence from runs: the numbers rise like positions or years, unlike those of other rows."""
    count = len(_values(rows[0]))
    names = 0.6 if count > 2 else 0.3
    kind, others = _kind_of_run(rows[0]), _others_alike(rows)
    if not kind:
        return math.log((1 - names) / max(others, 0.5))
    return math.log(names / others) + min(count - 3, 3) * (count > 3 and others < 0.5)


def _others_alike(rows: Rows) -> float:
    """The share of rows below whose numbers are the same kind of run, or no run either."""
    kind = _kind_of_run(rows[0])
    return (sum(_kind_of_run(row) == kind for row in rows[1:]) + 0.5) / len(rows)


def _is_rare_run(rows: Rows) -> bool:
    """Whether the numbers of the first row are a run that is rare below and no coincidence."""
    kind, values = _kind_of_run(rows[0]), _values(rows[0])
    by_chance = not kind or (kind == "steps" and len(values) == 2 and values != [0, 1])
    return not by_chance and _others_alike(rows) <= max(_FEW_RUNS, 0.5 / len(rows))


def _values(row: Sequence[str]) -> list[float]:
    return [value for value in map(_value, row) if math.isfinite(value)]


def _kind_of_run(row: Sequence[str]) -> str:
    """ "years" for rising years, "steps" for numbers with equal steps (two numbers: 1); else ""."""
    values = _values(row)
    steps = [high - low for low, high in pairwise(values)]
    if _are_years(values):
        return "years" if all(step > 0 for step in steps) else ""
    if not steps or steps[0] <= 0 or (len(steps) == 1 and steps[0] != 1):
        return ""
    return "steps" if all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps) else ""


def _are_years(values: Sequence[float]) -> bool:
    return bool(values) and all(value.is_integer() and value in _YEARS for value in values)


def _counters(columns: Sequence[_Column]) -> float:
    """Evidence from counters: the first number fits the equal steps of its column.

    If the steps are whole, a header of positions may precede rows that count from 1.
    """
    weight = 0.0
    for column in columns:
        values = [_value(cell) for cell in (column.first, *column.below[:_STEPS])]
        steps = [high - low for low, high in pairwise(values)]
        if len(steps) < _STEPS or not math.isfinite(sum(steps)) or steps[0] == 0:
            continue
        if all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps):
            weight = min(weight, -2.0 if steps[0].is_integer() else -20.0)
    return weight
