"""Rows of inputs with few numbers each: what a network learns from where a table is large.

A category is one number instead of a place a level, and the network's first layer is to write the
places out again, a batch at a time: 10 million rows of 20 numbers and 10 categories of 20 levels
take 1.2 GB instead of 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from talweg import gates
from talweg.data.columns.cells import Cells
from talweg.data.columns.coded import (
    BOUND,
    CategoryColumn,
    CodeColumn,
    Column,
    Inputs,
    NumberColumn,
    OrdinalColumn,
)
from talweg.graph import Tensor
from talweg.graph.functions import concatenate, reshape
from talweg.nn import Module

_UNKNOWN, _MISSING = 2 * BOUND, 4 * BOUND  # instead of a number, which is BOUND at most


class _Span(NamedTuple):
    """Columns of one kind side by side: `width` inputs, `packed` numbers.

    Of a category `steps` are the steps of an ordinal's places, if it is one.
    """

    kind: str
    width: int
    packed: int
    steps: NDArray[np.float32] | None = None


class Unpack(Module):
    """Packed rows (N, P) as the inputs (N, D) of columns.

    >>> from talweg.data.columns.cells import as_cells
    >>> place, size = CategoryColumn("place", ("hill", "lake")), NumberColumn("size", 0.0, 1.0)
    >>> packed = np.hstack([pack(place, as_cells(["lake"])), pack(size, as_cells([np.nan]))])
    >>> packed.tolist(), Unpack([place, size]).apply({}, packed).array.tolist()
    ([[1.0, 12.0]], [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.spans = tuple(_spans(columns))

    @property
    def width(self) -> int:
        """How many numbers a packed row has."""
        return sum(each.packed for each in self.spans)

    def telling(self, x: Inputs) -> Inputs:
        """Few packed rows, made of those given (N, P), of which the same inputs vary."""
        each = [_telling(span, piece) for span, piece in self._pieces(x)]
        most = np.arange(max(map(len, each)))
        return np.concatenate([rows[most.clip(max=len(rows) - 1)] for rows in each], axis=1)

    def __call__(self, x: Tensor) -> Tensor:
        row: Tensor = concatenate([_unpacked(*each) for each in self._pieces(x)], axis=1)
        return row

    def _pieces(self, x: Any) -> Iterator[tuple[_Span, Any]]:
        """The spans, each with its part of packed rows (N, P)."""
        start = 0
        for span in self.spans:
            yield span, x[:, start : start + span.packed]
            start += span.packed


def pack(column: Column, cells: Cells) -> Inputs:
    """The cells (N,) of a column as packed numbers (N, P)."""
    if _is_places(column):
        return column.codes(cells).astype(np.float32)[:, None]
    x = column.encode(cells)
    if isinstance(column, NumberColumn):
        x = x[:, :1] + _UNKNOWN * x[:, 1:2] + _MISSING * x[:, 2:]
    return x


def _spans(columns: Sequence[Column]) -> Iterator[_Span]:
    for kind, some in groupby(columns, key=_kind):
        together = list(some)
        for each in [together] if kind != "category" else [[one] for one in together]:
            width = sum(column.width for column in each)
            steps = each[0].steps if isinstance(each[0], OrdinalColumn) else None
            yield _Span(kind, width, width if kind == "other" else len(each), steps)


def _kind(column: Column) -> str:
    if _is_places(column):
        return "category"
    return "number" if isinstance(column, NumberColumn) else "other"


def _is_places(column: Column) -> TypeGuard[CategoryColumn]:
    """Whether the column has an input a level."""
    return isinstance(column, CategoryColumn) and not isinstance(column, CodeColumn)


def _telling(span: _Span, x: Inputs) -> Inputs:
    """The codes that occur; of numbers the least and the greatest, and what stands for none."""
    if span.kind == "category":
        return np.flatnonzero(np.bincount(x[:, 0].astype(np.intp))).astype(np.float32)[:, None]
    least = x.min(axis=0)
    if span.kind != "number":
        return np.stack([least, x.max(axis=0)])
    most = np.where(x < _UNKNOWN, x, least).max(axis=0)
    flags = [np.where((x == each).any(axis=0), each, least) for each in (_UNKNOWN, _MISSING)]
    return np.stack([least, most, *flags])


def _unpacked(span: _Span, x: Tensor) -> Tensor:
    if span.kind == "category":
        return _places(span, gates.cast(reshape(x, -1), dtype=np.dtype("int64")))
    if span.kind == "number":
        flags = [_float(gates.equal(x, each)) for each in (_UNKNOWN, _MISSING)]
        number = x * _float(gates.greater(_UNKNOWN, x))
        each = [reshape(one, -1, span.packed, 1) for one in (number, *flags)]
        row: Tensor = reshape(concatenate(each, axis=2), -1, span.width)
        return row
    return x


def _places(span: _Span, codes: Tensor) -> Tensor:
    """A 1 at each code; behind it an ordinal's step."""
    steps = span.steps
    count = span.width if steps is None else len(steps)
    places: Tensor = gates.one_hot(codes, classes=count, dtype=np.dtype("float32"))
    if steps is None:
        return places
    row: Tensor = concatenate([places, places @ steps[:, None]], axis=1)
    return row


def _float(x: Tensor) -> Tensor:
    found: Tensor = gates.cast(x, dtype=np.dtype("float32"))
    return found
