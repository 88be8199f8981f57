"""How long each buffer is needed, and which ones hold one block of rows instead of the batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from talweg.engine.native.plan.regions import ByRows, Region
from talweg.engine.native.plan.view import Buffer, View


class Lifetime(NamedTuple):
    """The first and the last use of a buffer.

    A use is the index of a region for a buffer of the whole batch, and the index of a kernel for a
    buffer of one block of rows. The two kinds lie in different arenas and are never compared.
    """

    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last


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


def lifetimes(
    regions: Sequence[Region], outputs: Set[Buffer], blocks: Set[Buffer]
) -> Mapping[Buffer, Lifetime]:
    """When each buffer that is used is needed.

    Outputs are needed from beginning to end. What is computed before the batch is needed to the
    end: it is computed once for many batches that are evaluated.
    """
    uses: dict[Buffer, list[int]] = {}
    work_number = 0
    for number, region in enumerate(regions):
        for work in region.body:
            for view in (*work.reads(), *work.writes()):
                use = work_number if view.buffer in blocks else number
                uses.setdefault(view.buffer, []).append(use)
                if region.precedes_batch and view.buffer.kind == "shared":
                    uses[view.buffer].append(len(regions))
            work_number += 1
    for buffer in outputs:
        uses.setdefault(buffer, []).extend((0, len(regions)))
    return {buffer: Lifetime(min(times), max(times)) for buffer, times in uses.items()}


def _views(region: Region) -> Iterable[View]:
    return (*region.reads(), *region.writes())
