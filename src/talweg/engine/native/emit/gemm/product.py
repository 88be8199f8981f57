"""GEMM, the matrix product C (M x N) = A (M x K) B (K x N), as functions of a module.

Sizes and strides are i64 values at run time, so one set of functions serves every product of a
program. K is cut into blocks of 384, which are added in order, and within a block each C[i, j] is
one chain of fma. So the bits do not depend on how M and N are split, nor on the layouts of A and B.

Source: the loops around the micro-kernel follow Goto and van de Geijn, Anatomy of high-performance
matrix multiplication (2008): a panel of B in the L1 cache, a block of A in the L2 cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from talweg.engine.native.emit.gemm import packing, tiles
from talweg.engine.native.emit.gemm.matrix import Matrix, Panels, Range
from talweg.engine.native.emit.gemm.tiles import panel_width
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Index, Value, number, size_of

DEPTH = 384
"""Depth of a block along K: a panel of B takes 24 of the 32 KB of the L1 cache. Two thirds of that
were 5 % slower at 1024 x 1024 x 1024, since every block reads and writes C again."""
HEIGHT_BYTES = 96 * 4
"""Rows of a block of A, in bytes of one column: the block takes 150 of the 512 KB of the L2 cache.
Twice as many rows were 10 % slower while something else used that cache."""
ROOM = DEPTH + 16
"""Row stride of a copied block of A; a power of two would map its rows to the same cache sets."""
WIDE = 128
"""Columns of C from which copying blocks of A to scratch memory pays."""


def unpacked(module: Module, type: str, pointer: Value, row: Index) -> Panels:
    """An unpacked B: contiguous rows, `row` elements apart."""
    return Panels(pointer, row, panel_width(module, type))


def packed(f: Function, type: str, pointer: Value, k: Index) -> Panels:
    """A B that `pack` has written."""
    width = panel_width(f.module, type)
    return Panels(pointer, width, f.times(k, width))


def packed_panels(module: Module, type: str, n: int) -> int:
    """The panels of n columns."""
    return -(-n // panel_width(module, type))


def packed_bytes(module: Module, type: str, k: int, n: int) -> int:
    """The bytes of a packed B of k x n."""
    return packed_panels(module, type, n) * panel_width(module, type) * k * size_of(type)


def scratch_bytes(type: str) -> int:
    """The bytes of a thread's scratch memory, which holds a block of A of any product."""
    return HEIGHT_BYTES // size_of(type) * ROOM * size_of(type)


def pack(
    f: Function,
    type: str,
    shape: tuple[Index, Index],
    b: Matrix,
    out: Value,
    *,
    panels: Range,
    rows: Range | None = None,
) -> None:
    """Write a call that packs some panels of B of shape (k, n) into `out`, or some of their rows.

    Contiguous rows (column stride 1) are copied, those of a transposed B (row stride 1) transposed
    in registers, and other layouts copied element by element. The last panel is padded with zeros.
    """
    k, n = shape
    low, high = rows or (0, k)
    sizes = [f.index(size) for size in (f.minus(high, low), n)]
    strides = [f.index(stride) for stride in (b.row, b.column)]
    start = f.at(b.pointer, f.times(low, b.row), type)
    target = f.at(out, f.times(low, panel_width(f.module, type)), type)
    ends = [f.index(end) for end in (k, *panels)]
    arguments = [*sizes, start, *strides, target, *ends]
    _call(f, f"talweg_pack_{type}", type, partial(packing.pack, f.module, type), arguments)


