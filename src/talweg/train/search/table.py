"""The table of a sweep: columns by name with a row for each run, to print or for a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.train.search.search_space import in_words

_WIDTH = 80
_ROWS = 40  # of a table that is printed; a longer one is cut in the middle


class Table(dict[str, npt.NDArray[Any]]):
    """Columns by name, with a value for each run. Printed, it is at most 80 characters wide."""

    def __init__(self, columns: Mapping[str, npt.NDArray[Any]], best: int | None) -> None:
        super().__init__(columns)
        self.best = best

    def __str__(self) -> str:
        rows = len(next(iter(self.values()), ()))
        shown: list[int | None] = list(range(rows))
        if rows > _ROWS:
            half = _ROWS // 2
            shown = [*range(half), None, *range(rows - half, rows)]
        lines = [""] * (len(shown) + 1)
        for name, column in self.items():
            lines = _beside(lines, _cells(name, column, shown))
        marks = [" ", *("*" if row == self.best and row is not None else " " for row in shown)]
        return "\n".join(f"{m}{line}".rstrip() for m, line in zip(marks, lines, strict=True))


def _cells(name: str, column: npt.NDArray[Any], rows: Sequence[int | None]) -> list[str]:
    """A column as text of one width: numbers aligned right, words left."""
    cells = [name, *("..." if row is None else in_words(column[row]) for row in rows)]
    width = max(map(len, cells))
    is_number = column.dtype.kind in "iuf"
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _beside(lines: list[str], cells: list[str]) -> list[str]:
    """The lines with one more column if it fits; a wide table loses its last columns."""
    if lines[0] and len(lines[0]) + 2 + len(cells[0]) >= _WIDTH:
        return lines
    return [f"{line}  {cell}" for line, cell in zip(lines, cells, strict=True)]


def column(values: list[Any]) -> npt.NDArray[Any]:
    """An array of numbers or strings; of objects if the values are neither."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float} or kinds in ({str}, {bool}):
        return np.array(values)
    column = np.empty(len(values), object)
    column[:] = values
    return column
