"""One element of a nest, or one vector of them: load, compute, store, accumulate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from talweg.engine.native.emit.accumulators import accumulator_of, flat, masked, split
from talweg.engine.native.emit.bitpack import load_bits, store_bits
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import Lanes, load_lanes, register_type, store_lanes
from talweg.engine.native.emit.nest_axes import NestLayout, Operand
from talweg.engine.native.ir.nest import Nest
from talweg.engine.native.ir.node import MapForm, Node, Values
from talweg.engine.native.ir.size import ONE, Size
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Index, Value, element, number, type_of, vector


class Body:
    """The innermost body of a nest, and the positions of its operands in the loops around it.

    `lane_axis` is the axis of the vector lanes. `guard` is 0 times the sum of what has been stored
    in guarded buffers: 0, or NaN once a number was not finite.
    """

    def __init__(self, frame: Frame, nest: Nest) -> None:
        self.frame, self.f, self.nest = frame, frame.f, nest
        layout = self.layout = NestLayout(frame, nest)
        self.operands, self.axes, self.guards = layout.operands, layout.axes, layout.guards
        self.accumulators = [accumulator_of(node) for node in nest.reductions]
        self.lane_axis: int | None = None
        self.indices: dict[int, Value] = {}
        self.guard: Value
        self.remaining = set(range(len(self.axes)))  # axes whose loops have not begun

    def at(self, axis: int, index: Value) -> _AtIndex:
        """While entered, the operands stand at one index of an axis."""
        return _AtIndex(self, axis, index)

    def load_ready(self) -> list[Operand]:
        """Load the single numbers that no remaining loop moves."""
        if self._is_crowded():
            return []
        ready = [
            operand
            for operand in (*self.operands.loads, *self.operands.pair)
            if operand.value is None and not (operand.bits or self._is_dense(operand))
            if all(not operand.strides[axis].factor for axis in self.remaining)
        ]
        for operand in ready:
            operand.value = self.f.load(operand.type, operand.pointer)
        return ready

    def _is_crowded(self) -> bool:
        """Whether numbers and sums leave no registers for the body. Numbers are then loaded where
        they are used, since sums that go through memory take some 20 cycles an iteration.
        """
        numbers = sum(not self._is_dense(operand) for operand in self.operands.loads)
        sums = len(self.nest.reductions) + bool(self.guards)
        return numbers + sums > 12 * self.f.module.registers // 16

    def body(self, lanes: Lanes, carried: list[Value]) -> list[Value]:
        """Load, compute and store in these lanes; returns the carried values after them."""
        values = self._computed(lanes)
        stored = self._store(values, lanes)
        if self.guards:
            *carried, self.guard = carried
            self._watch(stored, lanes)
        groups = split(self.accumulators, carried)
        after = [
            self._accumulated(node, before, values, lanes)
            for node, before in zip(self.nest.reductions, groups, strict=True)
        ]
        return flat(after) + [self.guard for _ in self.guards[:1]]

    def _computed(self, lanes: Lanes) -> dict[Node, Value]:
        """The values of the loads and of the elementwise nodes."""
        values: dict[Node, Value] = {}
        for operand in self.operands.loads:
            assert operand.node is not None
            values[operand.node] = self._load(operand, lanes)
        for node in self.nest.nodes:
            form = node.form
            assert isinstance(form, MapForm)
            arguments = [self._value(x, values, lanes) for x in node.inputs]
            values[node] = form.write(_Element(self, node, lanes), node, arguments)
        return values

    def _store(self, values: dict[Node, Value], lanes: Lanes) -> list[Value]:
        """Store the results; returns the values that are guarded."""
        f, guarded = self.f, []
        for operand in self.operands.stores:
            if operand.node is None:
                value = number(0, vector(operand.type, lanes.width))
            else:
                value = self._value(operand.node, values, lanes)
            if operand.bits:
                store_bits(f, value, lanes.width, operand.pointer, self._first_index())
                continue
            is_dense = self._is_dense(operand)
            store_lanes(f, lanes, _in_memory(f, value), operand.pointer, is_dense)
            if operand in self.guards:
                guarded.append(value)
        return guarded

    def _accumulated(
        self, node: Node, before: Values, values: dict[Node, Value], lanes: Lanes
    ) -> Values:
        """The values of a reduction's accumulator after one more term."""
        if self.operands.pair:
            terms = [self._load(operand, lanes) for operand in self.operands.pair]
        else:
            terms = [self._value(source, values, lanes) for source in self.nest.terms[node]]
        index = partial(self.index, lanes)
        after = accumulator_of(node).take(self.f, before, tuple(terms), index)
        return masked(self.f, lanes, after, before)

    def _is_dense(self, operand: Operand) -> bool:
        """Whether the lanes of an operand are contiguous."""
        return self.lane_axis is not None and operand.strides[self.lane_axis] == ONE

    def _load(self, operand: Operand, lanes: Lanes) -> Value:
        if operand.bits:
            return load_bits(self.f, lanes.width, operand.pointer, self._first_index())
        value = operand.value or load_lanes(
            self.f, lanes, operand.type, operand.pointer, self._is_dense(operand)
        )
        if operand.node is not None and operand.node.dtype == np.bool_:
            value = self.f.compare("ne", value, number(0, value.type))
        return self.f.splat(value, lanes.width)

    def _first_index(self) -> Value:
        """The index of the first lane, in an array of one axis."""
        return number(0, "i64") if self.lane_axis is None else self.indices[self.lane_axis]

    def _value(self, node: Node, values: dict[Node, Value], lanes: Lanes) -> Value:
        if node in values:
            return values[node]
        type = vector(register_type(node.dtype), lanes.width)
        if node.power:
            return self.f.splat(self._of_rows(node), lanes.width)
        return number(node.source.array.item() if node.value is None else node.value, type)

    def _of_rows(self, node: Node) -> Value:
        """A number that depends on the rows: a factor times N, or divided by N."""
        type = type_of(node.dtype)
        rows = self.f.convert(self.frame.rows, type)
        factor = number(node.value or 0.0, type)
        return self.f.multiply(factor, rows) if node.power > 0 else self.f.divide(factor, rows)

    def position(self, node: Node, lanes: Lanes) -> Value:
        """The positions of a node's elements in C order, as i32."""
        f = self.f
        operand = next(x for x in self.operands.positional if x.node is node)
        first = f.emit("i64", f"ptrtoint {operand.pointer} to i64")
        start = f.splat(f.convert(first, "i32"), lanes.width)
        if lanes.width == 1 or self.lane_axis is None:
            return start
        stride = f.convert(f.index(self.frame.size(operand.strides[self.lane_axis])), "i32")
        steps = f.multiply(f.iota(start.type), f.splat(stride, lanes.width))
        return f.add(start, steps)

    def index(self, lanes: Lanes) -> Value:
        """The index of each lane along the axis whose index a node needs."""
        axis = next(i for i, axis in enumerate(self.axes) if axis.is_index)
        type = vector("i64", lanes.width)
        spread = self.f.splat(self.indices[axis], lanes.width)
        return self.f.add(spread, self.f.iota(type)) if self.lane_axis == axis else spread

    def _watch(self, stored: Sequence[Value], lanes: Lanes) -> None:
        """Add 0 times the stored values to the guard, in the lanes that count."""
        f, total = self.f, None
        for value in stored:
            nothing, zero = number(0, value.type), number(0, self.guard.type)
            term = value if lanes.mask is None else f.select(lanes.mask, value, nothing)
            term = f.convert(term, element(zero.type))
            total = f.fma(term, zero, total) if total else f.multiply(term, zero)
        if total:  # one dependent addition an iteration, so that iterations overlap
            self.guard = f.add(self.guard, total)


