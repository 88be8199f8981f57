"""The rows of a batch, in LLVM IR: pointed at where they lie in order, else copied together."""

from __future__ import annotations

from collections.abc import Mapping

from talweg.engine.native.driver.base import Writer
from talweg.engine.native.llvm.values import Index, Value, number, type_of
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.view import Buffer


class BatchRows:
    """Writes how the batch inputs of a plan come from entries of the table, `sources` by name."""

    def __init__(self, writer: Writer, plan: Plan, sources: Mapping[str, int]) -> None:
        self.writer, self.f, self.plan, self.sources = writer, writer.f, plan, sources

    @property
    def must_fill(self) -> bool:
        """Whether a batch has so many rows and no other number."""
        return self.plan.graph.rows is not None

    def row_size(self, buffer: Buffer) -> int:
        """Elements of one row of a batch input."""
        return buffer.size.factor // (self.plan.graph.rows or 1)

    def point(self, start: Value) -> None:
        """Let the batch inputs be the rows from `start` on, where they are."""
        f, writer = self.f, self.writer
        for name, source in self.sources.items():
            buffer = self.plan.inputs[name]
            first = f.times(start, self.row_size(buffer))
            here = f.at(writer.entry(source), first, type_of(buffer.dtype))
            f.store(here, f.at(writer.table, buffer.place, "ptr"))

    def fill(
        self,
        start: Value,
        there: Index,
        low: Index,
        high: Index,
        order: Value | None = None,
    ) -> None:
        """Copy rows low..high of the batch from `start` on, of the rows as they are ordered.

        After those that are there come, in a batch that must be full, copies of the first, of
        weight 0.
        """
        f = self.f
        with f.loop(low, high) as loop:
            place, is_there = loop.index, f.compare("slt", loop.index, f.index(there))
            if self.must_fill:
                place = f.select(is_there, place, number(0, "i64"))
            row = f.index(f.plus(start, place))
            if order is not None:
                row = f.convert(f.load("i32", f.at(order, row, "i32")), "i64")
            for name, source in self.sources.items():
                self._take(self.plan.inputs[name], source, row, loop.index)
            if self.must_fill:
                self._weigh(is_there, loop.index)

    def _take(self, buffer: Buffer, source: int, row: Value, to: Value) -> None:
        f, type, size = self.f, type_of(buffer.dtype), self.row_size(buffer)
        there = f.at(self.writer.entry(buffer.place), f.times(to, size), type)
        here = f.at(self.writer.entry(source), f.times(row, size), type)
        if size == 1:
            f.store(f.load(type, here), there)
        else:
            self.writer.copy(there, here, size, type)

    def _weigh(self, is_there: Value, to: Value) -> None:
        """Take the weight of a row that only fills up."""
        f, buffer = self.f, self.plan.inputs["row_weights"]
        type = type_of(buffer.dtype)
        weight = f.at(self.writer.entry(buffer.place), to, type)
        f.store(f.select(is_there, f.load(type, weight), number(0, type)), weight)
