"""What the code of a region can use: buffers, sizes, and this thread's share of the work."""

from __future__ import annotations

from collections.abc import Mapping, Set

from talweg.engine.native.control_block import CONTROL, TAKEN
from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.size import Size
from talweg.engine.native.ir.view import Buffer, View
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Index, Value, number, type_of

PARAMETERS = [
    ("ptr", "table"),
    ("i64", "rows"),
    ("i64", "low"),
    ("i64", "high"),
    ("i64", "thread"),
    ("i64", "threads"),
]
"""The parameters of a region: a table of pointers to buffers, the rows of the batch, and the rows
from `low` to `high` that this call computes, in a region by rows."""


def entry(f: Function, table: Value, slot: int) -> Value:
    """The pointer in a slot of a table."""
    return f.load("ptr", f.at(table, slot, "ptr"))


def part(f: Function, units: Index, thread: Index, threads: Value) -> Value:
    """units * thread / threads, rounded down: the first unit of a thread.

    It is a function of its own, since LLVM makes three blocks of each division.
    """
    if "part" not in f.module.functions:
        _write_part(f.module)
    return f.call("part", "i64", f.index(units), f.index(thread), threads)


def _write_part(module: Module) -> None:
    f = module.function("part", [("i64", "units"), ("i64", "thread"), ("i64", "threads")], "i64")
    units, thread, threads = f.parameters
    whole = f.index(f.times(units, thread))
    divided, alone = f.fresh("divided"), f.fresh("alone")
    f.branch(f.compare("sgt", threads, number(1, "i64")), divided, alone)
    f.open(alone)
    f.ret(whole)
    f.open(divided)
    f.ret(f.index(f.over(whole, threads)))


class Frame:
    """The function of a region while it is written, kernel by kernel.

    `tickets` numbers the kernels whose parts threads take as they come. `blocks` are the buffers
    that hold one block of rows instead of the whole batch.
    """

    def __init__(
        self, f: Function, tickets: Mapping[Kernel, int], blocks: Set[Buffer] = frozenset()
    ) -> None:
        self.f, self.tickets, self.blocks = f, tickets, blocks
        self.table, self.rows, self.low, self.high, self.thread, self.threads = f.parameters
        self._pointers: dict[Buffer, Value] = {}

    def begin(self) -> None:
        """Begin a kernel, which loads its own pointers, since registers are few."""
        self._pointers = {}

    def _loaded(self, buffer: Buffer) -> Value:
        pointer = self.entry(buffer.slot)
        if buffer not in self.blocks:
            return pointer
        # a block holds only the rows of this call; indices count from the first row of the batch
        before = self.f.minus(0, self.f.times(self.low, buffer.size.factor))
        return self.f.at(pointer, before, type_of(buffer.dtype))

    def entry(self, slot: int) -> Value:
        """The pointer in a slot of the table."""
        return entry(self.f, self.table, slot)

    def size(self, size: Size) -> Index:
        """A size as a number, for the rows of this batch."""
        value: Index = size.factor
        for _ in range(size.power):
            value = self.f.times(self.rows, value)
        return value

    def start(self, view: View) -> Value:
        """The address of the first element of a view. Call it before the loops of a kernel."""
        offset: Index = 0
        for term in view.offset:
            offset = self.f.plus(offset, self.size(term))
        if view.buffer not in self._pointers:
            self._pointers[view.buffer] = self._loaded(view.buffer)
        return self.f.at(self._pointers[view.buffer], offset, type_of(view.dtype))

    def ticket(self, kernel: Kernel) -> Value:
        """The address of the word that counts the parts of a kernel that threads have taken."""
        return self.f.at(self.entry(CONTROL), TAKEN + 8 * self.tickets[kernel], "i64")

    def rows_of(self, size: Size) -> tuple[Index, Index]:
        """This call's part of an axis that follows the rows, with `size.factor` for each row."""
        return self.f.times(self.low, size.factor), self.f.times(self.high, size.factor)

    def part_of(self, size: Size, follows_rows: bool, unit: int = 1) -> tuple[Index, Index]:
        """This call's part of an axis: its rows, or this thread's share in multiples of `unit`."""
        return self.rows_of(size) if follows_rows else self.share(self.size(size), unit)

    def offset(self, view: View, *indices: Index) -> Index:
        """How many elements lie between the start of a view and the element at these indices."""
        offset: Index = 0
        for index, stride in zip(indices, view.strides, strict=True):
            offset = self.f.plus(offset, self.f.times(index, self.size(stride)))
        return offset

    def share(self, count: Index, unit: int) -> tuple[Index, Index]:
        """This thread's part of range(count), cut at multiples of `unit`."""
        f = self.f
        units = f.over(f.plus(count, unit - 1), unit)
        low = part(f, units, self.thread, self.threads)
        high = part(f, units, f.plus(self.thread, 1), self.threads)
        return f.times(low, unit), f.least(f.times(high, unit), count)
