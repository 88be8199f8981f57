"""The rows of a batch, in LLVM IR: read in place if they are in order, else copied."""

from __future__ import annotations

from collections.abc import Mapping

from talweg.engine.native.driver.base import Writer
from talweg.engine.native.ir.view import Buffer
from talweg.engine.native.llvm.values import Index, Value, number, type_of
from talweg.engine.native.plan.plan import Plan


class BatchRows:
    """Writes how the batch inputs of a plan are read from arrays, given by entries of the table."""

    def __init__(self, writer: Writer, plan: Plan, sources: Mapping[str, int]) -> None:
        self.writer, self.f, self.plan, self.sources = writer, writer.f, plan, sources

    @property
    def has_fixed_size(self) -> bool:
        """Whether every batch has the same number of rows."""
        return self.plan.graph.fixed_rows is not None

    def row_size(self, buffer: Buffer) -> int:
        """Elements of one row of a batch input."""
        return buffer.size.factor // (self.plan.graph.fixed_rows or 1)

    def point_to(self, start: Value) -> None:
        """Point the batch inputs to the rows from `start` on."""
        f, writer = self.f, self.writer
        for name, source in self.sources.items():
            buffer = self.plan.inputs[name]
            first = f.times(start, self.row_size(buffer))
            here = f.at(writer.entry(source), first, type_of(buffer.dtype))
            f.store(here, f.at(writer.table, buffer.slot, "ptr"))

    def copy(
        self,
        start: Value,
        there: Index,
        low: Index,
        high: Index,
        order: Value | None = None,
    ) -> None:
        """Copy rows [low, high) of the batch that begins at `start` in the order of the rows.

        The batch has `there` rows. One of fixed size is padded with copies of the first row, of
        weight 0.
        """
        f = self.f
        with f.loop(low, high) as loop:
            index, is_there = loop.index, f.compare("slt", loop.index, f.index(there))
            if self.has_fixed_size:
                index = f.select(is_there, index, number(0, "i64"))
            row = f.index(f.plus(start, index))
            if order is not None:
                row = f.convert(f.load("i32", f.at(order, row, "i32")), "i64")
            for name, source in self.sources.items():
                self._copy_row(self.plan.inputs[name], source, row, loop.index)
            if self.has_fixed_size:
                self._clear_weight_unless(is_there, loop.index)

    def _copy_row(self, buffer: Buffer, source: int, row: Value, to: Value) -> None:
        f, type, size = self.f, type_of(buffer.dtype), self.row_size(buffer)
        there = f.at(self.writer.entry(buffer.slot), f.times(to, size), type)
        here = f.at(self.writer.entry(source), f.times(row, size), type)
        if size == 1:
            f.store(f.load(type, here), there)
        else:
            self.writer.copy(there, here, size, type)

    def _clear_weight_unless(self, is_there: Value, to: Value) -> None:
        """Set the weight of a row to 0 unless the batch has it."""
        f, buffer = self.f, self.plan.inputs["row_weights"]
        type = type_of(buffer.dtype)
        weight = f.at(self.writer.entry(buffer.slot), to, type)
        f.store(f.select(is_there, f.load(type, weight), number(0, type)), weight)