def gemm(
    f: Function,
    type: str,
    shape: tuple[Index, Index, Index],
    a: Matrix,
    b: Panels,
    c: Matrix,
    *,
    scratch: Value,
    accumulate: Index = False,
) -> None:
    """Write a call of C (+)= A B for shape (m, n, k) with m, n >= 1.

    Rows of C are contiguous (c.column is 1). With k = 0, C becomes 0, or stays as it is if
    `accumulate`, which may be an i64, 0 or 1. `scratch` has `scratch_bytes` and belongs to the
    calling thread; a block of A with a bad layout is copied there if n >= 128.
    """
    if shape[1] == 1 and a.row == 1 and c.row == 1:
        # a column of C is a row of the transposed product, which fills whole vectors
        column, rows = Matrix(b.pointer, 0, b.step), unpacked(f.module, type, a.pointer, a.column)
        shape, a, b, c = (1, shape[0], shape[2]), column, rows, Matrix(c.pointer, 0)
    sizes = [f.index(size) for size in shape]
    left = [a.pointer, f.index(a.row), f.index(a.column)]
    right = [b.pointer, f.index(b.step), f.index(b.panel)]
    out = [c.pointer, f.index(c.row), f.index(accumulate), scratch]
    arguments = [*sizes, *left, *right, *out]
    _call(f, f"talweg_product_{type}", type, _Product(f.module, type).write, arguments)


def write_routines(module: Module, type: str) -> None:
    """Write all that products of a type call, for other modules to link with."""
    packing.pack(module, type, public=True)
    _Product(module, type).write(public=True)


def _call(
    f: Function, name: str, type: str, write: Callable[[], object], arguments: Sequence[Value]
) -> None:
    """Call a routine that is linked from elsewhere, or else written at its first call."""
    module = f.module
    if module.linked_types is not None:
        module.linked_types.add(type)
    elif name not in module.functions:
        write()
    f.call(name, "void", *arguments, external=module.linked_types is not None)


class _Block(NamedTuple):
    """A block of rows of A times the rows of B that it needs: `tiles.RECORD` at run time, rows,
    columns, and the first elements of B and C.
    """

    record: Value
    rows: Value
    columns: Value
    b: Value
    c: Value


