"""What each column of a table is taken for, and what its owner may say instead."""

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
    learnt: int = 1,
    whole: Table | None = None,
) -> list[ColumnType]:
    """What each column but the targets is, in the order of the table.

    Kinds that are `asked` for by name are taken as they are. A copy of an earlier column or of one
    of the first `learnt` targets is left out; a column that nearly tells such a target gets a note.
    Where `table` has only some rows of a file, row numbers are looked for in the `whole` of it.
    """
    chosen = {table.find(name): kind for name, kind in (asked or {}).items()}
    learned = [LearnedTarget.of(table.columns[name]) for name in targets[:learnt]]
    origins = {digest_of(target.cells): "the target" for target in learned}
    types = []
    for name in (name for name in table.names if name not in targets):
        cells = table.columns[name]
        if name in chosen:
            types.append(as_asked(name, cells, chosen[name]))
            continue
        found, digest = describe(name, cells), digest_of(cells)
        if whole is not None and whole is not table:
            found = _unless_counting(found, whole.columns[name])
        if found.used and digest in origins:
            found = ColumnType(name, COPY.name, f"It equals {origins[digest]}, cell by cell.")
        elif found.used and any(tells(cells, target) for target in learned):
            found = replace(found, note=f"{found.note} {_LEAK}".strip())
        origins.setdefault(digest, f"the column {name!r}")
        types.append(found)
    return [_with_missing(found, table.columns[found.name]) for found in types]


def _with_missing(found: ColumnType, cells: Cells) -> ColumnType:
    return replace(found, missing=missing_in(cells, vague=KIND_OF[found.kind].vague_is_missing))


def _unless_counting(found: ColumnType, cells: Cells) -> ColumnType:
    """The type, or an identifier where all cells of the column only number the rows."""
    if not KIND_OF[found.kind].may_count_rows:
        return found
    why = why_only_counts(found.name, parse_numbers(cells)[0])
    return ColumnType(found.name, IDENTIFIER.name, why) if why else found


def describe(name: str, cells: Cells) -> ColumnType:
    """The type of a column, judged by its cells, and by its name where cells leave it open."""
    column = Evidence(name, cells)
    kind, found = next((kind, found) for kind in KINDS if (found := kind.recognize(column)))
    hints = (other.hint(column) for other in USED) if kind.is_fallback else ()
    note = found.note or next(filter(None, hints), "")
    if not note and column.is_text:
        note = _note_on_marks(cells)
    return replace(found, note=note)


def _note_on_marks(cells: Cells) -> str:
    marks = named_marks(cells.counts) if isinstance(cells, Words) else ()
    return _MARK.format(min(marks)) if marks else ""


def unit_hint(name: str, cells: Cells) -> str:
    """How to predict amounts that are written with units; "" for any other column."""
    kind = KIND_OF[describe(name, cells).kind]
    unit = kind.column.unit if kind.column else ""
    return f" To predict a {kind.name}, convert the column to numbers of {unit}." if unit else ""


def as_moments(name: str, cells: Cells, found: ColumnType | None = None) -> ColumnType | None:
    """The type of a column of moments; None for any other column.

    `found` is the type where it is known. A column that the owner leaves out is judged by its
    cells.
    """
    if found is None or KIND_OF[found.kind].by_choice:
        found = describe(name, cells)
    column = KIND_OF[found.kind].column
    return found if column is not None and column.axis == "moment" else None


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
