"""The detected type of each column of a table, or the type that its owner chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from talweg.data.columns.cells import Cells, Words, as_words, missing_in, parse_numbers
from talweg.data.columns.counters import why_only_counts
from talweg.data.columns.kinds.base import ColumnType, Kind
from talweg.data.columns.kinds.evidence import Evidence
from talweg.data.columns.kinds.ordinal import ORDINAL
from talweg.data.columns.kinds.registry import KIND_OF, KINDS, USED
from talweg.data.columns.kinds.unused import COPY, IDENTIFIER, LEFT_OUT
from talweg.data.columns.labels import named_marks
from talweg.data.columns.leaks import LearnedTarget, digest_of, tells
from talweg.data.columns.table import Table
from talweg.errors import DataError, nearest

Asked = (
    str | Sequence[str]
)  # a kind or one of its options by name, or the words of a scale in order

LEAVE_OUT = "leave out"

_LEAK = "It nearly tells the target. Will it be known when you predict? If not, leave it out."
_MARK = "{!r} is one of its words, as the others are written like it; if not, empty its cells."


def type_columns(
    table: Table,
    targets: Sequence[str],
    asked: Mapping[str, Asked] | None = None,
    *,
    learned_targets: int = 1,
    whole: Table | None = None,
) -> list[ColumnType]:
    """What each column but the targets is, in the order of the table.

    Kinds that are `asked` for by name are used as they are. A copy of an earlier column, or of one
    of the first `learned_targets` targets, is left out; a column that nearly tells such a target
    gets a note. If `table` has only some rows of a file, `whole` is the table of all rows, in which
    row numbers are recognized.
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
        elif column_type.used and any(tells(cells, target) for target in learned):
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
        (kind, column_type) for kind in KINDS if (column_type := kind.recognize(column))
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
