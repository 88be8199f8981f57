"""A nest of loops in LLVM IR: elementwise gates and reductions, vectorised along one axis.

The axis that most operands hold side by side takes the vector lanes. Kept axes are the outer loops,
reduced ones the inner; what does not change in an inner loop is loaded outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from talweg.engine.native.emit.accumulators import SUM, Values, flat, joined_lanes, masked, split
from talweg.engine.native.emit.bitpack import load_bits, store_bits
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import (
    Lanes,
    known_chunks,
    load_lanes,
    register_type,
    store_lanes,
)
from talweg.engine.native.emit.nest_axes import Operand, Walk
from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Index, Value, element, number, type_of, vector
from talweg.engine.native.lowering import MapForm, accumulator_of, form_of
from talweg.engine.native.plan.kernel import Nest
from talweg.engine.native.plan.symbolic_shapes import ONE, Node, Size
from talweg.engine.native.runtime.control import GUARD

UNROLL = 4
"""Vectors that are summed side by side: an addition takes four cycles, and two start in each."""


def write_nest(frame: Frame, nest: Nest) -> None:
    """Write the loops of a nest at the end of the frame's function."""
    _Writer(frame, nest).write()


class _Writer:
    def __init__(self, frame: Frame, nest: Nest) -> None:
        self.frame, self.f, self.nest = frame, frame.f, nest
        walk = self.walk = Walk(frame, nest)
        self.places, self.axes, self.guards = walk.places, walk.axes, walk.guards
        self.accumulators = [accumulator_of(node) for node in nest.reductions]
        self.across: int | None = None
        self.indices: dict[int, Value] = {}
        self.guard: Value
        self.remaining = set(range(len(self.axes)))

    # Loops --------------------------------------------------------------------------------------

    def write(self) -> None:
        if not self.axes:
            self._alone()
            return
        across = self.across = self.walk.vector_axis()
        self._load_ready()
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
            self._store_results(self._body(Lanes(1), self._starts(1)))

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
        with self.f.loop(axis.start, axis.stop) as loop, self._step(first, loop.index):
            self._kept(rest, then)

    def _step(self, axis: int, index: Value) -> _Step:
        return _Step(self, axis, index)

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

    def _watch_stores(self, stored: Sequence[Value], lanes: Lanes) -> None:
        """Add 0 times the stored values to the guard, where their lanes count."""
        f, total = self.f, None
        for value in stored:
            nothing, zero = number(0, value.type), number(0, self.guard.type)
            term = value if lanes.mask is None else f.select(lanes.mask, value, nothing)
            term = f.convert(term, element(zero.type))
            total = f.fma(term, zero, total) if total else f.multiply(term, zero)
        if total:  # one addition from round to round, so that rounds overlap
            self.guard = f.add(self.guard, total)

    def _vectors(self, across: int, lanes: Lanes, index: Index, inner: Sequence[int]) -> None:
        """One vector of a kept axis: through the reduced loops, and its results stored."""
        with self._step(across, self.f.index(index)):
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
            return self._body(lanes, carried)
        first, *rest = inner
        axis = self.axes[first]
        with self.f.loop(axis.start, axis.stop, 1, carried) as loop:
            with self._step(first, loop.index):
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
                with self._step(first, loop.index):
                    after = self._along(rest, across, loop.values)
                loop.carry(*after)
            return loop.results
        for lanes, start, stop in self._chunks(across):
            if lanes.count is None:
                width = lanes.width
                with (
                    self.f.loop(start, stop, width, carried) as loop,
                    self._step(across, loop.index),
                ):
                    loop.carry(*self._body(lanes, loop.values))
                carried = loop.results
            else:
                # what is left: a round of no lanes changes nothing
                lanes.make_mask(self.f)
                with self._step(across, self.f.index(start)):
                    carried = self._body(lanes, carried)
        return carried

    # The innermost body -------------------------------------------------------------------------

    def _load_ready(self) -> list[Operand]:
        """Load the single numbers that no loop still to come moves."""
        if self._is_crowded():
            return []
        ready = [
            each
            for each in (*self.places.loads, *self.places.pair)
            if each.value is None and not (each.bits or self._is_side_by_side(each))
            if all(not each.strides[axis].factor for axis in self.remaining)
        ]
        for each in ready:
            each.value = self.f.load(each.type, each.pointer)
        return ready

    def _is_crowded(self) -> bool:
        """Whether numbers and sums leave no registers for the work: numbers are then loaded where
        they are used, since sums that go through memory take some 20 cycles a round.
        """
        numbers = sum(not self._is_side_by_side(each) for each in self.places.loads)
        sums = len(self.nest.reductions) + bool(self.guards)
        return numbers + sums > 12 * self.f.module.registers // 16

    def _body(self, lanes: Lanes, carried: list[Value]) -> list[Value]:
        """Compute the nodes in these lanes, store, and give the accumulators after them."""
        f, values = self.f, {}
        for each in self.places.loads:
            assert each.node is not None
            values[each.node] = self._loaded(each, lanes)
        for node in self.nest.nodes:
            arguments = [self._value(x, values, lanes) for x in node.inputs]
            values[node] = self._computed(node, arguments, lanes)
        watched: list[Value] = []
        for each in self.places.stores:
            value = (
                number(0, vector(each.type, lanes.width))
                if each.node is None
                else self._value(each.node, values, lanes)
            )
            if each.bits:
                store_bits(f, value, lanes.width, each.pointer, self._place())
                continue
            store_lanes(f, lanes, _in_memory(f, value), each.pointer, self._is_side_by_side(each))
            if each in self.guards:
                watched.append(value)
        if self.guards:
            *carried, self.guard = carried
            self._watch_stores(watched, lanes)
        groups = split(self.accumulators, carried)
        after = [
            self._taken(node, before, values, lanes)
            for node, before in zip(self.nest.reductions, groups, strict=True)
        ]
        return flat(after) + [self.guard for _ in self.guards[:1]]

    def _taken(self, node: Node, before: Values, values: dict[Node, Value], lanes: Lanes) -> Values:
        """The values of a reduction's accumulator after one more term."""
        if self.places.pair:
            terms = [self._loaded(operand, lanes) for operand in self.places.pair]
        else:
            terms = [self._value(source, values, lanes) for source in self._terms(node)]
        index = partial(self.index, lanes)
        after = accumulator_of(node).take(self.f, before, tuple(terms), index)
        return masked(self.f, lanes, after, before)

    def _terms(self, node: Node) -> Sequence[Node]:
        """What a reduction takes: of a sum of products that nothing else needs, their factors."""
        (source,) = node.inputs
        form = form_of(source)
        is_product = isinstance(form, MapForm) and form.is_product and source in self.nest.nodes
        is_fused = is_product and source.users == [node] and accumulator_of(node).adds
        return source.inputs if is_fused else node.inputs

    def _is_side_by_side(self, operand: Operand) -> bool:
        return self.across is not None and operand.strides[self.across] == ONE

    def _loaded(self, operand: Operand, lanes: Lanes) -> Value:
        if operand.bits:
            return load_bits(self.f, lanes.width, operand.pointer, self._place())
        if operand.value is not None:
            value = operand.value
        else:
            value = load_lanes(
                self.f, lanes, operand.type, operand.pointer, self._is_side_by_side(operand)
            )
        if operand.node is not None and operand.node.dtype == np.bool_:
            value = self.f.compare("ne", value, number(0, value.type))
        return self.f.splat(value, lanes.width)

    def _place(self) -> Value:
        """Where the lanes begin, of the one axis that a flat array has."""
        return number(0, "i64") if self.across is None else self.indices[self.across]

    def _value(self, node: Node, values: dict[Node, Value], lanes: Lanes) -> Value:
        if node in values:
            return values[node]
        type = vector(register_type(node.dtype), lanes.width)
        if node.power:
            return self.f.splat(self._of_rows(node), lanes.width)
        return number(node.source.array.item() if node.number is None else node.number, type)

    def _of_rows(self, node: Node) -> Value:
        """A number that holds the rows: a factor times N, or over N."""
        type = type_of(node.dtype)
        rows = self.f.convert(self.frame.rows, type)
        factor = number(node.number or 0.0, type)
        return self.f.multiply(factor, rows) if node.power > 0 else self.f.divide(factor, rows)

    def _computed(self, node: Node, arguments: list[Value], lanes: Lanes) -> Value:
        form = form_of(node)
        assert isinstance(form, MapForm)
        return form.write(_Element(self, node, lanes), node, arguments)

    def position(self, node: Node, lanes: Lanes) -> Value:
        """The positions of a node's elements, as words of 32 bits."""
        f = self.f
        operand = next(each for each in self.places.positional if each.node is node)
        first = f.emit("i64", f"ptrtoint {operand.pointer} to i64")
        place = f.splat(f.convert(first, "i32"), lanes.width)
        if lanes.width == 1 or self.across is None:
            return place
        step = f.convert(f.index(self.frame.size(operand.strides[self.across])), "i32")
        steps = f.multiply(f.count_up(place.type), f.splat(step, lanes.width))
        return f.add(place, steps)

    def index(self, lanes: Lanes) -> Value:
        """The index along the axis that is asked for, of each lane."""
        axis = next(i for i, each in enumerate(self.axes) if each.is_index)
        type = vector("i64", lanes.width)
        spread = self.f.splat(self.indices[axis], lanes.width)
        return self.f.add(spread, self.f.count_up(type)) if self.across == axis else spread


