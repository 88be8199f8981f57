"""What a column holds: numbers, categories, or nothing that a network could use.

The cells of a column are an array (N,) of numbers, NaN where missing, or of text: see `as_cells`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Cells = NDArray[Any]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["number", "category", "constant", "identifier", "text"]

# Compared in lower case. "none" is not among them: it is a common answer to a question.
MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null"})
RARE = 3  # a level seen in fewer rows counts as unknown, so that the unknown place is trained
UNREADABLE = 0.01  # a number column may hold less than this share of cells that are no numbers
NUMBERED = 20  # in a shorter table, 1, 2, 3, ... may well be an input
LARGEST = 1e38  # float32 ends at 3.4e38: what lies beyond counts as infinite

_NUMERIC = "iuf"  # the kinds of dtype that are kept as numbers
# Narrower than float(), which takes 1_000 and nan as well.
_NUMERAL = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.I | re.A)


@dataclass(frozen=True)
class ColumnType:
    """What a column holds and, where a network cannot use it, a sentence that says why."""

    name: str
    kind: Kind
    why: str = ""

    @property
    def used(self) -> bool:
        return self.kind in ("number", "category")


def is_missing(cell: str) -> bool:
    """Whether the cell only says that nothing is known."""
    return cell.lower() in MISSING


def number(cell: str) -> float:
    """The number that a cell spells, infinite beyond float32; NaN where it spells none."""
    if not _NUMERAL.fullmatch(cell):
        return math.nan
    value = float(cell)
    return value if abs(value) <= LARGEST else math.copysign(math.inf, value)


def plain(value: float) -> str:
    """A number as text, whole ones without a point, so that 3.0 and "3" are one category."""
    whole = value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else repr(value)


def as_cells(values: ArrayLike) -> Cells:
    """Any values (N,) as cells: numbers as float64, all else as stripped text, None as ""."""
    array = np.asarray(values)
    if array.dtype.kind in _NUMERIC:
        return array.astype(np.float64)
    items = array.tolist() if array.dtype.kind == "O" else array.astype(str).tolist()
    return np.array([_as_text(item) for item in items], dtype=object)


def _as_text(value: object) -> str:
    if isinstance(value, float | np.floating):
        return plain(float(value))
    return "" if value is None else str(value).strip()


def texts(cells: Cells) -> list[str]:
    """The cells as text, numbers in their plain form."""
    if cells.dtype.kind in _NUMERIC:
        return [plain(float(value)) for value in cells.tolist()]
    items: list[str] = cells.tolist()
    return items


def parse(cells: Cells) -> tuple[Floats, Mask]:
    """The cells as numbers (N,), NaN where they are none, and which are missing (N,)."""
    if cells.dtype.kind in _NUMERIC:
        values = cells.astype(np.float64)
        values[np.abs(values) > LARGEST] = np.inf
        return values, np.isnan(values)
    items = texts(cells)
    distinct = set(items)  # each different text is read once: most columns repeat theirs
    value_of = {item: number(item) for item in distinct}
    absent = {item for item in distinct if is_missing(item)}
    values = np.fromiter(map(value_of.__getitem__, items), np.float64, len(items))
    return values, np.fromiter(map(absent.__contains__, items), np.bool_, len(items))


def are_numbers(values: Floats) -> bool:
    """Whether parsed cells, the missing ones left out, make a number column."""
    unreadable = np.count_nonzero(np.isnan(values))
    few = unreadable == 0 or unreadable < UNREADABLE * len(values)
    return bool(few and np.isfinite(values).any())


def mean_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the finite values; 0 and 1 where there is no spread."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    mean, scale = float(finite.mean()), float(finite.std())
    # Equal values may leave a rest of rounding, which must not be blown up to a spread.
    return mean, scale if scale > 1e-13 * float(np.abs(finite).max()) else 1.0


def describe(name: str, cells: Cells) -> ColumnType:
    """What the column holds, judged by its cells alone."""
    values, missing = parse(cells)
    present = cells[~missing]
    distinct = len(set(present.tolist()))
    if distinct + missing.any() <= 1:
        shown = f"holds {texts(present)[0]!r}" if distinct else "is missing"
        return ColumnType(name, "constant", f"Every cell {shown}.")
    if are_numbers(values[~missing]):
        return _describe_numbers(name, values)
    counts = Counter(texts(present))
    repeated = sum(count for count in counts.values() if count >= RARE)
    if 2 * repeated < len(present):
        why = f"It is text: {distinct} different values in {len(present)} cells."
        return ColumnType(name, "text", why)
    return ColumnType(name, "category")


def _describe_numbers(name: str, values: Floats) -> ColumnType:
    """A number column, or the numbers of the rows: 0, 1, 2, ... or 1, 2, 3, ... in their order."""
    first, rows = values[0], len(values)
    counts = first in (0, 1) and np.array_equal(values, first + np.arange(rows))
    if rows < NUMBERED or not counts:
        return ColumnType(name, "number")
    span = f"{plain(float(first))} to {plain(float(values[-1]))}"
    return ColumnType(name, "identifier", f"It numbers the rows: {span}, in their order.")