class _Product:
    """Writes the functions of one type into a module."""

    def __init__(self, module: Module, type: str) -> None:
        self.module, self.type = module, type
        self.width = panel_width(module, type)
        self.tall = tiles.tall(module)
        # without masked instructions in the processor, the masked loop is slow
        self.low = "low" if module.vector_bytes == 16 else "edge"

    def write(self, *, public: bool = False) -> None:
        """Write the micro-kernels, then the loops over blocks that call them."""
        module, type = self.module, self.type
        module.table(f"talweg_zeros_{type}", [number(0, type)] * self.width)
        tiles.settle(module, type)
        tiles.strips(module, type)
        tiles.row(module, type)
        tiles.edge(module, type, "edge", 2, masked=True)
        tiles.edge(module, type, "narrow", 1, masked=True)
        if self.low == "low":
            tiles.edge(module, type, "low", 2, masked=False)
        self._loops(public)

    def _call(self, f: Function, name: str, *arguments: Value) -> None:
        f.call(f"talweg_{name}_{self.type}", "void", *arguments)

    def _loops(self, public: bool) -> None:
        """Write the loop over blocks of K, and within it the one over blocks of rows."""
        sizes = [("i64", "m"), ("i64", "n"), ("i64", "k")]
        left = [("ptr", "a"), ("i64", "a_row"), ("i64", "a_step")]
        right = [("ptr", "b"), ("i64", "b_step"), ("i64", "b_panel")]
        output = [("ptr", "c"), ("i64", "c_row"), ("i64", "adding"), ("ptr", "scratch")]
        name, parameters = f"talweg_product_{self.type}", [*sizes, *left, *right, *output]
        f = self.module.function(name, parameters, public=public, inline=False)
        m, n, k, a, a_row, a_step, b, b_step, b_panel, c, c_row, adding, scratch = f.parameters
        record = f.stack("i64", len(tiles.RECORD))
        tiles.write(f, record, b_step=b_step, b_panel=b_panel, c_row=c_row)
        height = HEIGHT_BYTES // size_of(self.type)
        once = f.intrinsic("smax", k, number(1, "i64"))
        with f.loop(0, once, DEPTH, [a, b, adding]) as deep:
            left_start, b_start, more = deep.values
            tiles.write(f, record, adding=more, k=f.least(f.minus(k, deep.index), DEPTH))
            with f.loop(0, m, height, [left_start, c]) as high:
                rows = f.index(f.least(f.minus(m, high.index), height))
                tiles.write(f, record, a=high.values[0], a_row=a_row, a_step=a_step)
                with f.when(f.compare("sge", n, number(WIDE, "i64"))):
                    self._stage(f, record, rows, scratch)
                self._block(f, _Block(record, rows, n, b_start, high.values[1]))
                high.carry(*self._down(f, high.values, (a_row, c_row), height))
            following = self._down(f, [left_start, b_start], (a_step, b_step), DEPTH)
            deep.carry(*following, number(1, "i64"))
        f.ret()

    def _down(
        self, f: Function, addresses: Sequence[Value], rows: Sequence[Value], count: Index
    ) -> list[Value]:
        """The addresses `count` rows below."""
        pairs = zip(addresses, rows, strict=True)
        return [f.at(address, f.times(row, count), self.type) for address, row in pairs]

    def _stage(self, f: Function, record: Value, m: Value, scratch: Value) -> None:
        """Copy a block of A to scratch memory if its rows share cache sets or are not contiguous:
        the micro-kernel reads it again for every panel.
        """
        copy = packing.copy(self.module, self.type)
        transpose = packing.transpose(self.module, self.type)
        k, a, row, step = tiles.read(f, record, "k", "a", "a_row", "a_step")
        one, room, lanes = (
            number(1, "i64"),
            number(ROOM, "i64"),
            self.module.vector_width(self.type),
        )
        enough = f.compare("sge", f.index(f.least(m, k)), number(lanes, "i64"))
        shared = f.bits("and", row, number(1024 // size_of(self.type) - 1, "i64"))
        along = f.compare("eq", f.bits("or", shared, f.bits("xor", step, one)), number(0, "i64"))
        across = f.bits("and", f.compare("eq", row, one), f.compare("ne", step, one))
        with f.when(f.bits("and", along, enough)):
            f.call(copy, "void", m, k, a, row, scratch, room)
            tiles.write(f, record, a=scratch, a_row=ROOM)
        with f.when(f.bits("and", across, enough)):
            f.call(transpose, "void", k, m, a, step, scratch, room)
            tiles.write(f, record, a=scratch, a_row=ROOM, a_step=1)

    def _block(self, f: Function, block: _Block) -> None:
        """Multiply one block of rows by all panels."""
        record, m, n, b, c = block
        panels = f.index(f.over(n, self.width))
        a, b_panel = tiles.read(f, record, "a", "b_panel")
        with f.when(f.compare("slt", m, number(tiles.SHORT, "i64"))):
            self._call(f, "row", record, m, panels, a, b, c)
        with f.when(f.compare("sge", m, number(tiles.SHORT, "i64"))):
            self._panels(f, block, panels, a, b_panel)
        width = f.bits("and", n, number(self.width - 1, "i64"))
        with f.when(f.compare("ne", width, number(0, "i64"))):
            last = f.at(b, f.times(panels, b_panel), self.type)
            target = f.at(c, f.times(panels, self.width), self.type)
            narrow = f.compare("sle", width, number(self.module.vector_width(self.type), "i64"))
            rest = (record, number(0, "i64"), m, width, a, last, target)
            with f.when(narrow):
                self._call(f, "narrow", *rest)
            with f.when(f.bits("xor", narrow, number(True, "i1"))):
                self._call(f, "edge", *rest)

    def _panels(self, f: Function, block: _Block, panels: Value, a: Value, b_panel: Value) -> None:
        """Multiply by the full panels: tall tiles, then low tiles for the remaining rows.

        One or two remaining rows join those of a tall tile, since two low tiles cost less than one
        tile of each kind.
        """
        m = block.rows
        rest = f.remainder(m, number(self.tall, "i64"))
        joins = f.compare("ult", f.index(f.minus(rest, 1)), number(2, "i64"))
        low = f.add(rest, f.select(joins, number(self.tall, "i64"), number(0, "i64")))
        high, whole = f.index(f.minus(m, low)), number(self.width, "i64")
        with f.loop(0, panels, 1, [block.b, block.c]) as panel:
            b, c = panel.values
            self._call(f, "strips", block.record, high, a, b, c)
            self._call(f, self.low, block.record, high, m, whole, a, b, c)
            panel.carry(f.at(b, b_panel, self.type), f.at(c, self.width, self.type))
