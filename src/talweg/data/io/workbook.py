"""A sheet of an Excel workbook, read by openpyxl."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from itertools import islice
from typing import Any

from talweg.data.columns.expected import Expected
from talweg.data.columns.table import Table
from talweg.data.columns.values import as_text
from talweg.data.io.dialect import SNIFFED
from talweg.data.io.files import Source
from talweg.data.io.layout import checked, layout_of
from talweg.errors import DataError, DataWarning

Row = list[Any]


def workbook_table(file: Source, header: bool | None, expected: Expected | None) -> Table:
    """The table on the first sheet that has cells; a DataWarning names others that have some.

    DataError: no openpyxl, a damaged file, no rows, or a row that does not fit.
    """
    (name, rows), *others = _sheets(file) or [("", [])]
    if not rows:
        raise DataError(f"{file} is empty. Give a workbook with at least one row.")
    if others:
        more = ", ".join(repr(each) for each, _ in others)
        warnings.warn(
            f"{file}: the sheet {name!r} is read, and not {more}. To read another one, save it by"
            " itself.",
            DataWarning,
            stacklevel=2,
        )
    return _table(file, rows, header, expected)


def _table(
    file: Source, rows: Sequence[Row], header: bool | None, expected: Expected | None
) -> Table:
    first = next(at for at, row in enumerate(rows) if _is_filled(row))
    where = f"{file}, row {first + 1}"
    texts = [[as_text(cell) for cell in row] for row in islice(rows, first, first + SNIFFED)]
    layout = checked(layout_of(texts, header, expected), texts, expected, where)
    width = len(layout.first)
    below = rows[first + layout.header :]
    kept = [row[:width] for row in below if width == 1 or _is_filled(row)]
    surplus = next((at for at, row in enumerate(rows) if _is_filled(row[width:])), None)
    if surplus is not None:
        raise DataError(
            f"{file}, row {surplus + 1}: there is a cell in a column without a name, beyond the"
            f" {width} of row {first + 1}. Name the column, or empty the cell."
        )
    if not kept:
        raise DataError(f"{file} has a header but no rows. Add rows.")
    columns = zip(layout.names, zip(*kept, strict=True), strict=True)
    return Table.from_columns(((name, list(cells)) for name, cells in columns), source=str(file))


def _is_filled(row: Row) -> bool:
    return any(cell is not None and cell != "" for cell in row)


def _sheets(file: Source) -> list[tuple[str, list[Row]]]:
    """The sheets that have cells, each with its rows of one width, blank ones at the end left out.
    DataError: no openpyxl, or a damaged file.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{file} is an Excel workbook, which openpyxl reads, and openpyxl is not installed. Run"
            " pip install 'talweg[tables]', or save the sheet as CSV in UTF-8."
        ) from None
    try:
        with file.open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and the like, which hold no cells
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            shown = [each for each in book.worksheets if each.sheet_state == "visible"]
            found = [(each.title, _rows(each)) for each in shown]
            book.close()
    except (KeyError, ValueError, TypeError, OSError, SyntaxError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{file} cannot be read as an Excel workbook ({error}). It is damaged or locked by a"
            " password: save it again, or the sheet as CSV in UTF-8."
        ) from None
    return [(name, rows) for name, rows in found if rows]


def _rows(sheet: Any) -> list[Row]:
    """The rows of a sheet up to the last that has a cell, all as wide as the widest of them."""
    sheet.reset_dimensions()  # which some programs write wrong
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    while rows and not _is_filled(rows[-1]):
        rows.pop()
    width = max((len(row) for row in rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows]