class _Element:
    """What a map may ask for while its code is written; see `lowering.record.Element`."""

    def __init__(self, writer: _Writer, node: Node, lanes: Lanes) -> None:
        self.f, self._writer, self._node, self._lanes = writer.f, writer, node, lanes

    def index(self) -> Value:
        return self._writer.index(self._lanes)

    def position(self) -> Value:
        return self._writer.position(self._node, self._lanes)


class _Step:
    """While entered, all operands stand at one index of one axis."""

    def __init__(self, writer: _Writer, axis: int, index: Value) -> None:
        self.writer, self.axis, self.index = writer, axis, index

    def __enter__(self) -> None:
        writer = self.writer
        self.before = [(each, each.pointer) for each in writer.places.all()]
        moved: dict[Size, Index] = {}
        for each in writer.places.all():
            stride = each.strides[self.axis]
            if stride.factor and not each.bits:
                if stride not in moved:
                    moved[stride] = writer.f.times(self.index, writer.frame.size(stride))
                each.pointer = writer.f.at(each.pointer, moved[stride], each.type)
        writer.indices[self.axis] = self.index
        writer.remaining.remove(self.axis)
        self.loaded = writer._load_ready()

    def __exit__(self, *_: object) -> None:
        for each, pointer in self.before:
            each.pointer = pointer
        for each in self.loaded:
            each.value = None
        del self.writer.indices[self.axis]
        self.writer.remaining.add(self.axis)


def _in_memory(f: Function, value: Value) -> Value:
    return f.convert(value, "i8") if value.type.endswith(("i1", "i1>")) else value
