"""The table of all kinds of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talweg.data.columns.cells import Cells
from talweg.data.columns.kinds.base import Column, ColumnType, Kind
from talweg.data.columns.kinds.boolean import BOOLEAN
from talweg.data.columns.kinds.category import CATEGORY
from talweg.data.columns.kinds.date import DATE
from talweg.data.columns.kinds.duration import DURATION
from talweg.data.columns.kinds.number import NUMBER
from talweg.data.columns.kinds.ordinal import ORDINAL
from talweg.data.columns.kinds.unused import (
    CONSTANT,
    COPY,
    IDENTIFIER,
    LEFT_OUT,
    ROW_COUNTS,
    ROW_LABELS,
    TEXT,
    UNFIT,
)
from talweg.schema import Tagged

# From special to general: a column is of the first kind that recognizes it.
KINDS: tuple[Kind, ...] = (
    UNFIT,
    ROW_LABELS,
    CONSTANT,
    DATE,
    DURATION,
    BOOLEAN,
    ORDINAL,
    ROW_COUNTS,
    CATEGORY,
    NUMBER,
    IDENTIFIER,
    TEXT,
    COPY,
    LEFT_OUT,
)
KIND_OF: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}

# The kinds that a network can use, from general to special, in the order of messages.
USED: tuple[Kind, ...] = tuple(kind for kind in reversed(KINDS) if kind.column)

COLUMNS: Mapping[str, type[Column]] = {kind.name: kind.column for kind in USED if kind.column}
COLUMN_RECORD = Tagged("kind", {name: column.record for name, column in COLUMNS.items()})


def fit_column(column: ColumnType, cells: Cells) -> Column:
    """A column of this type, fitted to the cells."""
    return COLUMNS[column.kind].fit(column.name, cells, column.detail)


def column_from(record: dict[str, Any]) -> Column:
    """The column that a model file stores."""
    return COLUMNS[record["kind"]].from_json(record)
