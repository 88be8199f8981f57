"""The loops of a nest in LLVM IR: elementwise gates and reductions, vectorized along one axis.

The vector lanes run along the axis on which most operands are contiguous. The other kept axes are
the outer loops, the reduced ones the inner loops. What an inner loop does not change is loaded
outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from talweg.engine.native.control_block import GUARD
from talweg.engine.native.emit.accumulators import SUM, flat, joined_lanes, split
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import Lanes, known_chunks, store_lanes
from talweg.engine.native.emit.nest_axes import Axis
from talweg.engine.native.emit.nest_body import Body
from talweg.engine.native.ir.nest import Nest
from talweg.engine.native.ir.size import ONE, Size
from talweg.engine.native.llvm.values import Index, Value, number, vector

UNROLL = 4
"""Vectors that are summed in parallel: an addition takes four cycles, and two start in each."""
SUM_BYTES = 64
"""Bytes of the vectors in which sums along the lanes are accumulated on every processor. Narrower
registers hold a part of such a vector each."""
SHARE_UNIT = 64
"""Threads share the lane axis in multiples of this: whole cache lines of any dtype, and whole bytes
of booleans that are stored a bit each."""


def write_nest(frame: Frame, nest: Nest) -> None:
    """Write the loops of a nest at the end of the frame's function."""
    _NestWriter(frame, nest).write()


