"""One element of a nest, or one vector of them: load, compute, store, accumulate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from talweg.engine.native.emit.accumulators import Values, flat, masked, split
from talweg.engine.native.emit.bitpack import load_bits, store_bits
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import Lanes, load_lanes, register_type, store_lanes
from talweg.engine.native.emit.nest_axes import Operand, Walk
from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Index, Value, element, number, type_of, vector
from talweg.engine.native.lowering import MapForm, accumulator_of, form_of
from talweg.engine.native.plan.kernel import Nest
from talweg.engine.native.plan.symbolic_shapes import ONE, Node, Size


class Body:
    """The innermost body of a nest, and where its operands stand in the loops around it.

    `across` is the axis of the vector lanes. `guard` is the sum of 0 times what has been stored
    under guard: 0, or NaN.
    """

    def __init__(self, frame: Frame, nest: Nest) -> None:
        self.frame, self.f, self.nest = frame, frame.f, nest
        walk = self.walk = Walk(frame, nest)
        self.places, self.axes, self.guards = walk.places, walk.axes, walk.guards
        self.accumulators = [accumulator_of(node) for node in nest.reductions]
        self.across: int | None = None
        self.indices: dict[int, Value] = {}
        self.guard: Value
        self.remaining = set(range(len(self.axes)))  # the axes whose loops are still to come

    def at(self, axis: int, index: Value) -> _Step:
        return _Step(self, axis, index)

    def load_ready(self) -> list[Operand]:
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

    def body(self, lanes: Lanes, carried: list[Value]) -> list[Value]:
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


class _Element:
    """What a map may ask for while its code is written; see `lowering.record.Element`."""

    def __init__(self, body: Body, node: Node, lanes: Lanes) -> None:
        self.f, self._body, self._node, self._lanes = body.f, body, node, lanes

    def index(self) -> Value:
        return self._body.index(self._lanes)

    def position(self) -> Value:
        return self._body.position(self._node, self._lanes)


class _Step:
    """While entered, all operands stand at one index of one axis."""

    def __init__(self, body: Body, axis: int, index: Value) -> None:
        self.body, self.axis, self.index = body, axis, index

    def __enter__(self) -> None:
        body = self.body
        self.before = [(each, each.pointer) for each in body.places.all()]
        moved: dict[Size, Index] = {}
        for each in body.places.all():
            stride = each.strides[self.axis]
            if stride.factor and not each.bits:
                if stride not in moved:
                    moved[stride] = body.f.times(self.index, body.frame.size(stride))
                each.pointer = body.f.at(each.pointer, moved[stride], each.type)
        body.indices[self.axis] = self.index
        body.remaining.remove(self.axis)
        self.loaded = body.load_ready()

    def __exit__(self, *_: object) -> None:
        for each, pointer in self.before:
            each.pointer = pointer
        for each in self.loaded:
            each.value = None
        del self.body.indices[self.axis]
        self.body.remaining.add(self.axis)


def _in_memory(f: Function, value: Value) -> Value:
    return f.convert(value, "i8") if value.type.endswith(("i1", "i1>")) else value
