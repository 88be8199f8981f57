"""One row to inputs, by a prepared path: the same numbers as a table of one row, much sooner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import LARGEST, as_cells, is_missing, number, truth_number, under
from talweg.data.columns.coded import (
    CategoryColumn,
    CodeColumn,
    Column,
    Inputs,
    NumberColumn,
    OrdinalColumn,
    clipped,
)
from talweg.data.columns.numerals import POINT, cleaned
from talweg.data.columns.unfamiliar import FAR, Familiar, Fault, Unfamiliar, far
from talweg.data.columns.values import EXACT, as_numbers_or_texts, as_text

_UNKNOWN, _MISSING = 1, 2  # places of a number column beside its value
_NO_LEVEL: tuple[Fault, Fault] = ("unknown", "missing")  # places of a category behind its levels


class SingleRow:
    """Encodes the cells of one row, given by name.

    Numbers are gathered and clipped together; a word is looked up; other columns are encoded as
    a table's.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        marks: Mapping[str, str] | None = None,
        familiar: Mapping[str, Familiar] | None = None,
    ) -> None:
        mark_of = {each.name: (marks or {}).get(each.name, POINT) for each in columns}
        self._familiar = familiar or {}
        self._made_of = columns, marks, familiar
        self._width = sum(each.width for each in columns)
        self._numbers: list[tuple[str, int, str, float, float, NumberColumn]] = []
        self._words: list[tuple[str, int, Any, Any, str, int]] = []
        self._codes: list[tuple[str, int, Callable[[str], int], str, int]] = []
        self._others: list[tuple[str, int, Column, str]] = []
        start = 0
        for each in columns:
            name, mark = each.name, mark_of[each.name]
            if isinstance(each, NumberColumn):
                self._numbers.append((name, start, mark, *self._bounds(name), each))
            elif isinstance(each, CodeColumn):
                self._codes.append((name, start, each.placing(), mark, each.unknown))
            elif isinstance(each, CategoryColumn):
                steps = each.steps.tolist() if isinstance(each, OrdinalColumn) else None
                self._words.append((name, start, each.placing(), steps, mark, each.unknown))
            else:
                self._others.append((name, start, each, mark))
            start += each.width
        self._values = np.array([each[1] for each in self._numbers], np.intp)
        self._means = np.array([each[-1].mean for each in self._numbers])
        self._scales = np.array([each[-1].scale for each in self._numbers])

    def _bounds(self, name: str) -> tuple[float, float]:
        known = self._familiar.get(name)
        return known.bounds(FAR) if known else (-np.inf, np.inf)

    def __reduce__(self) -> Any:
        return SingleRow, self._made_of  # what places words is made anew

    def __call__(self, cells: Mapping[str, Any], met: Unfamiliar | None = None) -> Inputs:
        """The cells as inputs (1, D); what training did not meet goes to `met`. KeyError: a column
        is not there.
        """
        inputs = np.zeros((1, self._width), np.float32)
        row, values, odd = inputs[0], [], list[tuple[str, Fault, Any]]()
        for name, start, mark, low, high, column in self._numbers:
            cell = cells[name]
            value = _number(cell, mark)
            if value is None and column.holds_truths:
                value = _truth(cell)
            if value is None:
                absent = is_missing(as_text(cell), vague=True)
                row[start + (_MISSING if absent else _UNKNOWN)] = 1
                odd.append((name, "missing" if absent else "unknown", cell))
                value = np.nan
            elif not low <= value <= high:
                odd.append((name, far(self._familiar[name], value) or "far", value))
            values.append(value)
        if values:
            row[self._values] = self._clipped(values)
        for name, start, place_of, steps, mark, unknown in self._words:
            place = place_of(_word(cells[name], mark))
            row[start + place] = 1
            if steps is not None:
                row[start + len(steps)] = steps[place]
            if place >= unknown:
                odd.append((name, _NO_LEVEL[place - unknown], cells[name]))
        for name, start, place_of, mark, unknown in self._codes:
            row[start] = place = place_of(_word(cells[name], mark))
            if place >= unknown:
                odd.append((name, _NO_LEVEL[place - unknown], cells[name]))
        self._encode_others(cells, row, met)
        if met is not None:
            met.rows += 1
            for name, fault, cell in odd:
                met.note(name, fault, 1, as_text(cell))
        return inputs

    def _encode_others(self, cells: Mapping[str, Any], row: Inputs, met: Unfamiliar | None) -> None:
        for name, start, column, mark in self._others:
            each = under(as_cells(as_row(cells[name])), mark)
            own = row[start : start + column.width]
            own[:] = column.encode(each)[0]
            if met is not None:
                met.look(column, each, own[None])

    def _clipped(self, values: list[float]) -> Any:
        known = np.array(values)
        known = np.where(known == known, known, self._means)
        return clipped((known - self._means) / self._scales)


def _number(cell: Any, mark: str) -> float | None:
    """The finite number that a cell holds, if it does."""
    if type(cell) not in _NUMBERS:
        cell = number(cleaned(as_text(cell), mark))
    try:
        value = float(cell)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return value if -LARGEST <= value <= LARGEST else None


