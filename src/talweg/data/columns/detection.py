"""The detected type of each column of a table, or the type that its owner chose.

A column that repeats another one is left out, and one that nearly determines the target gets a
note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple, Self

import numpy as np

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Mask,
    Readings,
    Words,
    as_words,
    missing_in,
    parse_numbers,
)
from talweg.data.columns.kinds.base import ColumnType, Evidence, Kind
from talweg.data.columns.kinds.ordinal import ORDINAL
from talweg.data.columns.kinds.registry import KIND_OF, KINDS, USED
from talweg.data.columns.kinds.unused import (
    COPY,
    FEWEST_COUNTED,
    IDENTIFIER,
    LEFT_OUT,
    why_only_counts,
)
from talweg.data.columns.labels import named_marks
from talweg.data.columns.table import Table
from talweg.errors import DataError, nearest

Asked = (
    str | Sequence[str]
)  # a kind or one of its options by name, or the words of a scale in order

LEAVE_OUT = "leave out"

_LEAK = "It nearly determines the target. If it is not known when you predict, leave it out."
_MARK = "{!r} is read as a word, since the others are written like it; if not, empty its cells."


def type_columns(
    table: Table,
    targets: Sequence[str],
    asked: Mapping[str, Asked] | None = None,
    *,
    learned_targets: int = 1,
    whole: Table | None = None,
) -> list[ColumnType]:
    """The type of each column except the targets, in the order of the table.

    Kinds that are `asked` for by name are used as they are. A copy of an earlier column, or of one
    of the first `learned_targets` targets, is left out; a column that nearly determines such a
    target gets a note. If `table` has only some rows of a file, `whole` is the table of all rows,
    in which row numbers are recognized.
    """
    chosen = {table.find(name): kind for name, kind in (asked or {}).items()}
    learned = [LearnedTarget.of(table.columns[name]) for name in targets[:learned_targets]]
    origins = {digest_of(target.cells): "the target" for target in learned}
    types = []
    for name in (name for name in table.names if name not in targets):
        cells = table.columns[name]
        if name in chosen:
            types.append(as_asked(name, cells, chosen[name]))
            continue
        column_type, digest = describe(name, cells), digest_of(cells)
        if whole is not None and whole is not table:
            column_type = _unless_counting(column_type, whole.columns[name])
        if column_type.used and digest in origins:
            column_type = ColumnType(name, COPY.name, f"It equals {origins[digest]}, cell by cell.")
        elif column_type.used and any(determines(cells, target) for target in learned):
            column_type = replace(column_type, note=f"{column_type.note} {_LEAK}".strip())
        origins.setdefault(digest, f"the column {name!r}")
        types.append(column_type)
    return [_with_missing(column_type, table.columns[column_type.name]) for column_type in types]


def _with_missing(column_type: ColumnType, cells: Cells) -> ColumnType:
    return replace(
        column_type, missing=missing_in(cells, vague=KIND_OF[column_type.kind].vague_is_missing)
    )


def _unless_counting(column_type: ColumnType, cells: Cells) -> ColumnType:
    """The type, or an identifier where all cells of the column only number the rows."""
    if not KIND_OF[column_type.kind].may_count_rows:
        return column_type
    why = why_only_counts(column_type.name, parse_numbers(cells)[0])
    return ColumnType(column_type.name, IDENTIFIER.name, why) if why else column_type


def describe(name: str, cells: Cells) -> ColumnType:
    """The type of a column, judged by its cells, and by its name where cells leave it open."""
    column = Evidence(name, cells)
    kind, column_type = next(
        (kind, column_type)
        for kind in KINDS
        if not kind.needs_text or column.is_text
        if (column_type := kind.recognize(column))
    )
    hints = (other.hint(column) for other in USED) if kind.is_fallback else ()
    note = column_type.note or next(filter(None, hints), "")
    if not note and column.is_text:
        note = _note_on_marks(cells)
    return replace(column_type, note=note)


def _note_on_marks(cells: Cells) -> str:
    marks = named_marks(cells.counts) if isinstance(cells, Words) else ()
    return _MARK.format(min(marks)) if marks else ""


def unit_hint(name: str, cells: Cells) -> str:
    """How to predict amounts that are written with units; "" for any other column."""
    kind = KIND_OF[describe(name, cells).kind]
    unit = kind.column.unit if kind.column else ""
    return f" To predict a {kind.name}, convert the column to numbers of {unit}." if unit else ""


def as_moments(name: str, cells: Cells, column_type: ColumnType | None = None) -> ColumnType | None:
    """The type of a column of moments; None for any other column.

    `column_type` is the type if it is already known. A column that the owner leaves out is judged
    by its cells.
    """
    if column_type is None or KIND_OF[column_type.kind].by_choice:
        column_type = describe(name, cells)
    column = KIND_OF[column_type.kind].column
    return column_type if column is not None and column.axis == "moment" else None


# What the owner asks for --------------------------------------------------------------------------


def as_asked(name: str, cells: Cells, asked: Asked) -> ColumnType:
    """The type that was asked for by name. DataError: no such kind, or cells that are not it."""
    if not isinstance(asked, str):
        return ColumnType(name, ORDINAL.name, detail=tuple(map(str, asked)))
    if asked == LEAVE_OUT:
        return ColumnType(name, LEFT_OUT.name, "As asked for.")
    kind = _kind_called(name, asked)
    detail = kind.ask(name, cells, asked)
    if detail is None:
        raise DataError(
            f"Column {name!r} cannot be of the kind {asked!r}: {kind.why_not(asked)} Its first"
            f" cells are {', '.join(map(repr, as_words(cells[:3]).tolist()))}."
        )
    return ColumnType(name, kind.name, detail=detail)


def _kind_called(name: str, asked: str) -> Kind:
    """The kind that a column is asked to be. DataError: there is none of this name."""
    for kind in USED:
        if asked in kind.names:
            return kind
    options = [option for kind in USED for option in kind.options]
    known = (*(kind.name for kind in USED), LEAVE_OUT, *options)
    raise DataError(f"Column {name!r}: there is no kind {asked!r}. {nearest(asked, known)}")


# Columns that repeat another one, or that nearly determine the target -----------------------------

NEARLY = 0.999  # the least correlation, or share of rows, of a column that determines the target


class LearnedTarget(NamedTuple):
    """The cells of a target, parsed once for all columns: as numbers (N,), which of them are
    finite, and which are missing.
    """

    cells: Cells
    values: Floats
    finite: Mask
    missing: Mask

    @classmethod
    def of(cls, cells: Cells) -> Self:
        values, missing = parse_numbers(cells)
        return cls(cells, values, np.isfinite(values), missing)


def digest_of(cells: Cells) -> bytes:
    """The same bytes for columns that are equal cell by cell."""
    if isinstance(cells, Words):
        return blake2b(cells.codes.tobytes(), key=_key(repr(cells.levels).encode())).digest()
    values = cells.values if isinstance(cells, Readings) else cells
    return blake2b(values.tobytes()).digest()


def _key(raw: bytes) -> bytes:
    return blake2b(raw).digest()


def determines(cells: Cells, target: LearnedTarget) -> bool:
    """Whether the column alone nearly determines the target, in the rows that have both."""
    values, missing = parse_numbers(cells)
    both = np.isfinite(values) & target.finite
    column_values, target_values = values[both], target.values[both]
    is_half = len(column_values) > len(values) / 2
    if is_half and len(np.unique(target_values[:10_000])) > 10:
        return _correlation(column_values, target_values) >= NEARLY
    if _has_many_values(cells) or _has_many_values(target.cells):
        return False
    rows = ~missing & ~target.missing
    return _share_determined(as_words(cells)[rows], as_words(target.cells)[rows]) >= NEARLY


def _has_many_values(cells: Cells) -> bool:
    """Whether numbers are too many to be groups: as words, ten million would be as many texts."""
    if isinstance(cells, Readings):
        return True
    return not isinstance(cells, Words) and len(np.unique(cells[:10_000])) > 200


def _correlation(a: Floats, b: Floats) -> float:
    """|r| of numbers (N,). Overwrites both with their distances from the mean."""
    a -= a.mean()
    b -= b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / spread if spread > 0 else 0.0


def _share_determined(words: Words, labels: Words) -> float:
    """The share of rows whose label is the most frequent one of their word; 0 where words or
    labels rarely repeat, so that each word would name its own row.
    """
    few = len(labels.levels) <= 100 and 2 <= len(words.counts) <= max(2 * len(labels.counts), 10)
    few = few and 2 * len(words.counts) <= len(words)
    if not few or len(labels.counts) < 2 or len(words) < FEWEST_COUNTED:
        return 0.0
    pairs = words.codes.astype(np.int64) * len(labels.levels) + labels.codes
    table = np.bincount(pairs, minlength=len(words.levels) * len(labels.levels))
    table = table.reshape(len(words.levels), len(labels.levels))
    best = table.max(axis=1).sum() / table.sum()
    trivial = table.sum(axis=0).max() / table.sum()
    return float(best) if trivial < NEARLY else 0.0
