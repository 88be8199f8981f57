"""Columns of categories: words, and numbers that are codes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from talweg.data.columns.cells import Cells, Floats, Words, as_words
from talweg.data.columns.column_builder import MOST_WORDS
from talweg.data.columns.kinds.base import RARE, ColumnType, Evidence, Kind
from talweg.data.columns.kinds.levels import (
    MOST_CODES,
    CodeColumn,
    LevelColumn,
    OneHotColumn,
    learnable_levels,
)
from talweg.data.columns.numerals import are_coded

MOST_LEVELS = 100  # of a column with one input per level; with more levels it has codes

_NAMES_CODES = re.compile(
    r"(?:^|[\W_])(?i:id|uuid|guid|key|code|zip|plz|(?:zip|post|postal)code)$|[a-z](?:I[dD]|Code|Key)$"
)
_NOT_AMOUNTS = "By its name, its numbers are codes; if they are amounts, ask for the kind number."


@dataclass(frozen=True)
class CategoryColumn(OneHotColumn):
    """A column of categories: one input per level, then unknown and missing."""

    kind: ClassVar[str] = "category"
    is_closed: ClassVar[bool] = False

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> LevelColumn:
        levels = learnable_levels(as_words(cells))
        if len(levels) > MOST_LEVELS:
            return CodeColumn(name, tuple(levels[:MOST_CODES]))
        return cls(name, tuple(levels))

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> LevelColumn:
        column = CodeColumn if record.get("is_code") else cls
        return column(record["name"], tuple(record["levels"]))


def _recognize(column: Evidence) -> ColumnType | None:
    """Words of which most repeat, and numbers that are codes by their zeros or their name."""
    if not column.is_numeric:
        is_category = not column.words.full and _repeat(
            column.words.counts.values(), len(column.words)
        )
        return ColumnType(column.name, CATEGORY.name) if is_category else None
    if isinstance(column.cells, Words) and _are_codes(column):
        return ColumnType(column.name, CATEGORY.name)
    if _NAMES_CODES.search(column.name) and _are_repeated(column.values):
        return ColumnType(column.name, CATEGORY.name, note=_NOT_AMOUNTS)
    return None


def _repeat(counts: Iterable[int], rows: int) -> bool:
    """Whether levels that can be learned hold at least half of the rows."""
    return 2 * sum(count for count in counts if count >= RARE) >= rows


def _are_codes(column: Evidence) -> bool:
    """Whether whole numbers begin with zeros, as codes do, and repeat."""
    counts = column.texts
    return are_coded(counts) and _repeat(counts.values(), sum(counts.values()))


def _are_repeated(values: Floats) -> bool:
    """Whether all numbers are whole, and few enough that most repeat."""
    values = values[~np.isnan(values)]
    if not (np.isfinite(values) & (values == np.rint(values))).all():
        return False
    _, counts = np.unique(values, return_counts=True)
    return len(counts) <= MOST_WORDS and _repeat(counts.tolist(), len(values))


CATEGORY = Kind("category", _recognize, CategoryColumn, vague_is_missing=False)
