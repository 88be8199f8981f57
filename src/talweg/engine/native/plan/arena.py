"""Offsets of buffers in an arena: buffers that are never needed at the same time may overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from talweg.engine.native.plan.lifetimes import Lifetime
from talweg.engine.native.plan.view import Buffer

LINE = 64
"""Bytes of a cache line; a buffer starts at a line and leaves one free behind it."""


def placed(
    buffers: Iterable[Buffer], rows: int, lifetimes: Mapping[Buffer, Lifetime]
) -> tuple[dict[Buffer, int], int]:
    """The offset of each buffer for so many rows, and the bytes of the arena.

    The largest come first; each goes to the lowest offset that is free while it is needed.
    """
    offsets: dict[Buffer, int] = {}
    total = 0
    for buffer in sorted(buffers, key=lambda buffer: -buffer.nbytes(rows)):
        size = room(buffer.nbytes(rows))
        start = 0
        others = [x for x in offsets if lifetimes[x].meets(lifetimes[buffer])]
        for other in sorted(others, key=offsets.__getitem__):
            if offsets[other] - start >= size:
                break
            start = max(start, offsets[other] + room(other.nbytes(rows)))
        offsets[buffer] = start
        total = max(total, start + size)
    return offsets, total


def room(size: int) -> int:
    """The bytes that a buffer of a size takes up: whole cache lines, and one more."""
    return (size + LINE - 1) // LINE * LINE + LINE


def zeros(size: int) -> npt.NDArray[np.uint8]:
    """An array of zeros that begins at a cache line."""
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size]
