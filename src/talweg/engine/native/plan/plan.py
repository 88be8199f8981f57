"""The plan of a graph: regions of kernels, and the buffers that they use."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.size import element_count
from talweg.engine.native.ir.symbolic_graph import SymbolicGraph
from talweg.engine.native.ir.view import Buffer
from talweg.engine.native.plan.arenas import Arena, ArenaName, Layout, layout
from talweg.engine.native.plan.regions import ByRows, Region


@dataclass(frozen=True)
class Plan:
    """The regions of one graph, in order, and the table of buffers that they use.

    The memory of inputs, of constants and of private buffers is outside the arenas.
    """

    graph: SymbolicGraph
    regions: tuple[Region, ...]
    buffers: tuple[Buffer, ...]
    inputs: Mapping[str, Buffer]
    outputs: Mapping[str, Buffer]
    arenas: Mapping[ArenaName, Arena]
    _layouts: dict[tuple[ArenaName, int], Layout] = field(default_factory=dict)

    @property
    def kernels(self) -> list[Kernel]:
        """The kernels of all regions, in order."""
        return [kernel for region in self.regions for kernel in region.kernels()]

    @property
    def blocks(self) -> Set[Buffer]:
        """The shared buffers that hold one block of rows for each thread."""
        return self.arenas["block"].keys()

    @property
    def has_independent_rows(self) -> bool:
        """Whether row i of each output follows from row i of the inputs, and neither from i itself
        nor from the number of rows: then a batch may be cut anywhere.
        """
        return (
            all(isinstance(region, ByRows) or region.precedes_batch for region in self.regions)
            and all(node.is_same_for_all_rows for node in self.graph.nodes)
            and all(node.is_cut_by_rows for node in self.graph.outputs.values())
            and all(
                node.is_cut_by_rows or not node.depends_on_rows
                for node in self.graph.inputs.values()
            )
        )

    def layout(self, name: ArenaName, rows: int) -> Layout:
        """The layout of an arena, for this many rows."""
        if (name, rows) not in self._layouts:
            self._layouts[name, rows] = layout(self.arenas[name], rows)
        return self._layouts[name, rows]

    def expected(self, rows: int) -> str:
        """A line for each kernel: operations and bytes for this many rows, and the time they take.

        It is that of the operations or of the bytes, whichever takes longer, on one core with 60
        billion operations and 20 billion bytes a second. Bytes in a cache cost less.
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
