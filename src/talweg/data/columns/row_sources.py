"""The cells of one row by name: of a dict, an array, a pandas Series or a frame of one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.values import EXACT, as_numbers_or_texts


def as_row(cell: Any) -> NDArray[Any]:
    """The cell as a column of one row."""
    return np.array([cell]) if isinstance(cell, np.generic) else np.array([cell], dtype=object)


def row_of(source: Any, names: Sequence[str] = ()) -> Mapping[str, Any] | None:
    """The cells by name of one row: a dict or a pandas Series of cells, an array or a data frame of
    one row; None for any other source.

    `names` are those of columns without a header, for an array.
    """
    kind = type(source)
    if kind is dict:
        return source if source and all(map(_is_cell, source.values())) else None
    if isinstance(source, np.ndarray):
        is_row = source.ndim == 2 and len(source) == 1 and len(source[0]) <= len(names)
        return dict(zip(names, source[0].tolist(), strict=False)) if is_row else None
    # Asking the type is faster: a frame searches its columns for unknown attributes (5 to 9 us).
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
    """The cells of a frame, unless it has several rows or two columns of the same name.

    `iloc[0]` takes 35 to 50 us and converts all cells to one type; `iat` takes 2 to 5 us a cell.
    """
    if len(frame) != 1:
        return None
    labels, cell = frame.columns, frame.iat
    index_of = _indices(labels)
    if len(index_of) < len(labels):
        return None
    row = _FrameRow(
        lambda name: cell[0, index_of[name]], lambda name: frame[labels[index_of[name]]]
    )
    row.update(_plain_cells(frame, [*index_of]))
    return row


def _plain_cells(frame: Any, names: Sequence[str]) -> dict[str, Any]:
    """The numbers and booleans of a pandas frame, read from its blocks: 6 us for nine cells.

    Blocks are internal to pandas: without them there are no such cells, and all are read by `iat`.
    """
    numbers: dict[str, Any] = {}
    with suppress(AttributeError, TypeError):
        for block in frame._mgr.blocks:
            if type(block.values) is np.ndarray and block.values.dtype in _TOGETHER:
                cells = block.values[:, 0].tolist()
                indices = block.mgr_locs.as_array.tolist()
                numbers |= {names[index]: cell for index, cell in zip(indices, cells, strict=True)}
    return {
        name: cell for name, cell in numbers.items() if type(cell) is not int or _is_exact(cell)
    }


def _series_row(series: Any) -> Mapping[str, Any] | None:
    """The cells of a Series, unless two have the same name."""
    index_of = _indices(series.index)
    return (
        dict(zip(index_of, series.tolist(), strict=True)) if len(index_of) == len(series) else None
    )


def _indices(labels: Any) -> dict[str, int]:
    """The index of each name. Keeping the latest labels saves 8 us a row."""
    known, index_of = _latest[0]
    if not labels.is_(known):
        index_of = {str(label): index for index, label in enumerate(labels.tolist())}
        _latest[0] = labels, index_of
    return index_of


_latest: list[tuple[Any, dict[str, int]]] = [(None, {})]


def _arrow_cell(column: Any) -> Any:
    """The only cell, or the column if the cell is no Python object."""
    try:
        return column[0].as_py()
    except ValueError:  # a moment in nanoseconds
        return column


class _FrameRow(dict[str, Any]):
    """The cells of a frame of one row, each read on first use.

    Cells that a table would convert (dates, missing values of nullable types) are converted like
    columns of a table.
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
_PLAIN = _FLOATS | {str, bool, np.bool_, type(None)}


def _is_exact(whole: Any) -> bool:
    return -EXACT < int(whole) < EXACT


def _is_cell(value: Any) -> bool:
    return type(value) in _PLAIN or type(value) is int or np.ndim(value) == 0