def _truth(cell: Any) -> float | None:
    value = truth_number(as_text(cell))
    return value if value == value else None


def _word(cell: Any, mark: str) -> str:
    """The text of a cell."""
    return cleaned(cell.strip(), mark, keeps_unit=True) if type(cell) is str else as_text(cell)


def as_row(cell: Any) -> NDArray[Any]:
    """The cell as a column of one row."""
    return np.array([cell]) if isinstance(cell, np.generic) else np.array([cell], dtype=object)


# Where a row comes from -----------------------------------------------------------------------


def row_of(source: Any, names: Sequence[str] = ()) -> Mapping[str, Any] | None:
    """The cells by name of a dict or a pandas Series of cells, or of an array or a data frame of
    one row.

    None for all else. `names` are those of columns without a header, which go by position.
    """
    kind = type(source)
    if kind is dict:
        return source if source and all(map(_is_cell, source.values())) else None
    if isinstance(source, np.ndarray):
        is_row = source.ndim == 2 and len(source) == 1 and len(source[0]) <= len(names)
        return dict(zip(names, source[0].tolist(), strict=False)) if is_row else None
    # Asked of the type: a frame looks for a name that it lacks among its columns, for 5 to 9 us.
    if hasattr(kind, "iat"):  # pandas
        return _pandas_row(source) if hasattr(kind, "columns") else _series_row(source)
    if hasattr(kind, "height") and hasattr(kind, "row") and source.height == 1:  # polars
        cells = dict(zip(source.columns, source.row(0), strict=True))
        return _FrameRow(cells.__getitem__, source.__getitem__)
    if hasattr(kind, "num_rows") and source.num_rows == 1:  # pyarrow
        names = source.schema.names  # `column_names` takes 12 us
        if len(set(names)) == len(names):
            return _FrameRow(lambda name: _arrow_cell(source[name]), source.__getitem__)
    return None


def _pandas_row(frame: Any) -> Mapping[str, Any] | None:
    """The cells of a frame, unless it has several rows or two columns of one name.

    `iloc[0]` takes 35 to 50 us and makes one type of all; a cell by `iat` takes 2 to 5.
    """
    if len(frame) != 1:
        return None
    labels, cell = frame.columns, frame.iat
    places = _places(labels)
    if len(places) < len(labels):
        return None
    row = _FrameRow(lambda name: cell[0, places[name]], lambda name: frame[labels[places[name]]])
    row.update(_plain_cells(frame, [*places]))
    return row


def _plain_cells(frame: Any, names: Sequence[str]) -> dict[str, Any]:
    """The numbers and booleans of a pandas frame, which lie together by type: 6 us for nine.

    Where they lie is pandas' own affair: none, should that be gone one day.
    """
    found: dict[str, Any] = {}
    with suppress(AttributeError, TypeError):
        for block in frame._mgr.blocks:
            if type(block.values) is np.ndarray and block.values.dtype in _TOGETHER:
                cells = block.values[:, 0].tolist()
                places = block.mgr_locs.as_array.tolist()
                found |= {names[place]: each for place, each in zip(places, cells, strict=True)}
    return {name: each for name, each in found.items() if type(each) is not int or _is_exact(each)}


def _series_row(series: Any) -> Mapping[str, Any] | None:
    """The cells of a Series, unless two have one name."""
    places = _places(series.index)
    return dict(zip(places, series.tolist(), strict=True)) if len(places) == len(series) else None


def _places(labels: Any) -> dict[str, int]:
    """The place of each name; those of the latest labels are kept, which saves 8 us a row."""
    known, places = _latest[0]
    if not labels.is_(known):
        places = {str(label): place for place, label in enumerate(labels.tolist())}
        _latest[0] = labels, places
    return places


_latest: list[tuple[Any, dict[str, int]]] = [(None, {})]


def _arrow_cell(column: Any) -> Any:
    """The only cell, or the column where it is no object of Python's."""
    try:
        return column[0].as_py()
    except ValueError:  # a moment of nanoseconds
        return column


class _FrameRow(dict[str, Any]):
    """The cells of a frame of one row, each read when it is asked for.

    What a table would write in another way (dates, what is missing of a nullable type) is read as
    a table's column is.
    """

    def __init__(self, cell: Callable[[str], Any], column: Callable[[str], Any]) -> None:
        self._cell, self._column = cell, column

    def __missing__(self, name: str) -> Any:
        cell = self._cell(name)
        kind = type(cell)
        if kind in _PLAIN or (kind in _INTEGERS and _is_exact(cell)):
            return cell
        return as_numbers_or_texts(self._column(name))[0]


_TOGETHER = frozenset(map(np.dtype, ("float64", "int64", "bool")))
_INTEGERS = frozenset({int, np.int64, np.int32, np.int16, np.int8})
_FLOATS = frozenset({float, np.float64, np.float32})
_NUMBERS = _INTEGERS | _FLOATS
_PLAIN = _FLOATS | {str, bool, np.bool_, type(None)}


def _is_exact(whole: Any) -> bool:
    return -EXACT < int(whole) < EXACT


def _is_cell(value: Any) -> bool:
    return type(value) in _PLAIN or type(value) is int or np.ndim(value) == 0
