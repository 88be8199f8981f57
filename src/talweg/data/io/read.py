"""Reads a table from a file, or takes one from arrays or a data frame.

Files are read in blocks of rows, so that a table may be larger than memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from talweg.data.columns.cells import Cells, read_by_tally, tally_of
from talweg.data.columns.column_builder import Block, ColumnBuilder, Shelf, UnreadColumn
from talweg.data.columns.expected import Expected
from talweg.data.columns.numerals import POINT, habit_of
from talweg.data.columns.table import Table
from talweg.data.io.csv_file import SAMPLE, CsvFile
from talweg.data.io.files import Source, is_file, source_of
from talweg.data.io.opening import is_json, is_parquet, is_workbook, sample_of
from talweg.data.io.sources import table_in_memory
from talweg.errors import DataError

if TYPE_CHECKING:
    from talweg.data.io.parquet import ParquetFile

    File = CsvFile | ParquetFile
Given = str | os.PathLike[str] | IO[bytes] | IO[str] | Source


def as_table(source: Any) -> Table:
    """The table of any source: a path, a dict of columns or of one row, a data frame or one row of
    it, a list of rows or records, an array (N, D), or a table, which is returned as it is.

    A data frame is anything with named columns: frames of pandas and polars, tables of pyarrow.
    A named index becomes a column.
    """
    if isinstance(source, Table):
        return source
    if is_file(source):
        return read_table(source)
    return table_in_memory(source)


def read_table(
    given: Given, *, header: bool | None = None, expected: Expected | None = None
) -> Table:
    """The table in a CSV, Parquet, JSON or Excel file.

    The file may be compressed (gzip, bz2, xz, zip).

    `header` says whether the first row of a CSV file or sheet names the columns. By default it is
    inferred, like the encoding and the dialect; for a table to predict, also from the `expected`
    columns of the model. DataError: a file that does not exist, is not a table or has no rows; a
    line with another number of cells.
    """
    file = _open(given, header, expected)
    return file if isinstance(file, Table) else _build(file.blocks(), file)


def read_parts(
    given: Given, *, header: bool | None = None, expected: Expected | None = None
) -> Iterator[Table]:
    """The same table in blocks of rows, in constant memory.

    If `expected` is given, columns of numbers are parsed as numbers from the first row on, and
    unused columns hold nothing: a row of 9 numbers takes 11 us instead of 20.
    """
    file = _open(given, header, expected)
    if isinstance(file, Table):
        yield file
        return
    is_empty = True
    for block in file.blocks():
        is_empty = False
        yield _build([block], file, expected)
    if is_empty:
        raise DataError(file.no_rows)


def _open(given: Given, header: bool | None, expected: Expected | None) -> File | Table:
    """A file whose rows are still to be read, or the table of a file that is read as a whole."""
    file = source_of(given)
    if is_parquet(file):
        from talweg.data.io.parquet import ParquetFile

        return ParquetFile(file)
    if is_workbook(file):
        from talweg.data.io.workbook import workbook_table

        return workbook_table(file, header, expected)
    encoding, sample = sample_of(file, SAMPLE)
    if is_json(sample):
        from talweg.data.io.json_file import json_table

        return json_table(file, encoding)
    return CsvFile.of(file, encoding, sample, header, expected)


def _build(blocks: Iterable[Block], file: File, expected: Expected | None = None) -> Table:
    shelf, names = Shelf(), file.names
    columns = [
        _builder_of(position, name, shelf, file, expected) for position, name in enumerate(names)
    ]
    for block in blocks:
        for column, cells in zip(columns, block, strict=True):
            column.add(cells)
    cells_of = dict(zip(names, _with_marks(columns, file.delimiter), strict=True))
    table = Table(names, cells_of, str(file.file), file.types)
    if not len(table):
        raise DataError(file.no_rows)
    return table


def _builder_of(
    position: int, name: str, shelf: Shelf, file: File, expected: Expected | None
) -> ColumnBuilder | UnreadColumn:
    if name in file.unfit:
        return UnreadColumn(file.unfit[name])
    if expected is None:
        return ColumnBuilder(shelf)
    known = expected.name_of(position, name)
    if known not in expected.numeric:
        return UnreadColumn("")
    mark = expected.marks.get(known, POINT)
    return ColumnBuilder(shelf, number=expected.numeric[known], mark=mark)


def _with_marks(columns: Sequence[ColumnBuilder | UnreadColumn], delimiter: str) -> list[Cells]:
    """The cells of each column, numbers read by its own decimal mark or by that of the file."""
    cells = [column.cells() for column in columns]
    tallies = [column.tally or tally_of(own) for column, own in zip(columns, cells, strict=True)]
    habit = habit_of((tally for tally in tallies if tally.is_numeric), delimiter)
    return [read_by_tally(own, tally, habit) for own, tally in zip(cells, tallies, strict=True)]