class _NestWriter(Body):
    """Writes the loops of a nest around its body."""

    def write(self) -> None:
        """Write all loops, with this thread's share of the work."""
        if not self.axes:
            self._numbers()
            return
        lane_axis = self.lane_axis = self.layout.vector_axis()
        self.load_ready()
        if self.nest.is_alone:
            with self.f.when(self.f.compare("eq", self.frame.thread, number(0, "i64"))):
                self._loops(lane_axis)
            return
        if self.nest.row_axis is None:
            self._split(lane_axis)
        self._loops(lane_axis)

    def _numbers(self) -> None:
        """A nest over no axis: its operands are single numbers."""
        f = self.f
        with f.when(f.compare("eq", self.frame.thread, number(0, "i64"))):
            self._store_results(self.body(Lanes(1), self._starts(1)))

    def _starts(self, width: int) -> list[Value]:
        """The values that the loops carry, before the first term: accumulators, then the guard."""
        pairs = zip(self.accumulators, self.nest.reductions, strict=True)
        sums = flat([accumulator.start(node, width) for accumulator, node in pairs])
        return sums + [number(0, vector(guard.type, width)) for guard in self.guards[:1]]

    def _store_results(self, sums: list[Value]) -> None:
        """Join the lanes of each reduction and store the result; note the guard."""
        if self.guards:
            *sums, guard = sums
            self._note_guard(guard)
        groups = split(self.accumulators, sums)
        for operand, accumulator, values in zip(
            self.operands.results, self.accumulators, groups, strict=True
        ):
            self.f.store(joined_lanes(self.f, accumulator, values), operand.pointer)

    def _split(self, lane_axis: int) -> None:
        """Limit the largest kept axis to this thread's share."""
        kept = [i for i, axis in enumerate(self.axes) if not axis.reduced]
        largest = max(kept, key=lambda i: (self.axes[i].size.power, self.axes[i].size.factor))
        axis = self.axes[largest]
        axis.start, axis.stop = self.frame.share(
            axis.stop, SHARE_UNIT if largest == lane_axis else 1
        )

    def _loops(self, lane_axis: int) -> None:
        order = [i for i, axis in enumerate(self.axes) if not axis.reduced and i != lane_axis]
        inner = [i for i, axis in enumerate(self.axes) if axis.reduced and i != lane_axis]
        if self.axes[lane_axis].reduced:
            self._kept(order, lambda: self._reduced_lanes(inner, lane_axis))
        else:
            self._kept(order, lambda: self._kept_lanes(lane_axis, inner))

    def _kept(self, order: Sequence[int], then: Any) -> None:
        if not order:
            then()
            return
        first, *rest = order
        axis = self.axes[first]
        with self.f.loop(axis.start, axis.stop) as loop, self.at(first, loop.index):
            self._kept(rest, then)

    def _width(self, axis: Axis) -> int:
        """Lanes of the vectors along an axis; a vector may take several registers.

        Where lanes are added up, their number decides the order of the sum and so its bits:
        there it is the same on every processor.
        """
        if axis.reduced:
            width = self.layout.lanes(SUM_BYTES)
            return width * self._in_parallel(axis.size, width, 2)
        width = self.layout.lanes(self.f.module.vector_bytes)
        return width * self._in_parallel(axis.size, width, UNROLL)

    def _in_parallel(self, size: Size, width: int, most: int) -> int:
        """How many vectors are summed in parallel: several if there are few and light sums."""
        sums = len(self.nest.reductions) + bool(self.guards)
        if not sums or len(self.nest.nodes) > UNROLL or not size.is_known:
            return 1
        vectors = max(1, min(most // sums, size.factor // width))
        return 1 << vectors.bit_length() - 1

    def _chunks(self, lane_axis: int) -> Iterator[tuple[Lanes, Index, Index]]:
        """(lanes, start, stop) along the lane axis: whole vectors, then the remainder."""
        axis, f = self.axes[lane_axis], self.f
        is_strided = any(
            operand.strides[lane_axis] not in (ONE, Size(0))
            for operand in self.operands.in_memory()
        )
        if is_strided:
            yield Lanes(1), axis.start, axis.stop
            return
        width = self._width(axis)
        if isinstance(axis.start, int) and isinstance(axis.stop, int):
            yield from known_chunks(axis.start, axis.stop, width)
            return
        if axis.size.factor % width == 0:  # for any number of rows, and any share of them
            yield Lanes(width), axis.start, axis.stop
            return
        count = f.minus(axis.stop, axis.start)
        main = f.plus(axis.start, f.rounded_down(count, width))
        yield Lanes(width), axis.start, main
        if self.layout.is_bytes:  # few processors have masked loads of bytes
            yield Lanes(1), main, axis.stop
            return
        yield Lanes(width, f.minus(axis.stop, main)), main, axis.stop

    def _kept_lanes(self, lane_axis: int, inner: Sequence[int]) -> None:
        for lanes, start, stop in self._chunks(lane_axis):
            if self.guards:
                self._guarded_lanes(lane_axis, inner, lanes, start, stop)
            elif lanes.is_dynamic:
                with self.f.when(self.f.compare("slt", self.f.index(start), self.f.index(stop))):
                    lanes.make_mask(self.f)
                    self._vectors(lane_axis, lanes, start, inner)
            elif lanes.count is not None or (
                isinstance(start, int) and stop == start + lanes.width
            ):
                self._vectors(lane_axis, lanes, start, inner)
            else:
                with self.f.loop(start, stop, lanes.width) as loop:
                    self._vectors(lane_axis, lanes, loop.index, inner)

    def _guarded_lanes(
        self, lane_axis: int, inner: Sequence[int], lanes: Lanes, start: Index, stop: Index
    ) -> None:
        """As `_kept_lanes`, while a guard watches what is stored."""
        f = self.f
        lanes.make_mask(f)
        type = vector(self.guards[0].type, lanes.width)
        with f.loop(start, stop, lanes.width, [number(0, type)]) as loop:
            self.guard = loop.values[0]
            self._vectors(lane_axis, lanes, loop.index, inner)
            loop.carry(self.guard)
        self._note_guard(loop.results[0])

    def _note_guard(self, guard: Value) -> None:
        """Add a guard to this thread's guard so far."""
        f = self.f
        total = f.convert(joined_lanes(f, SUM, (guard,)), "double")
        slot = f.at(self.frame.entry(GUARD), f.times(self.frame.thread, 8), "double")
        f.store(f.add(f.load("double", slot), total), slot)

    def _vectors(self, lane_axis: int, lanes: Lanes, index: Index, inner: Sequence[int]) -> None:
        """Run one vector of a kept axis through the reduced loops, and store its results."""
        with self.at(lane_axis, self.f.index(index)):
            first = self._starts(lanes.width)
            if self.guards:
                first[-1] = self.guard
            sums = self._accumulate(list(inner), lanes, first)
            if self.guards:
                *sums, self.guard = sums
            for operand, values in zip(
                self.operands.results, split(self.accumulators, sums), strict=True
            ):
                is_dense = operand.strides[lane_axis] == ONE
                store_lanes(self.f, lanes, values[-1], operand.pointer, is_dense)

    def _accumulate(self, inner: list[int], lanes: Lanes, carried: list[Value]) -> list[Value]:
        """The reduced loops, which carry the accumulators."""
        if not inner:
            return self.body(lanes, carried)
        first, *rest = inner
        axis = self.axes[first]
        with self.f.loop(axis.start, axis.stop, 1, carried) as loop:
            with self.at(first, loop.index):
                after = self._accumulate(rest, lanes, loop.values)
            loop.carry(*after)
        return loop.results

    def _reduced_lanes(self, inner: Sequence[int], lane_axis: int) -> None:
        """Reduce vector by vector along the lane axis, then join the lanes."""
        width = next((lanes.width for lanes, *_ in self._chunks(lane_axis)), 1)
        self._store_results(self._along(list(inner), lane_axis, self._starts(width)))

    def _along(self, inner: list[int], lane_axis: int, carried: list[Value]) -> list[Value]:
        if inner:
            first, *rest = inner
            axis = self.axes[first]
            with self.f.loop(axis.start, axis.stop, 1, carried) as loop:
                with self.at(first, loop.index):
                    after = self._along(rest, lane_axis, loop.values)
                loop.carry(*after)
            return loop.results
        for lanes, start, stop in self._chunks(lane_axis):
            if lanes.count is None:
                width = lanes.width
                with (
                    self.f.loop(start, stop, width, carried) as loop,
                    self.at(lane_axis, loop.index),
                ):
                    loop.carry(*self.body(lanes, loop.values))
                carried = loop.results
            else:
                # the remainder: an iteration without lanes changes nothing
                lanes.make_mask(self.f)
                with self.at(lane_axis, self.f.index(start)):
                    carried = self.body(lanes, carried)
        return carried
