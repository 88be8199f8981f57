"""The kernel of a nest of loops: elementwise nodes, and reductions of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.node import Node
from talweg.engine.native.ir.size import ONE, Size, Sizes, element_count, shape_text
from talweg.engine.native.ir.view import Buffer, View

SPLIT = 8192
"""A nest of fewer operations is left to one thread: some microseconds, a few barriers' worth."""


@dataclass(frozen=True, eq=False)
class Nest(Kernel):
    """Loops over `shape`: elementwise nodes, then reductions of them over the axes `reduced`.

    `loads` are views that were broadcast to the shape; `stores` and `results` are where an
    elementwise node and a reduction go. A store of None writes zeros. `terms` are the nodes whose
    values a reduction takes: its input, or the two factors of a product that it sums by fused
    multiply-adds. `pair` holds x[m, k] and y[k, n] as views of (m, n, k), for a small matrix
    product. NaN and infinity are noticed in what is stored in a guarded buffer.
    """

    shape: Sizes
    nodes: tuple[Node, ...] = ()
    reduced: tuple[int, ...] = ()
    reductions: tuple[Node, ...] = ()
    loads: Mapping[Node, View] = field(default_factory=dict)
    stores: tuple[tuple[Node | None, View], ...] = ()
    results: Mapping[Node, View] = field(default_factory=dict)
    terms: Mapping[Node, tuple[Node, ...]] = field(default_factory=dict)
    pair: tuple[View, View] | None = None
    guarded: frozenset[Buffer] = frozenset()

    def reads(self) -> list[View]:
        return [*self.loads.values(), *(self.pair or ())]

    def writes(self) -> list[View]:
        return [view for _, view in self.stores] + list(self.results.values())

    @property
    def is_alone(self) -> bool:
        """Whether there is nothing to share out among threads, or too little."""
        kept = [size for i, size in enumerate(self.shape) if i not in self.reduced and size != ONE]
        work = self.operations()
        return self.row_axis is None and (not kept or (work.is_known and work.factor < SPLIT))

    def operations(self) -> Size:
        whole = element_count(self.shape)
        return Size(whole.factor * max(1, len(self.nodes) + len(self.reductions)), whole.power)

    def __str__(self) -> str:
        gates = [node.gate.name for node in [*self.nodes, *self.reductions] if node.gate]
        body = " ".join(gates) or ("copy" if self.loads else "zeros")
        over = f" over {', '.join(map(str, self.reduced))}" if self.reduced else ""
        return f"nest {shape_text(self.shape)}{over}: {body}"
