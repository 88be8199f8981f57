"""The plan of a graph: regions of kernels, and the buffers that they use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from talweg.engine.native.plan.arena import placed
from talweg.engine.native.plan.kernel import Kernel
from talweg.engine.native.plan.lifetimes import Lifetime
from talweg.engine.native.plan.regions import Region
from talweg.engine.native.plan.symbolic_shapes import SymbolicGraph, element_count
from talweg.engine.native.plan.view import Buffer, Storage

Layout = tuple[dict[Buffer, int], int]
"""The offset of each buffer in an arena, and the bytes of the arena."""


@dataclass(frozen=True)
class Plan:
    """The regions of one graph, in order, and the table of buffers that they use.

    `blocks` are the shared buffers that hold one block of rows for each thread.
    """

    graph: SymbolicGraph
    regions: tuple[Region, ...]
    buffers: tuple[Buffer, ...]
    inputs: Mapping[str, Buffer]
    outputs: Mapping[str, Buffer]
    blocks: frozenset[Buffer]
    lifetimes: Mapping[Buffer, Lifetime]
    _layouts: dict[tuple[Storage, int], Layout] = field(default_factory=dict)

    @property
    def kernels(self) -> list[Kernel]:
        """The kernels of all regions, in order."""
        return [kernel for region in self.regions for kernel in region.kernels()]

    def storage(self, buffer: Buffer) -> Storage:
        """Where a buffer lies."""
        return "block" if buffer in self.blocks else buffer.kind

    def layout(self, storage: Storage, rows: int) -> Layout:
        """The layout of the arena of one storage, for this many rows."""
        if (storage, rows) not in self._layouts:
            used = [x for x in self.buffers if self.storage(x) == storage and x in self.lifetimes]
            self._layouts[storage, rows] = placed(used, rows, self.lifetimes)
        return self._layouts[storage, rows]

    def expected(self, rows: int) -> str:
        """A line for each kernel: operations and bytes for so many rows, and the time they take.

        On one core of some 60 billion operations and 20 billion bytes a second, whichever takes
        longer; where the numbers lie in a cache, bytes cost less.
        """
        lines = [f"{'operations':>14} {'bytes':>12} {'us':>8}  kernel, {rows} rows"]
        for kernel in self.kernels:
            operations = kernel.operations().of(rows)
            moved = sum(
                element_count(view.shape).of(rows) * view.dtype.itemsize
                for view in (*kernel.reads(), *kernel.writes())
            )
            seconds = max(operations / 60e9, moved / 20e9)
            lines.append(f"{operations:>14,} {moved:>12,} {seconds * 1e6:>8.2f}  {kernel}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return "\n".join(line for region in self.regions for line in region.lines())
