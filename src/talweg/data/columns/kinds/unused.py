"""Kinds of columns that a network cannot use, each with a sentence that says why."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Moments,
    Numbers,
    Words,
    are_numbers,
    parse,
    plain,
)
from talweg.data.columns.kinds.base import ColumnType, Evidence, Kind

# What pandas calls an index and a column without a name when it writes or reads a file.
_NAMELESS = re.compile(r"Unnamed: \d+|__index_level_\d+__")


def _unfit(column: Evidence) -> ColumnType | None:
    """Cells that are not single values, as the source says."""
    why = column.cells.why if isinstance(column.cells, Words) else ""
    return ColumnType(column.name, TEXT.name, why) if why else None


def _labels_rows(column: Evidence) -> ColumnType | None:
    """An index without a name that was written as a column."""
    if not (_NAMELESS.fullmatch(column.name) and _are_labels(column.cells)):
        return None
    why = "It names the rows, as a column without a name does."
    return ColumnType(column.name, IDENTIFIER.name, why)


def _are_labels(cells: Cells) -> bool:
    """Whether cells are whole numbers, or words that all differ."""
    values, missing = parse(cells)
    values = values[~missing]
    if are_numbers(values):
        return bool((values == np.rint(values)).all())
    return isinstance(cells, Words) and len(cells.counts) == len(cells)


def _constant(column: Evidence) -> ColumnType | None:
    if len(column.present) == 0:
        return ColumnType(column.name, CONSTANT.name, "Every cell is missing.")
    if column.missing.any() or isinstance(column.present, Moments):
        return None
    only = _only(column.present)
    why = f"Every cell holds {only!r}."
    return None if only is None else ColumnType(column.name, CONSTANT.name, why)


def _only(cells: Floats | Words | Numbers) -> str | None:
    """The value that all cells hold; None if there are several."""
    if isinstance(cells, Words):
        counts = cells.counts
        return next(iter(counts)) if len(counts) == 1 and not cells.full else None
    values = cells.values if isinstance(cells, Numbers) else cells
    return plain(float(values[0])) if values.min() == values.max() else None


def _counts_rows(column: Evidence) -> ColumnType | None:
    """Numbers that only count the rows."""
    why = why_only_counts(column.name, column.values) if column.is_numeric else ""
    return ColumnType(column.name, IDENTIFIER.name, why) if why else None


def _names_rows(column: Evidence) -> ColumnType | None:
    """Single words that all differ."""
    counts, rows = column.words.counts, len(column.words)
    if len(counts) != rows or rows < FEWEST_COUNTED or any(" " in text for text in counts):
        return None
    why = f"Each of its {rows} cells is another word."
    return ColumnType(column.name, IDENTIFIER.name, why)


def _text(column: Evidence) -> ColumnType:
    counts, rows = column.words.counts, len(column.words)
    many = f"more than {len(counts) - 1}" if column.words.full else str(len(counts))
    return ColumnType(
        column.name, TEXT.name, f"It is text: {many} different values in {rows} cells."
    )


TEXT = Kind("text", _text, vague_is_missing=False, is_fallback=True)
UNFIT = replace(TEXT, recognize=_unfit, is_fallback=False)
CONSTANT = Kind("constant", _constant)
IDENTIFIER = Kind(
    "identifier", _names_rows, may_count_rows=True, is_fallback=True, last_resort="number"
)
ROW_LABELS = replace(IDENTIFIER, recognize=_labels_rows, is_fallback=False)
ROW_COUNTS = replace(IDENTIFIER, recognize=_counts_rows, is_fallback=False)
COPY = Kind("copy")
LEFT_OUT = Kind("left out", by_choice=True)


# Numbers that only count the rows, such as `No` or pandas' `Unnamed: 0` ---------------------------

FEWEST_COUNTED = 20  # rows; in a shorter table 1, 2, 3, ... may be an input

_NAMES_ROWS = re.compile(r"(?:^|[\W_])(?i:id|uuid|guid|key|rownames?)$|[a-z]I[dD]$")
_COUNTS_ROWS = re.compile(
    r"(?:^|[\W_])(?i:index|idx)$"
    r"|^(?i:unnamed: ?\d+|no\.?|nr\.?|#|row(?:[ _]?(?:no|nr|num|number|index))?\.?)$"
)
_CALENDAR = re.compile(
    r"(?i:year|yr|quarter|month|week|day|date|hour|minute|second|time|timestamp|period|yyyymm(?:dd)?)s?$"
)
_YEARS = (1700, 2100)
_SAME_STEPS = 0.5  # the share of steps of a counter with gaps that have the usual size
_COUNTED_ON = 0.8  # the share of steps that count by one, in a counter that restarts per group


def why_only_counts(name: str, values: Floats) -> str:
    """Why numbers (N,), in the order of the file, only count the rows; "" if they may mean more.

    Whole numbers that rise or fall in equal steps are row numbers whatever the column is called,
    except by a unit of the calendar. Where rows were removed, some steps are larger.

    >>> why_only_counts("No", np.arange(7.0, 107.0))
    'It numbers the rows: 7 to 106, in their order.'
    >>> why_only_counts("year", np.arange(1900.0, 2000.0))
    ''
    """
    rows, values = len(values), values[np.isfinite(values)]
    fewest = max(FEWEST_COUNTED, rows / 2)
    if len(values) < fewest or not (values == np.rint(values)).all():
        return ""
    steps = np.diff(values)
    span = f"{plain(float(values[0]))} to {plain(float(values[-1]))}"
    begins = values[0] in (0, 1) and bool((steps == 1).all())
    may_be_time = _CALENDAR.search(name) or _are_years(values, steps)
    if begins or (_is_monotone(steps) and not may_be_time):
        if (steps == steps[0]).all():
            return f"It numbers the rows: {span}, in their order."
        if _has_gaps(steps):
            return f"It numbers the rows: {span}, in their order, with gaps."
    counts = bool(_COUNTS_ROWS.search(name))
    if (counts or _NAMES_ROWS.search(name)) and len(np.unique(values)) == len(values):
        return "It names the rows: every number occurs once."
    begins_again = counts and _begins_again(values, steps)
    return "It numbers the rows of each group." if begins_again else ""


def _are_years(values: Floats, steps: Floats) -> bool:
    """Whether the numbers may be consecutive years."""
    low, high = _YEARS
    return bool(values.min() >= low and values.max() <= high and (np.abs(steps) == 1).all())


def _is_monotone(steps: Floats) -> bool:
    return bool((steps > 0).all() or (steps < 0).all())


def _has_gaps(steps: Floats) -> bool:
    """Whether most steps have the same size, and all others are multiples of it."""
    sizes, counts = np.unique(np.abs(steps), return_counts=True)
    usual = sizes[counts.argmax()]
    return bool(counts.max() >= _SAME_STEPS * len(steps) and (sizes % usual == 0).all())


def _begins_again(values: Floats, steps: Floats) -> bool:
    """Whether the numbers count up by one and otherwise return to the first number."""
    counted = steps == 1
    return bool(counted.mean() >= _COUNTED_ON and (values[1:][~counted] == values[0]).all())
