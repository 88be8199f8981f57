"""Kernels: the work of a plan. Each kernel reads and writes views of buffers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from talweg.engine.native.plan.symbolic_shapes import ONE, Node, Size, Sizes, element_count
from talweg.engine.native.plan.view import Buffer, View

SPLIT = 8192
"""A nest of fewer operations is left to one thread: some microseconds, a few barriers' worth."""


class Work(ABC):
    """Something that reads and writes views: a kernel, or a region of kernels."""

    @abstractmethod
    def reads(self) -> list[View]:
        """The views that are read."""

    @abstractmethod
    def writes(self) -> list[View]:
        """The views that are written."""

    @abstractmethod
    def operations(self) -> Size:
        """The number of arithmetic operations: its leading term in the number of rows N."""

    @property
    def is_alone(self) -> bool:
        """Whether the first thread does it all."""
        return False


@dataclass(frozen=True, eq=False)
class Kernel(Work):
    """One piece of code, of which each thread computes a part.

    `row_axis` is the row axis of its result in a region by rows, else None. In a region by rows a
    thread computes its rows, and by outputs its share of the elements of the result.

    Threads never share an axis that is summed or otherwise reduced: one thread adds up all terms of
    an element, in an order that the number of threads does not change. So bits do not depend on the
    number of threads. Every kernel must keep to this.
    """

    row_axis: int | None

    @property
    def takes_tickets(self) -> bool:
        """Whether threads take parts of the kernel as they come, rather than equal shares."""
        return False

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Nest(Kernel):
    """Loops over `shape`: elementwise nodes, then reductions of them over the axes `reduced`.

    `loads` are views that were broadcast to the shape; `stores` and `results` are where an
    elementwise node and a reduction go. A store of None writes zeros. `pair` holds x[m, k] and
    y[k, n] as views of (m, n, k), for a small product. NaN and infinity are noticed in what is
    stored in a guarded buffer.
    """

    shape: Sizes
    nodes: tuple[Node, ...] = ()
    reduced: tuple[int, ...] = ()
    reductions: tuple[Node, ...] = ()
    loads: Mapping[Node, View] = field(default_factory=dict)
    stores: tuple[tuple[Node | None, View], ...] = ()
    results: Mapping[Node, View] = field(default_factory=dict)
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


def whole_of(buffer: Buffer) -> View:
    """All of a buffer, as one axis."""
    return View(buffer, (buffer.size,), (ONE,))


def shape_text(shape: Sizes) -> str:
    """A shape as plans print it."""
    return f"[{', '.join(map(str, shape))}]"
