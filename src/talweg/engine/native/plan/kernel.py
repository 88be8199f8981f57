"""Kernels: what a plan is made of. Each reads and writes buffers in one nest of loops."""

from __future__ import annotations

from dataclasses import dataclass, field

from talweg.engine.native.plan.symbolic_shapes import ONE, Node, Size, Sizes, product
from talweg.engine.native.plan.view import Buffer, View

SPLIT = 8192
"""A nest of fewer operations is left to one thread: some microseconds, a few barriers' worth."""


@dataclass(eq=False)
class Kernel:
    """The base of kernels. `row_axis` is the axis of the rows where they are computed one by one.

    `level` orders the kernels of a stage that is split by outputs: a barrier parts two levels.
    """

    stage: int
    row_axis: int | None
    level: int = 0

    def reads(self) -> list[View]:
        raise NotImplementedError

    def writes(self) -> list[View]:
        raise NotImplementedError

    def operations(self) -> Size:
        """Arithmetic operations, of the highest power of the rows."""
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(eq=False)
class Nest(Kernel):
    """Loops over `shape`: elementwise nodes, then reductions of them over the axes `reduced`.

    `loads` are views that were broadcast to the shape; `stores` and `results` say where an
    elementwise node and a reduction go. A store of None writes zeros. `pair` holds x[m, k] and
    y[k, n] as views of (m, n, k), for a small product. What is stored in a guarded buffer is
    watched for NaN and infinity.
    """

    shape: Sizes = ()
    nodes: list[Node] = field(default_factory=list)
    reduced: tuple[int, ...] = ()
    reductions: list[Node] = field(default_factory=list)
    loads: dict[Node, View] = field(default_factory=dict)
    stores: list[tuple[Node | None, View]] = field(default_factory=list)
    results: dict[Node, View] = field(default_factory=dict)
    pair: tuple[View, View] | None = None
    guarded: set[Buffer] = field(default_factory=set)

    def reads(self) -> list[View]:
        return [*self.loads.values(), *(self.pair or ())]

    def writes(self) -> list[View]:
        return [view for _, view in self.stores] + list(self.results.values())

    @property
    def is_alone(self) -> bool:
        """Whether the first thread does it all: nothing to share out, or too little."""
        kept = [size for i, size in enumerate(self.shape) if i not in self.reduced and size != ONE]
        work = self.operations()
        return self.stage % 2 == 0 and (not kept or (work.is_known and work.factor < SPLIT))

    def operations(self) -> Size:
        whole = product(self.shape)
        return Size(whole.factor * max(1, len(self.nodes) + len(self.reductions)), whole.power)

    def __str__(self) -> str:
        gates = [node.gate.name for node in [*self.nodes, *self.reductions] if node.gate]
        what = " ".join(gates) or ("copy" if self.loads else "zeros")
        over = f" over {', '.join(map(str, self.reduced))}" if self.reduced else ""
        return f"nest {_text(self.shape)}{over}: {what}"


@dataclass(eq=False)
class Product(Kernel):
    """A matrix product c = a b of views (..., M, K) and (..., K, N).

    b may have been packed for all threads, or is packed by each into `private` room.
    """

    node: Node | None = None
    a: View | None = None
    b: View | None = None
    c: View | None = None
    pack: Pack | None = None
    private: Buffer | None = None

    @property
    def packed(self) -> Buffer | None:
        """The right side as it was packed for all threads."""
        return self.pack.packed if self.pack else None

    def reads(self) -> list[View]:
        assert self.a and self.b
        return [self.a, whole_of(self.packed) if self.packed else self.b]

    def writes(self) -> list[View]:
        assert self.c
        return [self.c]

    def operations(self) -> Size:
        assert self.a and self.c
        return product((Size(2), *self.c.shape, self.a.shape[-1]))

    def __str__(self) -> str:
        assert self.a and self.b
        note = " (packed)" if self.packed else ""
        return f"product {_text(self.a.shape)} by {_text(self.b.shape)}{note}"


@dataclass(eq=False)
class Pack(Kernel):
    """The right side of a product, laid out panel by panel so that it is read in sequence."""

    source: Node | None = None
    b: View | None = None
    packed: Buffer | None = None

    def reads(self) -> list[View]:
        assert self.b
        return [self.b]

    def writes(self) -> list[View]:
        assert self.packed
        return [whole_of(self.packed)]

    def operations(self) -> Size:
        assert self.b
        return product(self.b.shape)

    def __str__(self) -> str:
        assert self.b
        return f"pack {_text(self.b.shape)}"


@dataclass(eq=False)
class Lookup(Kernel):
    """Rows (N, E) and a table (L, E) that codes (N,) tie: `take` reads the table, `segment_sum`
    adds up in it.
    """

    node: Node | None = None
    table: View | None = None
    codes: View | None = None
    rows: View | None = None

    @property
    def takes(self) -> bool:
        return (
            self.node is not None and self.node.gate is not None and self.node.gate.name == "take"
        )

    def reads(self) -> list[View]:
        assert self.table and self.codes and self.rows
        return [self.codes, self.table if self.takes else self.rows]

    def writes(self) -> list[View]:
        assert self.table and self.rows
        return [self.rows if self.takes else self.table]

    def operations(self) -> Size:
        assert self.table and self.rows
        rows, table = product(self.rows.shape), product(self.table.shape)
        return rows if self.takes else max(rows, table, key=lambda size: (size.power, size.factor))

    def __str__(self) -> str:
        assert self.node and self.node.gate and self.table and self.rows
        return f"{self.node.gate.name} {_text(self.rows.shape)}, table {_text(self.table.shape)}"


@dataclass(eq=False)
class Gathering(Kernel):
    """The place in the order where a concatenation, or a placing, becomes whole."""

    node: Node | None = None


def whole_of(buffer: Buffer) -> View:
    """All of a buffer, as one axis."""
    return View(buffer, (buffer.size,), (Size(1),))


def _text(shape: Sizes) -> str:
    return f"[{', '.join(map(str, shape))}]"
