"""How talweg reads each column, as printed before training."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.cli.text import paragraph
from talweg.data.columns.kinds.base import ColumnType
from talweg.data.columns.kinds.registry import USED
from talweg.errors import counted

_MAX_NAMES = 12  # of one kind
_MAX_LINES = 8  # of columns left out, and of doubtful columns


def column_types_text(columns: Sequence[ColumnType]) -> str:
    """One line per kind, per column that is left out, and per column whose kind is doubtful.

    >>> size = ColumnType("size", "number", missing=3)
    >>> print(column_types_text([size, ColumnType("id", "constant", "All are 1.")]))
    number: size (3 missing)
    left out: id. All are 1.
    """
    lines = []
    for kind in USED:
        if names := [_named(column) for column in columns if column.kind == kind.name]:
            more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
            lines.append(f"{kind.name}: {', '.join(names[:_MAX_NAMES])}{more}")
    unused = [f"left out: {column.name}. {column.why}" for column in columns if not column.used]
    doubts = [f"check {column.name}: {column.note}" for column in columns if column.note]
    return "\n".join(map(paragraph, [*lines, *_first_lines(unused), *_first_lines(doubts)]))


def _first_lines(lines: Sequence[str]) -> Sequence[str]:
    """All lines, or the first ones and how many more there are."""
    if len(lines) <= _MAX_LINES:
        return lines
    return [*lines[:_MAX_LINES], f"... and {counted(len(lines) - _MAX_LINES, 'more column')}"]


def _named(column: ColumnType) -> str:
    return f"{column.name} ({column.missing:,} missing)" if column.missing else column.name
