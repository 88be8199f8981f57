"""Encodes the columns of a table as the inputs of a network."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, as_cells, is_missing, mark_of, read_by, tally_of
from talweg.data.columns.column_builder import Shelf
from talweg.data.columns.detection import type_columns
from talweg.data.columns.expected import Expected
from talweg.data.columns.familiar import Familiar
from talweg.data.columns.kinds.base import AmountColumn, Column, ColumnType, Inputs
from talweg.data.columns.kinds.levels import CodeColumn
from talweg.data.columns.kinds.registry import COLUMN_RECORD, KIND_OF, column_from, fit_column
from talweg.data.columns.numerals import COMMA, POINT, cleaned
from talweg.data.columns.packing import Unpack, pack
from talweg.data.columns.row_encoder import RowEncoder
from talweg.data.columns.row_sources import row_of
from talweg.data.columns.table import Table, are_positions
from talweg.data.columns.unfamiliar import Unfamiliar
from talweg.data.columns.values import UnfitError
from talweg.errors import DataError, DataWarning, close_match, counted
from talweg.lazy import cached_property
from talweg.schema import Items, Record, Text, Values
from talweg.settings import Choice

_BLOCK = 2**20  # inputs encoded at a time
_MOST_NAMED = 5  # columns in a message
_FEWEST = 2**10  # rows encoded at a time, since every call per column has a fixed cost


@dataclass(frozen=True)
class TableEncoder:
    """The input columns of a training table, and how they become inputs (N, D)."""

    record: ClassVar = Record(
        {
            "names": Items(Text(), at_least=1, unique=True),
            "targets": Items(Text(), at_least=1, unique=True),
            "columns": Items(COLUMN_RECORD, at_least=1),
            **dict.fromkeys(("left_out", "notes"), Values(Text())),
            "marks": Values(Choice(("", COMMA))),
            "familiar": Values(Familiar.record),
        }
    )
    names: tuple[str, ...]  # all columns of the training table, in order
    targets: tuple[str, ...]
    columns: tuple[Column, ...]
    left_out: dict[str, str]  # name -> reason
    notes: dict[str, str] = field(default_factory=dict)  # name -> doubt about the column
    marks: dict[str, str] = field(default_factory=dict)  # name -> see `mark_of`; "." for the rest
    familiar: dict[str, Familiar] = field(default_factory=dict)  # name -> counts of training

    @staticmethod
    def fit(
        table: Table,
        target: str | int | Sequence[str | int],
        *,
        rows: NDArray[Any] | None = None,
        types: Sequence[ColumnType] | None = None,
    ) -> TableEncoder:
        """Fit all columns except the target or targets to `rows`, as columns of these `types`.

        By default the types are inferred from the whole table. Row numbers are inputs only if there
        are no other inputs. DataError: no column to learn from.
        """
        chosen = [target] if isinstance(target, str | int) else target
        targets = tuple(map(table.find, chosen))
        types = type_columns(table, targets) if types is None else types
        used = [column for column in types if column.used] or [*_last_resort(table, types)]
        taken = {column.name for column in used}
        left_out = {column.name: column.why for column in types if column.name not in taken}
        if not used:
            raise DataError(_nothing_left(table.source, left_out))
        seen = slice(None) if rows is None else rows
        marks = {name: mark_of(table.columns[name]) for name in targets}
        for column in used:
            marks[column.name] = KIND_OF[column.kind].mark(column, table.columns[column.name])
        columns, familiar = [], {}
        for column in used:
            cells = read_by(table.columns[column.name], marks[column.name])[seen]
            columns.append(fit_column(column, cells))
            familiar[column.name] = columns[-1].familiar(cells)
        notes = {column.name: column.note for column in used if column.note}
        unusual = {name: mark for name, mark in marks.items() if mark != POINT}
        return TableEncoder(
            table.names, targets, tuple(columns), left_out, notes, unusual, familiar
        )

    @staticmethod
    def from_json(record: dict[str, Any]) -> TableEncoder:
        columns = tuple(map(column_from, record["columns"]))
        names, targets = tuple(record["names"]), tuple(record["targets"])
        _refuse_unknown(names, [*targets, *(column.name for column in columns)])
        left_out, notes, marks = (dict(record[field]) for field in ("left_out", "notes", "marks"))
        familiar = {name: Familiar(**counts) for name, counts in record["familiar"].items()}
        _refuse_wordless(columns, familiar)
        return TableEncoder(names, targets, columns, left_out, notes, marks, familiar)

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "targets": list(self.targets),
            "columns": [column.to_json() for column in self.columns],
            "left_out": self.left_out,
            "notes": self.notes,
            "marks": self.marks,
            "familiar": {name: counts.to_json() for name, counts in self.familiar.items()},
        }

    def as_trained(self, name: str, cells: Cells) -> Cells:
        """The cells of a column, with numbers read by the decimal mark of training."""
        return read_by(cells, self.marks.get(name, POINT))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the D inputs."""
        return tuple(name for column in self.columns for name in column.input_names)

    @property
    def missing(self) -> dict[str, int]:
        """How many cells were missing in training, for columns with missing cells."""
        return {name: seen.missing for name, seen in self.familiar.items() if seen.missing}

    @property
    def codes(self) -> dict[int, int]:
        """The number of codes of each input that holds codes, by index."""
        starts = accumulate((column.width for column in self.columns), initial=0)
        pairs = zip(starts, self.columns, strict=False)
        return {at: column.count for at, column in pairs if isinstance(column, CodeColumn)}

    @property
    def positional(self) -> bool:
        """Whether the training table had no header, so that columns are matched by position."""
        return are_positions(self.names)

    @cached_property
    def expected(self) -> Expected:
        """What a file to predict should have."""
        numeric = {column.name: column.reads_numbers for column in self.columns}
        return Expected(numeric, self.marks, self.names, self.positional, self._unknown_in)

    def _unknown_in(self, row: Sequence[str]) -> list[bool]:
        """Which cells of a row in the order of training are unknown; missing cells, and those of
        columns that are not used, are left out.
        """
        cell_of = dict(zip(self.names, row, strict=False))
        pairs = [
            (column, cell_of[column.name]) for column in self.columns if column.name in cell_of
        ]
        return [self._is_unknown(*pair) for pair in pairs if not is_missing(pair[1], vague=True)]

    def _is_unknown(self, column: Column, cell: str) -> bool:
        unknown, _ = column.flags(column.encode(self.as_trained(column.name, as_cells([cell]))))
        return bool(unknown[0])

    def encode(
        self,
        table: Table,
        rows: NDArray[np.intp] | None = None,
        unpack: Unpack | None = None,
        met: Unfamiliar | None = None,
    ) -> Inputs:
        """The table, or some rows of it, as inputs (N, D); packed for `unpack` if it is given.

        Inputs too large for memory are mapped from a temporary file. Cells unlike those of training
        are counted in `met`. DataError: a column of training is missing.
        """
        name_of = self._by_position(table) if self.positional else self._by_name(table)
        columns = [
            (column, self.as_trained(column.name, table.columns[name_of[column.name]]))
            for column in self.columns
        ]
        count = len(table) if rows is None else len(rows)
        width = len(self.inputs) if unpack is None else unpack.width
        inputs = Shelf().array((count, width), np.float32)
        step = max(_BLOCK // width, _FEWEST)
        for start in range(0, count, step):
            block = slice(start, start + step)
            chosen = block if rows is None else rows[block]
            _encode(columns, chosen, inputs[block], unpack is not None, met)
        if met is not None:
            met.rows += count
        return inputs

    def unfamiliar(self) -> Unfamiliar:
        """An empty count of cells that training did not have."""
        return Unfamiliar(self.columns, self.familiar)

    def warn_of_marks(self, table: Table) -> None:
        """A DataWarning for each column that, read on its own, would have another decimal mark than
        in training, if that would change any number.
        """
        name_of = self._by_position(table) if self.positional else self._by_name(table)
        for name in (column.name for column in self.columns):
            cells, mark = table.columns[name_of[name]], self.marks.get(name, POINT)
            if mark and mark_of(cells) not in (mark, "") and tally_of(cells).short:
                text = _other_mark(table.source, name, mark, tally_of(cells).example)
                warnings.warn(text, DataWarning, stacklevel=5)

    @cached_property
    def row_encoder(self) -> RowEncoder:
        """The encoder of one row, given as cells by name."""
        return RowEncoder(self.columns, self.marks, self.familiar)

    def encode_row(self, source: Any, met: Unfamiliar | None = None) -> Inputs | None:
        """The inputs (1, D) of a dict of cells, or of an array or a data frame of one row.

        None if the source is none of these, lacks a column or has a value that cannot be a cell;
        encoding it as a table then raises the error.
        """
        cells = row_of(source, self.names if self.positional else ())
        try:
            return None if cells is None else self.row_encoder(cells, met)
        except (KeyError, UnfitError):
            return None

    def _by_name(self, table: Table) -> dict[str, str]:
        needed = [column.name for column in self.columns]
        lost = [name for name in needed if name not in table.columns]
        if lost:
            raise DataError(_missing(table, lost, len(needed)))
        return {name: name for name in needed}

    def _by_position(self, table: Table) -> dict[str, str]:
        """The columns in the order of training; targets may be absent if they came last."""
        last = len(list(takewhile(self.targets.__contains__, reversed(self.names))))
        widths = range(len(self.names) - last, len(self.names) + 1)
        if len(table.names) not in widths:
            raise DataError(
                f"{table.source} has {counted(len(table.names), 'column')}, but the model was"
                f" trained on {len(self.names)} without a header, so they are matched by position."
                f" Give {' or '.join(map(str, widths))} columns in the order of training."
            )
        return dict(zip(self.names, table.names, strict=False))


def _last_resort(table: Table, types: Sequence[ColumnType]) -> Iterator[ColumnType]:
    """Columns that are inputs only where a table has no better ones."""
    for column in types:
        kind = KIND_OF.get(KIND_OF[column.kind].last_resort)
        cells = table.columns[column.name]
        detail = kind.ask(column.name, cells, kind.name) if kind else None
        if kind and detail is not None:
            yield ColumnType(column.name, kind.name, detail=detail)


def _refuse_unknown(names: Sequence[str], used: Sequence[str]) -> None:
    """A ValueError where a column is used twice, or is not in the table."""
    if not {*used} <= {*names} or len({*used}) < len(used):
        raise ValueError(f"the targets and inputs {used} are not different ones of {names}")


def _refuse_wordless(columns: Sequence[Column], familiar: dict[str, Familiar]) -> None:
    """An OverflowError where the first or the last date of training is not in the calendar."""
    for column in columns:
        if isinstance(column, AmountColumn) and (seen := familiar.get(column.name)):
            for amount in (seen.low, seen.high):
                column.text_of(amount or 0.0)


def _encode(
    columns: Iterable[tuple[Column, Cells]],
    rows: Any,
    inputs: Inputs,
    is_packed: bool,
    met: Unfamiliar | None,
) -> None:
    """Write these rows of the columns as inputs (N, D), or packed (N, P)."""
    start = 0
    for column, cells in columns:
        chosen = cells[rows]
        piece = pack(column, chosen) if is_packed else column.encode(chosen)
        inputs[:, start : start + piece.shape[1]] = piece
        start += piece.shape[1]
        if met is not None:
            met.look(column, chosen, piece)
        del piece  # frees memory before the next one is encoded


def _other_mark(source: str, name: str, mark: str, example: str) -> str:
    was, seems = ("comma", "point") if mark == COMMA else ("point", "comma")
    return (
        f"{source}: the column {name!r} had a decimal {was} in training, and by itself would be"
        f" read with a decimal {seems} here. {example!r} is read as in training, as"
        f" {cleaned(example, mark)}. Check that the column is written as in training."
    )


def _missing(table: Table, lost: Sequence[str], count: int) -> str:
    """The message for a table without some of the `count` columns of training."""
    hints = []
    for name in lost[:_MOST_NAMED]:
        close = close_match(name, table.names)
        hints.append(f"{name!r}" + (f" (did you mean {close!r}?)" if close else ""))
    more = f" and {len(lost) - _MOST_NAMED:,} more" if len(lost) > _MOST_NAMED else ""
    there = ", ".join(map(repr, table.names[:_MOST_NAMED]))
    are = "is" if len(lost) == 1 else "are"
    return (
        f"{table.source.rstrip(',')}: {len(lost)} of {count} columns of training {are} missing:"
        f" {', '.join(hints)}{more}. Columns are matched by name; the first ones here are {there}."
    )


def _nothing_left(source: str, left_out: dict[str, str]) -> str:
    reasons = "".join(f" Column {name!r}: {why}" for name, why in list(left_out.items())[:5])
    return (
        f"{source} has no column to learn from besides the target.{reasons} Add a column of"
        " numbers, or of values that repeat."
    )
