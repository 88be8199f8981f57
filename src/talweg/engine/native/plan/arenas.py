"""Where buffers lie: in one of two arenas, which keep the whole batch or one block of its rows.

Buffers that are never needed at the same time may overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from talweg.engine.native.ir.kernel import Work
from talweg.engine.native.ir.view import Buffer, View
from talweg.engine.native.plan.regions import ByRows, Region

LINE = 64
"""Bytes of a cache line; a buffer starts at a line and leaves one free behind it."""


class Lifetime(NamedTuple):
    """The first and the last use of a buffer: regions for a buffer of the whole batch, kernels for
    one of a block of rows.
    """

    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last


ArenaName = Literal["shared", "block"]
"""The arena of the whole batch, which all threads share, and that of a thread's block of rows."""
Arena = Mapping[Buffer, Lifetime]
"""The buffers in an arena, and when each is needed."""
Layout = tuple[dict[Buffer, int], int]
"""The offset of each buffer in an arena, and the bytes of the arena."""


def arenas_of(regions: Sequence[Region], outputs: Set[Buffer]) -> dict[ArenaName, Arena]:
    """The arena of each buffer that the regions use, and when the buffer is needed.

    Outputs are needed from beginning to end. What is computed before the batch is needed to the
    end: it is computed once for many batches that are evaluated.
    """
    blocks, end = block_buffers(regions, outputs), len(regions)
    whole_uses: dict[Buffer, list[int]] = {buffer: [0, end] for buffer in outputs}
    block_uses: dict[Buffer, list[int]] = {}
    numbered = [(number, work) for number, region in enumerate(regions) for work in region.body]
    for position, (number, work) in enumerate(numbered):
        for view in _views(work):
            if view.buffer in blocks:
                block_uses.setdefault(view.buffer, []).append(position)
            else:
                last = end if regions[number].precedes_batch else number
                whole_uses.setdefault(view.buffer, []).extend((number, last))
    return {"shared": _lifetimes(whole_uses), "block": _lifetimes(block_uses)}


def _lifetimes(uses: Mapping[Buffer, Sequence[int]]) -> Arena:
    return {
        buffer: Lifetime(min(times), max(times))
        for buffer, times in uses.items()
        if buffer.kind == "shared"
    }


def block_buffers(regions: Sequence[Region], outputs: Set[Buffer]) -> frozenset[Buffer]:
    """The buffers that one region by rows alone uses, row by row: a block of rows is enough."""
    regions_of: dict[Buffer, set[Region]] = {}
    crossing: set[Buffer] = set()
    for region in regions:
        for view in _views(region):
            regions_of.setdefault(view.buffer, set()).add(region)
            if not view.has_leading_row_axis:
                crossing.add(view.buffer)
    return frozenset(
        buffer
        for buffer, users in regions_of.items()
        if buffer.kind == "shared"
        and len(users) == 1
        and all(isinstance(region, ByRows) for region in users)
        and buffer not in crossing | outputs
    )


def _views(work: Work) -> Sequence[View]:
    return [*work.reads(), *work.writes()]


def layout(arena: Arena, rows: int) -> Layout:
    """The layout of an arena for this many rows.

    The largest buffers come first; each goes to the lowest offset that is free while it is needed.
    """
    offsets: dict[Buffer, int] = {}
    total = 0
    for buffer in sorted(arena, key=lambda buffer: (-buffer.nbytes(rows), buffer.slot)):
        size = room(buffer.nbytes(rows))
        start = 0
        others = [x for x in offsets if arena[x].meets(arena[buffer])]
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
