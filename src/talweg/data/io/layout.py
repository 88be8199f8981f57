"""How the rows of a CSV file lie: the names above them, and the columns that they have."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from talweg.data.columns.expected import Expected
from talweg.data.columns.numerals import numeral
from talweg.data.columns.table import check_names
from talweg.data.io.header import Rows, Verdict, header_of
from talweg.errors import DataError, DataWarning

_SHOWN = 5  # cells of a row


class Layout(NamedTuple):
    """Whether the first row names the columns, its cell for each of them, and a doubt about it."""

    header: bool
    first: tuple[str, ...]
    doubt: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by name, or by position; one without a name as pandas calls it."""
        if not self.header:
            return tuple(map(str, range(len(self.first))))
        return tuple(name or f"Unnamed: {place}" for place, name in enumerate(self.first))

    def fitted(self, row: list[str]) -> list[str]:
        """The row without the empty cells that delimiters at its end make."""
        return fitted(row, len(self.first))


def layout_of(rows: Rows, header: bool | None, expected: Expected | None) -> Layout:
    """How these rows lie, the first of a file, where `header` does not say it already."""
    verdict, doubt = _verdict(rows, header, expected)
    if not verdict.is_header:
        return Layout(False, tuple(_unnamed(rows, expected)), doubt)
    first = tuple(_named(rows[0], rows[1:]))
    if expected and expected.positional:
        first = tuple(map(str, range(len(first))))
    return Layout(True, first, doubt)


def checked(layout: Layout, rows: Rows, expected: Expected | None, where: str) -> Layout:
    """The layout of these rows, its names checked; a doubt about its header is told."""
    if expected and not expected.positional and not set(expected.numeric) & set(rows[0]):
        _refuse_nameless(rows, expected, where)
    check_names(layout.names, f"{where},")
    if layout.doubt:
        warnings.warn(f"{where}: {layout.doubt}", DataWarning, stacklevel=2)
    return layout


def _refuse_nameless(rows: Rows, expected: Expected, where: str) -> None:
    """Refuse a first row that is no header, of a table for a model that needs one."""
    if len(rows) > 1 and header_of(rows).is_header:
        return
    raise DataError(
        f"{where}: its cells ({shown(rows[0])}) are no names, and the model asks for columns by"
        f" name: {shown([*expected.numeric])}. Put a line of names above the rows."
    )


def fitted(row: list[str], width: int) -> list[str]:
    """The row without empty cells beyond `width`."""
    return row if len(row) <= width or any(map(str.strip, row[width:])) else row[:width]


def shown(row: Sequence[str]) -> str:
    """The first cells of a row, for a message."""
    return ", ".join(row[:_SHOWN]) + (", ..." if len(row) > _SHOWN else "")


def _filled(row: Sequence[str]) -> int:
    """How many cells it has up to the last one that is not empty."""
    return max((place for place, cell in enumerate(row, 1) if cell), default=0)


def _named(first: Sequence[str], below: Rows) -> list[str]:
    """The names of all columns, empty where they have none.

    What R writes has a name for each column, and a nameless one before them. Delimiters may end
    the header, the rows below, or both; they part off columns only where a cell is in one.
    """
    wide = [row for row in below if _filled(row) == len(first) + 1]
    is_narrow = {len(row) - 1 for row in below} == {len(first)} and 2 * len(wide) >= len(below)
    if is_narrow and len(below) > 1:
        return ["", *first]
    filled = max(map(_filled, below), default=0)
    return list(first[: max(_filled(first), min(filled, len(first)))])


def _unnamed(rows: Rows, expected: Expected | None) -> Sequence[str]:
    """The first row, without the empty cells that delimiters at the end of all rows make.

    One row alone may lack its last cell, and so may all rows of a table to predict.
    """
    first, filled = rows[0], max(map(_filled, rows))
    if expected and expected.positional:
        return fitted(list(first), max(filled, len(expected.names)))
    return first[:filled] if filled and len(rows) > 1 else first


def _verdict(rows: Rows, header: bool | None, expected: Expected | None) -> tuple[Verdict, str]:
    if header is not None:
        return Verdict(header), ""
    if expected is None:
        verdict = header_of(rows)
        return verdict, "" if verdict.is_sure else _doubt(rows[0], verdict)
    if not expected.positional:
        return Verdict(True), ""
    verdict = _by_position(rows, expected)
    is_told = verdict.is_header and not _are_positions(rows[0])
    return verdict, _unasked(rows[0]) if is_told else ""


def _by_position(rows: Rows, expected: Expected) -> Verdict:
    """Whether a table has a header though that of training had none: a row of cells that training
    never saw where they stand, or of positions.
    """
    first = rows[0]
    unknown = expected.unknown(first)
    if _are_positions(first) and (len(first) > 2 or any(unknown)):
        return Verdict(len(rows) > 1)
    if unknown and all(unknown):
        has_numbers = any(expected.numeric.values())
        return Verdict(len(rows) > 1 or has_numbers)
    if not any(unknown) and all(numeral(cell) is None for cell in first):
        return Verdict(False)
    verdict = header_of(rows)
    return Verdict(verdict.is_header and verdict.is_sure)


def _are_positions(row: Sequence[str]) -> bool:
    return all(cell == str(place) for place, cell in enumerate(row))


def _doubt(first: Sequence[str], verdict: Verdict) -> str:
    taken = "the names of the columns" if verdict.is_header else "a row of cells"
    return (
        f"its cells ({shown(first)}) could be names or a row, and are taken for {taken}. Say which"
        f" they are: header={verdict.is_header} of talweg.data.io.read.read_table if that is right,"
        f" header={not verdict.is_header} if not (--header or --no-header)."
    )


def _unasked(first: Sequence[str]) -> str:
    return (
        f"its cells ({shown(first)}) are taken for the names of the columns. The model was trained"
        " without names, so columns go by position: check their order."
    )
