"""Reading a table from a file, or taking one from arrays or a data frame.

A file is read in blocks of rows, so that a table may be larger than memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from talweg.data.columns.cells import Cells, settled, tally_of
from talweg.data.columns.column_builder import Block, GrowingColumn, Shelf, UnreadColumn
from talweg.data.columns.expected import Expected
from talweg.data.columns.numerals import POINT, habit_of
from talweg.data.columns.table import Table
from talweg.data.io.csv_file import CsvFile
from talweg.data.io.dialect import SAMPLE
from talweg.data.io.files import Source, is_file, source_of
from talweg.data.io.json_file import is_json, json_table
from talweg.data.io.opening import is_parquet, is_workbook, sample_of
from talweg.data.io.parquet import ParquetFile
from talweg.data.io.sources import table_in_memory
from talweg.data.io.workbook import workbook_table
from talweg.errors import DataError

File = CsvFile | ParquetFile
Given = str | os.PathLike[str] | IO[bytes] | IO[str] | Source


def as_table(source: Any) -> Table:
    """A table of a path, a dict of columns or of the cells of one row, a data frame or a row of
    one, a list of rows or of records, an array (N, D), or a table as it is.

    A data frame is whatever has columns by name: those of pandas and polars, and tables of
    pyarrow. Its named index is a column, too.
    """
    if isinstance(source, Table):
        return source
    if is_file(source):
        return read_table(source)
    return table_in_memory(source)


def read_table(
    given: Given, *, header: bool | None = None, expected: Expected | None = None
) -> Table:
    """The table in a file of CSV, Parquet, JSON or Excel.

    `header` says whether the first row of CSV or of a sheet names the columns; it is inferred
    unless given, as encoding and dialect are, for a table to predict from what is `expected`. The
    file may be packed (gzip, bz2, xz, zip). DataError: a file that is not there, is no table or
    has no rows, and a line that does not fit, by its number.
    """
    file = _opened(given, header, expected)
    return file if isinstance(file, Table) else _grown(file.blocks(), file)


def read_parts(
    given: Given, *, header: bool | None = None, expected: Expected | None = None
) -> Iterator[Table]:
    """The same table in parts of some rows, one after another, in memory that does not grow.

    Where it is known what is `expected`, columns of numbers are read as such from the first row
    on, and those that are not used hold nothing: 20 us a row of 9 numbers become 11.
    """
    file = _opened(given, header, expected)
    if isinstance(file, Table):
        yield file
        return
    is_empty = True
    for block in file.blocks():
        is_empty = False
        yield _grown([block], file, expected)
    if is_empty:
        raise DataError(file.no_rows)


def _opened(given: Given, header: bool | None, expected: Expected | None) -> File | Table:
    """A file whose rows are still to be read, or the table of one that is read at once."""
    file = source_of(given)
    if is_parquet(file):
        return ParquetFile(file)
    if is_workbook(file):
        return workbook_table(file, header, expected)
    encoding, sample = sample_of(file, SAMPLE)
    if is_json(sample):
        return json_table(file, encoding)
    return CsvFile.of(file, encoding, sample, header, expected)


def _grown(blocks: Iterable[Block], file: File, expected: Expected | None = None) -> Table:
    shelf, names = Shelf(), file.names
    columns = [_growing(place, name, shelf, file, expected) for place, name in enumerate(names)]
    for block in blocks:
        for column, cells in zip(columns, block, strict=True):
            column.add(cells)
    cells_of = dict(zip(names, _settled(columns, file.delimiter), strict=True))
    table = Table(names, cells_of, str(file.file), file.types)
    if not len(table):
        raise DataError(file.no_rows)
    return table


def _growing(
    place: int, name: str, shelf: Shelf, file: File, expected: Expected | None
) -> GrowingColumn | UnreadColumn:
    if name in file.unfit:
        return UnreadColumn(file.unfit[name])
    if expected is None:
        return GrowingColumn(shelf)
    known = expected.name_of(place, name)
    if known not in expected.numeric:
        return UnreadColumn("")
    mark = expected.marks.get(known, POINT)
    return GrowingColumn(shelf, number=expected.numeric[known], mark=mark)


def _settled(columns: Sequence[GrowingColumn | UnreadColumn], delimiter: str) -> list[Cells]:
    """The columns, each with its numbers read by its own decimal mark, or by that of the others."""
    cells = [each.cells() for each in columns]
    tallies = [each.tally or tally_of(own) for each, own in zip(columns, cells, strict=True)]
    habit = habit_of((each for each in tallies if each.is_numeric), delimiter)
    return [settled(each, tally, habit) for each, tally in zip(cells, tallies, strict=True)]
