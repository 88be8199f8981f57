"""How each column is read, printed before training."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.cli.text import paragraph
from talweg.data.columns.kinds.base import ColumnType
from talweg.data.columns.kinds.registry import USED
from talweg.errors import counted

_NAMES = 12  # of one kind
_LINES = 8  # of columns left out, and of doubts


def typed(columns: Sequence[ColumnType]) -> str:
    """One line per kind, per column that is left out, and per doubt.

    >>> size = ColumnType("size", "number", missing=3)
    >>> print(typed([size, ColumnType("id", "constant", "All are 1.")]))
    number: size (3 missing)
    left out: id. All are 1.
    """
    lines = []
    for kind in USED:
        if names := [_named(column) for column in columns if column.kind == kind.name]:
            more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
            lines.append(f"{kind.name}: {', '.join(names[:_NAMES])}{more}")
    unused = [f"left out: {column.name}. {column.why}" for column in columns if not column.used]
    doubts = [f"look at {column.name}: {column.note}" for column in columns if column.note]
    for each in (unused, doubts):
        lines += each[:_LINES]
        lines += (
            [f"... and {counted(len(each) - _LINES, 'more column')}"] if len(each) > _LINES else []
        )
    return "\n".join(map(paragraph, lines))


def _named(column: ColumnType) -> str:
    return f"{column.name} ({column.missing:,} missing)" if column.missing else column.name
