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
from talweg.data.columns.counters import FEWEST_COUNTED, why_only_counts
from talweg.data.columns.kinds.base import ColumnType, Kind
from talweg.data.columns.kinds.evidence import Evidence

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
