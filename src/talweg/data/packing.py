"""Rows of inputs with few numbers each: what a network learns from where a table is large.

A category is one number instead of a place a level, and the network's first layer is to write the
places out again, a batch at a time: 10 million rows of 20 numbers and 10 categories of 20 levels
take 1.2 GB instead of 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg import gates
from talweg.data.coded import BOUND, CategoryColumn, Column, Inputs, NumberColumn, OrdinalColumn
from talweg.graph import Tensor
from talweg.graph.functions import concatenate, reshape
from talweg.nn import Module

_UNKNOWN, _MISSING = 2 * BOUND, 4 * BOUND  # instead of a number, which is BOUND at most


class _Span(NamedTuple):
    """Columns of one kind side by side: `width` inputs from `start` on, `packed` numbers.

    Of a category `steps` are the steps of an ordinal's places, if it is one.
    """

    kind: str
    start: int
    width: int
    packed: int
    steps: NDArray[np.float32] | None = None


class Unpack(Module):
    """Packed rows (N, P) as the inputs (N, D) of columns: x = Unpack(columns)(pack(x)).

    >>> unpack = Unpack([CategoryColumn("place", ("hill", "lake")), NumberColumn("size", 0.0, 1.0)])
    >>> packed = unpack.pack(np.array([[0, 1, 0, 0, 0.5, 0, 0]], np.float32))
    >>> packed.tolist(), unpack.apply({}, packed).array.tolist()
    ([[1.0, 0.5]], [[0.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.0]])
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.spans = tuple(_spans(columns))

    @property
    def width(self) -> int:
        """How many numbers a packed row has."""
        return sum(each.packed for each in self.spans)

    def pack(self, x: Inputs) -> Inputs:
        """Inputs (N, D) as (N, P)."""
        pieces = [_packed(span, x[:, span.start : span.start + span.width]) for span in self.spans]
        return np.concatenate(pieces, axis=1)

    def __call__(self, x: Tensor) -> Tensor:
        pieces, start = [], 0
        for span in self.spans:
            pieces.append(_unpacked(span, x[:, start : start + span.packed]))
            start += span.packed
        row: Tensor = concatenate(pieces, axis=1)
        return row


def _spans(columns: Sequence[Column]) -> Iterator[_Span]:
    start = 0
    for kind, some in groupby(columns, key=_kind):
        together = list(some)
        for each in [together] if kind != "category" else [[one] for one in together]:
            width = sum(column.width for column in each)
            steps = each[0].steps if isinstance(each[0], OrdinalColumn) else None
            yield _Span(kind, start, width, width if kind == "other" else len(each), steps)
            start += width


def _kind(column: Column) -> str:
    if isinstance(column, CategoryColumn):
        return "category"
    return "number" if isinstance(column, NumberColumn) else "other"


def _packed(span: _Span, x: Inputs) -> Any:
    if span.kind == "category":
        places = x if span.steps is None else x[:, :-1]
        return places.argmax(axis=1).astype(np.float32)[:, None]
    if span.kind == "number":
        return x[:, 0::3] + _UNKNOWN * x[:, 1::3] + _MISSING * x[:, 2::3]
    return x


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
