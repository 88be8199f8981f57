"""One row to inputs, by a prepared path: the same numbers as a table of one row, much sooner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from talweg.data.coded import CategoryColumn, Column, Inputs, NumberColumn, OrdinalColumn, clipped
from talweg.data.columns import LARGEST, as_cells, as_text, is_missing, number

_UNKNOWN, _MISSING = 1, 2  # places of a number column beside its value


class SingleRow:
    """Encodes the cells of one row, given by name.

    Numbers are gathered and clipped together; a word is looked up; other columns are encoded as
    a table's.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._width = sum(each.width for each in columns)
        self._numbers: list[tuple[str, int]] = []
        self._words: list[tuple[str, int, Any, Any]] = []
        self._others: list[tuple[str, int, Column]] = []
        numbers: list[NumberColumn] = []
        start = 0
        for each in columns:
            if isinstance(each, NumberColumn):
                self._numbers.append((each.name, start))
                numbers.append(each)
            elif isinstance(each, CategoryColumn):
                steps = each.steps.tolist() if isinstance(each, OrdinalColumn) else None
                self._words.append((each.name, start, each.placing(), steps))
            else:
                self._others.append((each.name, start, each))
            start += each.width
        self._values = np.array([start for _, start in self._numbers], np.intp)
        self._means = np.array([each.mean for each in numbers])
        self._scales = np.array([each.scale for each in numbers])

    def __call__(self, cells: Mapping[str, Any]) -> Inputs:
        """The cells as inputs (1, D). KeyError: a column is not there."""
        inputs = np.zeros((1, self._width), np.float32)
        row = inputs[0]
        values = []
        for name, start in self._numbers:
            value = _number(cells[name])
            if value is None:
                absent = is_missing(as_text(cells[name]), vague=True)
                row[start + (_MISSING if absent else _UNKNOWN)] = 1
                value = np.nan
            values.append(value)
        if values:
            row[self._values] = self._clipped(values)
        for name, start, place_of, steps in self._words:
            cell = cells[name]
            place = place_of(cell.strip() if type(cell) is str else as_text(cell))
            row[start + place] = 1
            if steps is not None:
                row[start + len(steps)] = steps[place]
        for name, start, column in self._others:
            row[start : start + column.width] = column.encode(as_cells(as_row(cells[name])))[0]
        return inputs

    def _clipped(self, values: list[float]) -> Any:
        known = np.array(values)
        known = np.where(known == known, known, self._means)
        return clipped((known - self._means) / self._scales)


def _number(cell: Any) -> float | None:
    """The finite number that a cell holds, if it does."""
    if type(cell) not in _NUMBERS:
        is_span = isinstance(cell, timedelta)
        cell = cell.total_seconds() if is_span else number(as_text(cell))
    value = float(cell)
    return value if -LARGEST <= value <= LARGEST else None


def as_row(cell: Any) -> NDArray[Any]:
    """The cell as a column of one row."""
    return np.array([cell]) if isinstance(cell, np.generic) else np.array([cell], dtype=object)


def row_of(source: Any, names: Sequence[str] = ()) -> Mapping[str, Any] | None:
    """The cells by name of a dict of cells, or of an array or a data frame of one row.

    None for all else. `names` are those of columns without a header, which go by position.
    """
    if type(source) is dict:
        return source if source and all(map(_is_cell, source.values())) else None
    if isinstance(source, np.ndarray):
        is_row = source.ndim == 2 and len(source) == 1 and len(source[0]) <= len(names)
        return dict(zip(names, source[0].tolist(), strict=False)) if is_row else None
    if hasattr(source, "iloc") and len(source) == 1:  # pandas
        given = source.columns.tolist()
        return dict(zip(map(str, given), source.iloc[0].tolist(), strict=True))
    if getattr(source, "height", 0) == 1 and hasattr(source, "row"):  # polars
        return cast(dict[str, Any], source.row(0, named=True))
    return None


_NUMBERS = frozenset({float, int, np.float64})
_PLAIN = frozenset({float, int, str, bool, type(None)})


def _is_cell(value: Any) -> bool:
    return type(value) in _PLAIN or np.ndim(value) == 0