class _Element:
    """What a map can ask for besides its inputs: an `ir.node.Element`."""

    def __init__(self, body: Body, node: Node, lanes: Lanes) -> None:
        self.f, self._body, self._node, self._lanes = body.f, body, node, lanes

    def index(self) -> Value:
        return self._body.index(self._lanes)

    def position(self) -> Value:
        return self._body.position(self._node, self._lanes)


class _AtIndex:
    """While entered, all operands stand at one index of one axis."""

    def __init__(self, body: Body, axis: int, index: Value) -> None:
        self.body, self.axis, self.index = body, axis, index

    def __enter__(self) -> None:
        body = self.body
        self.before = [(operand, operand.pointer) for operand in body.operands.all()]
        offsets: dict[Size, Index] = {}
        for operand in body.operands.all():
            stride = operand.strides[self.axis]
            if stride.factor and not operand.bits:
                if stride not in offsets:
                    offsets[stride] = body.f.times(self.index, body.frame.size(stride))
                operand.pointer = body.f.at(operand.pointer, offsets[stride], operand.type)
        body.indices[self.axis] = self.index
        body.remaining.remove(self.axis)
        self.loaded = body.load_ready()

    def __exit__(self, *_: object) -> None:
        for operand, pointer in self.before:
            operand.pointer = pointer
        for operand in self.loaded:
            operand.value = None
        del self.body.indices[self.axis]
        self.body.remaining.add(self.axis)


def _in_memory(f: Function, value: Value) -> Value:
    """A value as it is stored: booleans as bytes."""
    return f.convert(value, "i8") if value.type.endswith(("i1", "i1>")) else value
