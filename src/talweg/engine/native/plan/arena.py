"""The memory of a program: one arena, where buffers that are never needed together share room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from talweg.engine.native.plan.lifetimes import Lifetime
from talweg.engine.native.plan.view import Buffer

LINE = 64
"""Bytes of a cache line; buffers start at one, and leave one free behind them."""


def placed(
    buffers: Iterable[Buffer], rows: int, lifetimes: Mapping[Buffer, Lifetime]
) -> tuple[dict[Buffer, int], int]:
    """The offset of each buffer, for so many rows, and the bytes that all take.

    Each goes to the lowest place where nothing that lives at the same time lies.
    """
    offsets: dict[Buffer, int] = {}
    total = 0
    for buffer in sorted(buffers, key=lambda each: -each.nbytes(rows)):
        size = room(buffer.nbytes(rows))
        start = 0
        others = [each for each in offsets if lifetimes[each].meets(lifetimes[buffer])]
        for other in sorted(others, key=offsets.__getitem__):
            if offsets[other] - start >= size:
                break
            start = max(start, offsets[other] + room(other.nbytes(rows)))
        offsets[buffer] = start
        total = max(total, start + size)
    return offsets, total


def room(size: int) -> int:
    """Bytes to set apart for so many: whole lines, and one more."""
    return (size + LINE - 1) // LINE * LINE + LINE


def zeros(size: int) -> npt.NDArray[np.uint8]:
    """Bytes that begin at a cache line."""
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size]
