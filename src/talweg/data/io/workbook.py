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
from talweg.data.io.csv_file import SNIFFED
from talweg.data.io.files import Source
from talweg.data.io.layout import check_layout, layout_of
from talweg.errors import DataError, DataWarning, counted

Row = list[Any]


def workbook_table(file: Source, header: bool | None, expected: Expected | None) -> Table:
    """The table on the first sheet with cells; a DataWarning names other sheets with cells.

    DataError: openpyxl is not installed, a damaged file, no rows, or a row that does not fit.
    """
    (name, rows), *others = _sheets(file) or [("", [])]
    if not rows:
        raise DataError(f"{file} is empty. Give a workbook with at least one row.")
    if others:
        more = ", ".join(repr(title) for title, _ in others)
        warnings.warn(
            f"{file}: only the sheet {name!r} is read, not {more}. To read another sheet, save "
            "it as a separate file.",
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
    layout = check_layout(layout_of(texts, header, expected), texts, expected, where)
    width = len(layout.first)
    below = rows[first + layout.header :]
    kept = [row[:width] for row in below if width == 1 or _is_filled(row)]
    surplus = next((at for at, row in enumerate(rows) if _is_filled(row[width:])), None)
    if surplus is not None:
        raise DataError(
            f"{file}, row {surplus + 1}: a cell lies beyond the {counted(width, 'column')} of"
            f" row {first + 1}, in a column without a name. Name the column, or empty the cell."
        )
    if not kept:
        raise DataError(f"{file} has a header but no rows. Add at least one row.")
    columns = zip(layout.names, zip(*kept, strict=True), strict=True)
    return Table.from_columns(((name, list(cells)) for name, cells in columns), source=str(file))


def _is_filled(row: Row) -> bool:
    return any(cell is not None and cell != "" for cell in row)


def _sheets(file: Source) -> list[tuple[str, list[Row]]]:
    """The visible sheets with cells: titles, and rows of equal width without blank rows at the end.
    DataError: openpyxl is not installed, or a damaged file.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{file} is an Excel workbook. Reading it needs openpyxl, which is not installed: run"
            " pip install 'talweg[tables]', or save the sheet as CSV in UTF-8."
        ) from None
    try:
        with file.open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and the like
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            sheets = [(sheet.title, _rows(sheet)) for sheet in visible]
            book.close()
    except (KeyError, ValueError, TypeError, OSError, SyntaxError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{file} cannot be read as an Excel workbook ({error}). It is damaged or protected by a"
            " password: save it again, or save the sheet as CSV in UTF-8."
        ) from None
    return [(title, rows) for title, rows in sheets if rows]


def _rows(sheet: Any) -> list[Row]:
    """The rows of a sheet up to the last one with a cell, padded to the width of the widest."""
    sheet.reset_dimensions()  # some programs write wrong ones
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    while rows and not _is_filled(rows[-1]):
        rows.pop()
    width = max((len(row) for row in rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows]
