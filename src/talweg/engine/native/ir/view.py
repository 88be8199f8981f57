"""Buffers, and views of them: a first element and a stride for each axis, as in NumPy.

Reshaping, transposing, slicing and broadcasting make another view and move nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from talweg.engine.native.ir.size import ONE, ZERO, Size, Sizes, element_count
from talweg.lazy import cached_property

Kind = Literal["input", "constant", "shared", "private"]
"""Whose memory a buffer is: an input of the caller, a constant of the plan, one for all threads, or
one for each thread."""
MOST_LANES = 64
"""Lanes of the widest vector: one of bytes in a register of AVX-512."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory of `size` elements; `slot` is its entry in the table of pointers.

    An input comes from outside, a constant is an `array`. A shared buffer lies in the arena, and a
    private one belongs to one thread. A plan may keep a shared buffer for one block of rows only,
    in the memory of each thread. Booleans may be stored `in_bits`, one each.
    """

    slot: int
    name: str
    dtype: np.dtype[Any]
    size: Size
    kind: Kind
    array: Any = None
    in_bits: bool = False

    def nbytes(self, rows: int) -> int:
        """Bytes for this many rows."""
        count = self.size.of(rows)
        if not self.in_bits:
            return count * self.dtype.itemsize
        lanes = min(MOST_LANES, 1 << (count - 1).bit_length())  # of vectors that cover them all
        return max(1, -(-count // lanes) * lanes // 8)


@dataclass(frozen=True)
class View:
    """Elements of a buffer. Strides and offset count elements; the offset is a sum of terms."""

    buffer: Buffer
    shape: Sizes
    strides: Sizes
    offset: tuple[Size, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.buffer.dtype

    @property
    def is_contiguous(self) -> bool:
        pairs = zip(self.shape, self.strides, contiguous(self.shape), strict=True)
        return all(size == ONE or stride == full for size, stride, full in pairs)

    def is_same_as(self, other: View) -> bool:
        """Whether these are the same elements in the same order."""
        return (
            self.buffer is other.buffer
            and _total(self.offset) == _total(other.offset)
            and (self.strides == other.strides or (self.is_contiguous and other.is_contiguous))
        )

    @property
    def has_leading_row_axis(self) -> bool:
        """Whether the rows of the view are those of its buffer, one after another in memory."""
        if not all(size.is_known for size in (*self.strides, *self.offset)):
            return False
        rows = [
            size.factor * stride.factor
            for size, stride in zip(self.shape, self.strides, strict=True)
            if size.power
        ]
        return self.buffer.size.power == 1 and rows == [self.buffer.size.factor]

    @cached_property
    def extent(self) -> tuple[int, int] | None:
        """First and last element (exclusive); None if they depend on the number of rows."""
        if not all(size.is_known for size in (*self.shape, *self.strides, *self.offset)):
            return None
        start = sum(term.factor for term in self.offset)
        steps = [
            (size.factor - 1) * stride.factor
            for size, stride in zip(self.shape, self.strides, strict=True)
        ]
        low = start + sum(step for step in steps if step < 0)
        return low, start + sum(step for step in steps if step > 0) + 1

    def transposed(self, axes: Sequence[int]) -> View:
        """The view with its axes in this order."""
        shape = tuple(self.shape[axis] for axis in axes)
        strides = tuple(self.strides[axis] for axis in axes)
        return View(self.buffer, shape, strides, self.offset)

    def broadcast(self, shape: Sizes) -> View:
        """The view broadcast to another shape, as in NumPy: stride 0 along repeated axes."""
        extra = len(shape) - len(self.shape)
        strides = tuple(
            ZERO if size == ONE else stride
            for size, stride in zip(self.shape, self.strides, strict=True)
        )
        return View(self.buffer, shape, (ZERO,) * extra + strides, self.offset)

    def sliced(self, ranges: Sequence[tuple[Size, Size, Size]], shape: Sizes) -> View:
        """Every `step`th element from `start` of each axis."""
        first = [
            start.times(stride)
            for (start, _, _), stride in zip(ranges, self.strides, strict=True)
            if start.factor
        ]
        steps = tuple(
            step.times(stride) for (_, _, step), stride in zip(ranges, self.strides, strict=True)
        )
        return View(self.buffer, shape, steps, (*self.offset, *first))

    def reshaped(self, shape: Sizes) -> View | None:
        """The same elements in the same order; None if no strides can express it."""
        if self.is_contiguous:
            return View(self.buffer, shape, contiguous(shape), self.offset)
        axes = [(s, t) for s, t in zip(self.shape, self.strides, strict=True) if s != ONE]
        strides: list[Size] = []
        for size in reversed(shape):
            if size == ONE:
                strides.append(ZERO)
            elif axes and axes[-1][0] == size:
                strides.append(axes.pop()[1])
            else:
                return None
        return None if axes else View(self.buffer, shape, tuple(reversed(strides)), self.offset)


def _total(offset: Sequence[Size]) -> dict[int, int]:
    """An offset as a factor for each power of the number of rows."""
    total: dict[int, int] = {}
    for term in offset:
        total[term.power] = total.get(term.power, 0) + term.factor
    return {power: factor for power, factor in total.items() if factor}


def contiguous(shape: Sizes) -> Sizes:
    """The strides of an array in C order."""
    strides = [ONE]
    for size in reversed(shape[1:]):
        strides.append(strides[-1].times(size))
    return tuple(reversed(strides)) if shape else ()


def whole(buffer: Buffer, shape: Sizes) -> View:
    """All of a buffer, in C order."""
    assert element_count(shape) == buffer.size
    return View(buffer, shape, contiguous(shape))


def whole_of(buffer: Buffer) -> View:
    """All of a buffer, as one axis."""
    return View(buffer, (buffer.size,), (ONE,))
