"""A nest of loops in LLVM IR: elementwise gates and reductions, vectorised along one axis.

The axis that most operands hold side by side takes the vector lanes. Kept axes are the outer loops,
reduced ones the inner; what does not change in an inner loop is loaded outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from talweg.engine.native.control import GUARD
from talweg.engine.native.emit.accumulators import SUM, flat, joined_lanes, split
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import (
    Lanes,
    known_chunks,
    store_lanes,
)
from talweg.engine.native.emit.nest_body import Body
from talweg.engine.native.llvm.values import Index, Value, number, vector
from talweg.engine.native.plan.kernel import Nest
from talweg.engine.native.plan.symbolic_shapes import ONE, Size

UNROLL = 4
"""Vectors that are summed side by side: an addition takes four cycles, and two start in each."""


def write_nest(frame: Frame, nest: Nest) -> None:
    """Write the loops of a nest at the end of the frame's function."""
    _Loops(frame, nest).write()


class _Loops(Body):
    """The loops around the body."""

    def write(self) -> None:
        if not self.axes:
            self._alone()
            return
        across = self.across = self.walk.vector_axis()
        self.load_ready()
        if self.nest.is_alone:
            with self.f.when(self.f.compare("eq", self.frame.thread, number(0, "i64"))):
                self._loops(across)
            return
        if self.nest.row_axis is None:
            self._split(across)
        self._loops(across)

    def _alone(self) -> None:
        """A nest of single numbers."""
        f = self.f
        with f.when(f.compare("eq", self.frame.thread, number(0, "i64"))):
            self._store_results(self.body(Lanes(1), self._starts(1)))

    def _starts(self, width: int) -> list[Value]:
        """What is carried before the first term: the sums, and last the guard, if there is one."""
        pairs = zip(self.accumulators, self.nest.reductions, strict=True)
        sums = flat([accumulator.start(node, width) for accumulator, node in pairs])
        return sums + [number(0, vector(each.type, width)) for each in self.guards[:1]]

    def _store_results(self, sums: list[Value]) -> None:
        """Store what is left of each reduction once its lanes are joined, and note the guard."""
        if self.guards:
            *sums, guard = sums
            self._note_guard(guard)
        groups = split(self.accumulators, sums)
        for operand, accumulator, values in zip(
            self.places.results, self.accumulators, groups, strict=True
        ):
            self.f.store(joined_lanes(self.f, accumulator, values), operand.pointer)

    def _split(self, across: int) -> None:
        """Give this thread its part of the largest kept axis."""
        kept = [i for i, axis in enumerate(self.axes) if not axis.reduced]
        largest = max(kept, key=lambda i: (self.axes[i].size.power, self.axes[i].size.factor))
        axis = self.axes[largest]
        axis.start, axis.stop = self.frame.share(axis.stop, 64 if largest == across else 1)

    def _loops(self, across: int) -> None:
        order = [i for i, axis in enumerate(self.axes) if not axis.reduced and i != across]
        inner = [i for i, axis in enumerate(self.axes) if axis.reduced and i != across]
        if self.axes[across].reduced:
            self._kept(order, lambda: self._reduced_across(inner, across))
        else:
            self._kept(order, lambda: self._kept_across(across, inner))

    def _kept(self, order: Sequence[int], then: Any) -> None:
        if not order:
            then()
            return
        first, *rest = order
        axis = self.axes[first]
        with self.f.loop(axis.start, axis.stop) as loop, self.at(first, loop.index):
            self._kept(rest, then)

    def _unroll(self, across: int) -> int:
        """Registers that a vector takes: several for few light sums, so that they overlap."""
        size = self.axes[across].size
        is_long = size.is_known and size.factor >= UNROLL * self.walk.lanes()
        sums = len(self.nest.reductions) + bool(self.guards)
        is_light = len(self.nest.nodes) <= UNROLL
        return max(1, UNROLL // sums) if sums and is_long and is_light else 1

    def _chunks(self, across: int) -> Iterator[tuple[Lanes, Index, Index]]:
        """(lanes, start, stop) of the vector axis: whole vectors, then what is left."""
        axis, f = self.axes[across], self.f
        strided = any(
            each.strides[across] not in (ONE, Size(0)) for each in self.places.in_memory()
        )
        if strided:
            yield Lanes(1), axis.start, axis.stop
            return
        width = self.walk.lanes() * self._unroll(across)
        if isinstance(axis.start, int) and isinstance(axis.stop, int):
            yield from known_chunks(axis.start, axis.stop, width)
            return
        if axis.size.factor % width == 0:  # whatever the rows, and however they are shared out
            yield Lanes(width), axis.start, axis.stop
            return
        count = f.minus(axis.stop, axis.start)
        main = f.plus(axis.start, f.rounded_down(count, width))
        yield Lanes(width), axis.start, main
        if self.walk.is_bytes:  # of which few processors load some alone
            yield Lanes(1), main, axis.stop
            return
        yield Lanes(width, f.minus(axis.stop, main)), main, axis.stop

    def _kept_across(self, across: int, inner: Sequence[int]) -> None:
        for lanes, start, stop in self._chunks(across):
            if self.guards:
                self._guarded_across(across, inner, lanes, start, stop)
            elif lanes.is_dynamic:
                with self.f.when(self.f.compare("slt", self.f.index(start), self.f.index(stop))):
                    lanes.make_mask(self.f)
                    self._vectors(across, lanes, start, inner)
            elif lanes.count is not None or (
                isinstance(start, int) and stop == start + lanes.width
            ):
                self._vectors(across, lanes, start, inner)
            else:
                with self.f.loop(start, stop, lanes.width) as loop:
                    self._vectors(across, lanes, loop.index, inner)

    def _guarded_across(
        self, across: int, inner: Sequence[int], lanes: Lanes, start: Index, stop: Index
    ) -> None:
        """As `_kept_across`, with the sum of 0 times all that is stored under guard: 0, or NaN."""
        f = self.f
        lanes.make_mask(f)
        type = vector(self.guards[0].type, lanes.width)
        with f.loop(start, stop, lanes.width, [number(0, type)]) as loop:
            self.guard = loop.values[0]
            self._vectors(across, lanes, loop.index, inner)
            loop.carry(self.guard)
        self._note_guard(loop.results[0])

    def _note_guard(self, guard: Value) -> None:
        """Add a guard to what this thread has found so far."""
        f = self.f
        total = f.convert(joined_lanes(f, SUM, (guard,)), "double")
        slot = f.at(self.frame.entry(GUARD), f.times(self.frame.thread, 8), "double")
        f.store(f.add(f.load("double", slot), total), slot)

    def _vectors(self, across: int, lanes: Lanes, index: Index, inner: Sequence[int]) -> None:
        """One vector of a kept axis: through the reduced loops, and its results stored."""
        with self.at(across, self.f.index(index)):
            first = self._starts(lanes.width)
            if self.guards:
                first[-1] = self.guard
            sums = self._accumulate(list(inner), lanes, first)
            if self.guards:
                *sums, self.guard = sums
            for operand, values in zip(
                self.places.results, split(self.accumulators, sums), strict=True
            ):
                is_dense = operand.strides[across] == ONE
                store_lanes(self.f, lanes, values[-1], operand.pointer, is_dense)

    def _accumulate(self, inner: list[int], lanes: Lanes, carried: list[Value]) -> list[Value]:
        """Run through the reduced loops, carrying the accumulators."""
        if not inner:
            return self.body(lanes, carried)
        first, *rest = inner
        axis = self.axes[first]
        with self.f.loop(axis.start, axis.stop, 1, carried) as loop:
            with self.at(first, loop.index):
                after = self._accumulate(rest, lanes, loop.values)
            loop.carry(*after)
        return loop.results

    def _reduced_across(self, inner: Sequence[int], across: int) -> None:
        """Reduce along the lanes themselves, then the lanes."""
        width = next((lanes.width for lanes, *_ in self._chunks(across)), 1)
        self._store_results(self._along(list(inner), across, self._starts(width)))

    def _along(self, inner: list[int], across: int, carried: list[Value]) -> list[Value]:
        if inner:
            first, *rest = inner
            axis = self.axes[first]
            with self.f.loop(axis.start, axis.stop, 1, carried) as loop:
                with self.at(first, loop.index):
                    after = self._along(rest, across, loop.values)
                loop.carry(*after)
            return loop.results
        for lanes, start, stop in self._chunks(across):
            if lanes.count is None:
                width = lanes.width
                with (
                    self.f.loop(start, stop, width, carried) as loop,
                    self.at(across, loop.index),
                ):
                    loop.carry(*self.body(lanes, loop.values))
                carried = loop.results
            else:
                # what is left: a round of no lanes changes nothing
                lanes.make_mask(self.f)
                with self.at(across, self.f.index(start)):
                    carried = self.body(lanes, carried)
        return carried
