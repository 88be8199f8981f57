"""The layout of a CSV file: whether it has a header, and which columns its rows have."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from talweg.data.columns.expected import Expected
from talweg.data.columns.numerals import numeral
from talweg.data.columns.table import check_names
from talweg.data.io.header import Rows, Verdict, header_of
from talweg.errors import DataError, DataWarning

_SHOWN = 5  # cells of a row in a message


class Layout(NamedTuple):
    """Whether the first row is a header, its cell for each column, and any doubt about it."""

    header: bool
    first: tuple[str, ...]
    doubt: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, or their positions; without a name, that of pandas."""
        if not self.header:
            return tuple(map(str, range(len(self.first))))
        return tuple(name or f"Unnamed: {position}" for position, name in enumerate(self.first))

    def fitted(self, row: list[str]) -> list[str]:
        """The row without empty cells made by delimiters at its end."""
        return fitted(row, len(self.first))


def layout_of(rows: Rows, header: bool | None, expected: Expected | None) -> Layout:
    """The layout of the first rows of a file; `header` decides if it is given."""
    verdict, doubt = _verdict(rows, header, expected)
    if not verdict.is_header:
        return Layout(False, tuple(_unnamed(rows, expected)), doubt)
    first = tuple(_named(rows[0], rows[1:]))
    if expected and expected.positional:
        first = tuple(map(str, range(len(first))))
    return Layout(True, first, doubt)


def checked(layout: Layout, rows: Rows, expected: Expected | None, where: str) -> Layout:
    """The layout after its names are checked; a DataWarning states a doubt about its header."""
    if expected and not expected.positional and not set(expected.numeric) & set(rows[0]):
        _refuse_nameless(rows, expected, where)
    check_names(layout.names, f"{where},")
    if layout.doubt:
        warnings.warn(f"{where}: {layout.doubt}", DataWarning, stacklevel=2)
    return layout


def _refuse_nameless(rows: Rows, expected: Expected, where: str) -> None:
    """DataError: the first row is not a header, and the model needs one."""
    if len(rows) > 1 and header_of(rows).is_header:
        return
    raise DataError(
        f"{where}: its cells ({shown(rows[0])}) are not column names, but the model matches "
        f"columns by name: {shown([*expected.numeric])}. Add a header line above the rows."
    )


def fitted(row: list[str], width: int) -> list[str]:
    """The row without empty cells beyond `width`."""
    return row if len(row) <= width or any(map(str.strip, row[width:])) else row[:width]


def shown(row: Sequence[str]) -> str:
    """The first cells of a row, for a message."""
    return ", ".join(row[:_SHOWN]) + (", ..." if len(row) > _SHOWN else "")


def _filled(row: Sequence[str]) -> int:
    """The number of cells up to the last one that is not empty."""
    return max((position for position, cell in enumerate(row, 1) if cell), default=0)


def _named(first: Sequence[str], below: Rows) -> list[str]:
    """The names of all columns, "" for a column without a name.

    R writes an unnamed column first. The header, the rows below or both may end in delimiters,
    which make a column only if it has a cell.
    """
    wide = [row for row in below if _filled(row) == len(first) + 1]
    is_narrow = {len(row) - 1 for row in below} == {len(first)} and 2 * len(wide) >= len(below)
    if is_narrow and len(below) > 1:
        return ["", *first]
    filled = max(map(_filled, below), default=0)
    return list(first[: max(_filled(first), min(filled, len(first)))])


def _unnamed(rows: Rows, expected: Expected | None) -> Sequence[str]:
    """The first row without the empty cells made by delimiters at the end of all rows.

    A single row may lack its last cell, and so may all rows of a table to predict.
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
    """Whether a table to predict has a header although the training table had none: a row of
    positions, or of cells that are unknown to their columns.
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
    return all(cell == str(position) for position, cell in enumerate(row))


def _doubt(first: Sequence[str], verdict: Verdict) -> str:
    taken = "the names of the columns" if verdict.is_header else "a row"
    return (
        f"its cells ({shown(first)}) could be names or a row, and are taken for {taken}. Pass"
        f" header={verdict.is_header} to talweg.data.io.read.read_table if that is right, and"
        f" header={not verdict.is_header} if not (in a command, --header or --no-header)."
    )


def _unasked(first: Sequence[str]) -> str:
    return (
        f"its cells ({shown(first)}) are taken for the names of the columns. The model was trained"
        " without names, so columns are matched by position: check their order."
    )
