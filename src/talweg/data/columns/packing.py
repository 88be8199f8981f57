"""Packed rows: one number instead of one input per level, for tables too large for their inputs.

The first layer of the network writes the inputs out again, a batch at a time: 10 million rows of 20
numbers and 10 categories of 20 levels take 1.2 GB instead of 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg import gates
from talweg.data.columns.cells import Cells
from talweg.data.columns.kinds.base import Column, Inputs
from talweg.data.columns.kinds.levels import OneHotColumn
from talweg.data.columns.kinds.scalar import BOUND, ScalarColumn
from talweg.graph import Tensor
from talweg.graph.functions import concatenate, reshape
from talweg.nn import Module

_UNKNOWN, _MISSING = 2 * BOUND, 4 * BOUND  # instead of a scalar, which is BOUND at most

Form = Literal["one-hot", "scalar", "as it is"]


class _Span(NamedTuple):
    """Columns of one form side by side: `width` inputs, `packed` numbers.

    `steps` are those of a one-hot column whose levels have an order.
    """

    form: Form
    width: int
    packed: int
    steps: NDArray[np.float32] | None = None


class Unpack(Module):
    """Packed rows (N, P) as the inputs (N, D) of columns.

    >>> from talweg.data.columns.cells import as_cells
    >>> from talweg.data.columns.kinds.category import CategoryColumn
    >>> from talweg.data.columns.kinds.number import NumberColumn
    >>> place, size = CategoryColumn("place", ("hill", "lake")), NumberColumn("size", 0.0, 1.0)
    >>> packed = np.hstack([pack(place, as_cells(["lake"])), pack(size, as_cells([np.nan]))])
    >>> packed.tolist(), Unpack([place, size]).apply({}, packed).array.tolist()
    ([[1.0, 12.0]], [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.spans = tuple(_spans(columns))

    @property
    def width(self) -> int:
        """The number of values in a packed row."""
        return sum(span.packed for span in self.spans)

    def telling(self, x: Inputs) -> Inputs:
        """A few packed rows in which the same inputs vary as in the given ones (N, P)."""
        parts = [_telling(span, piece) for span, piece in self._pieces(x)]
        most = np.arange(max(map(len, parts)))
        return np.concatenate([rows[most.clip(max=len(rows) - 1)] for rows in parts], axis=1)

    def __call__(self, x: Tensor) -> Tensor:
        inputs = [_unpacked(span, piece) for span, piece in self._pieces(x)]
        row: Tensor = concatenate(inputs, axis=1)
        return row

    def _pieces(self, x: Any) -> Iterator[tuple[_Span, Any]]:
        """The spans, each with its part of packed rows (N, P)."""
        start = 0
        for span in self.spans:
            yield span, x[:, start : start + span.packed]
            start += span.packed


def pack(column: Column, cells: Cells) -> Inputs:
    """The cells (N,) of a column as packed numbers (N, P)."""
    if isinstance(column, OneHotColumn):
        return column.codes(cells).astype(np.float32)[:, None]
    x = column.encode(cells)
    if isinstance(column, ScalarColumn):
        x = x[:, :1] + _UNKNOWN * x[:, 1:2] + _MISSING * x[:, 2:]
    return x


def _spans(columns: Sequence[Column]) -> Iterator[_Span]:
    for form, group in groupby(columns, key=_form):
        together = list(group)
        for span in [together] if form != "one-hot" else [[column] for column in together]:
            width = sum(column.width for column in span)
            steps = span[0].steps if isinstance(span[0], OneHotColumn) else None
            yield _Span(form, width, width if form == "as it is" else len(span), steps)


def _form(column: Column) -> Form:
    if isinstance(column, OneHotColumn):
        return "one-hot"
    return "scalar" if isinstance(column, ScalarColumn) else "as it is"


def _telling(span: _Span, x: Inputs) -> Inputs:
    """The codes that occur; of scalars the lowest, the highest, and the marks that occur."""
    if span.form == "one-hot":
        return np.flatnonzero(np.bincount(x[:, 0].astype(np.intp))).astype(np.float32)[:, None]
    least = x.min(axis=0)
    if span.form == "as it is":
        return np.stack([least, x.max(axis=0)])
    most = np.where(x < _UNKNOWN, x, least).max(axis=0)
    flags = [np.where((x == flag).any(axis=0), flag, least) for flag in (_UNKNOWN, _MISSING)]
    return np.stack([least, most, *flags])


def _unpacked(span: _Span, x: Tensor) -> Tensor:
    if span.form == "one-hot":
        return _one_hot(span, gates.cast(reshape(x, -1), dtype=np.dtype("int64")))
    if span.form == "scalar":
        flags = [_float(gates.equal(x, flag)) for flag in (_UNKNOWN, _MISSING)]
        value = x * _float(gates.greater(_UNKNOWN, x))
        parts = [reshape(part, -1, span.packed, 1) for part in (value, *flags)]
        row: Tensor = reshape(concatenate(parts, axis=2), -1, span.width)
        return row
    return x


def _one_hot(span: _Span, codes: Tensor) -> Tensor:
    """A 1 at each code; behind it the step of an ordered level."""
    steps = span.steps
    count = span.width if steps is None else len(steps)
    levels: Tensor = gates.one_hot(codes, classes=count, dtype=np.dtype("float32"))
    if steps is None:
        return levels
    row: Tensor = concatenate([levels, levels @ steps[:, None]], axis=1)
    return row


def _float(x: Tensor) -> Tensor:
    result: Tensor = gates.cast(x, dtype=np.dtype("float32"))
    return result
