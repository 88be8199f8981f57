"""Accumulators: how a reduction in a nest of loops starts, takes a term, and joins its lanes.

An accumulator carries one value (a sum, a maximum) or two (argmax: the largest value and its
index); the last of them is the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from talweg.engine.native.emit.lanes import Lanes
from talweg.engine.native.ir.node import Accumulator, ContractionForm, Node, ReductionForm, Values
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import (
    FLOATS,
    Value,
    element,
    number,
    type_of,
    vector,
    width_of,
)


class Sum(Accumulator):
    """A sum of terms, or of products of two terms by fused multiply-adds."""

    adds = True

    def start(self, node: Node, width: int) -> Values:
        return (number(0, vector(type_of(node.dtype), width)),)

    def take(
        self, f: Function, before: Values, terms: Values, index: Callable[[], Value]
    ) -> Values:
        if len(terms) == 2:
            return (f.fma(terms[0], terms[1], before[0]),)
        return self.join(f, before, terms)

    def join(self, f: Function, one: Values, other: Values) -> Values:
        return (f.add(one[0], other[0]),)


class Max(Accumulator):
    """The largest term, or NaN if a term is."""

    def start(self, node: Node, width: int) -> Values:
        return (_least(vector(type_of(node.dtype), width)),)

    def take(
        self, f: Function, before: Values, terms: Values, index: Callable[[], Value]
    ) -> Values:
        return self.join(f, before, terms)

    def join(self, f: Function, one: Values, other: Values) -> Values:
        return (greatest(f, one[0], other[0]),)


class Argmax(Accumulator):
    """The largest term and its index. NaN counts as largest; of equal terms the first wins."""

    count = 2
    needs_index = True

    def start(self, node: Node, width: int) -> Values:
        source = vector(type_of(node.inputs[0].dtype), width)
        return _least(source), number(0, vector("i64", width))

    def take(
        self, f: Function, before: Values, terms: Values, index: Callable[[], Value]
    ) -> Values:
        return self.join(f, before, (terms[0], index()))

    def join(self, f: Function, one: Values, other: Values) -> Values:
        (x, i), (y, j) = one, other
        if element(x.type) in FLOATS:
            x_nan, y_nan = f.compare("uno", x, x), f.compare("uno", y, y)
            greater = f.bits("or", f.compare("ogt", y, x), y_nan)
            greater = f.bits("and", greater, f.bits("xor", x_nan, number(True, x_nan.type)))
            equal = f.bits("or", f.compare("oeq", y, x), f.bits("and", x_nan, y_nan))
        else:
            greater, equal = f.compare("sgt", y, x), f.compare("eq", y, x)
        earlier = f.compare("slt", j, i)
        takes = f.bits("or", greater, f.bits("and", equal, earlier))
        return f.select(takes, y, x), f.select(takes, j, i)


SUM, MAX, ARGMAX = Sum(), Max(), Argmax()


def accumulator_of(node: Node) -> Accumulator:
    """The accumulator of a node that is reduced or contracted; a contraction sums."""
    if isinstance(node.form, ContractionForm):
        return SUM
    assert isinstance(node.form, ReductionForm), node
    return node.form.accumulator


def masked(f: Function, lanes: Lanes, after: Values, before: Values) -> Values:
    """The values after a term in the lanes that count, those before it in the others."""
    if lanes.mask is None or width_of(before[0].type) == 1:
        return after
    return tuple(f.select(lanes.mask, x, y) for x, y in zip(after, before, strict=True))


def flat(groups: Sequence[Values]) -> list[Value]:
    """The values of all accumulators as one list."""
    return [value for values in groups for value in values]


def split(accumulators: Sequence[Accumulator], values: Sequence[Value]) -> list[Values]:
    """The flat list of values, by accumulator."""
    groups, rest = [], list(values)
    for accumulator in accumulators:
        groups.append(tuple(rest[: accumulator.count]))
        rest = rest[accumulator.count :]
    return groups


def joined_lanes(f: Function, accumulator: Accumulator, values: Values) -> Value:
    """The result over all lanes: halves are joined until one lane is left."""
    width = width_of(values[0].type)
    while width > 1:
        width //= 2
        low, high = list(range(width)), list(range(width, 2 * width))
        lower = tuple(_half(f, value, low) for value in values)
        upper = tuple(_half(f, value, high) for value in values)
        values = accumulator.join(f, lower, upper)
    return values[-1]


def greatest(f: Function, x: Value, y: Value) -> Value:
    """The larger of two; NaN if either is."""
    if element(x.type) not in FLOATS:
        return f.select(f.compare("sgt", x, y), x, y)
    # "unordered or greater" takes a NaN on the left; one on the right is not less than anything
    larger = f.select(f.compare("ogt", x, y), x, y)
    return f.select(f.compare("uno", x, x), x, larger)


def _least(type: str) -> Value:
    """A value that no element is below."""
    of = element(type)
    if of in FLOATS:
        return number(float("-inf"), type)
    return number({"i64": -(2**63), "i32": -(2**31), "i8": 0, "i1": 0}[of], type)


def _half(f: Function, value: Value, order: list[int]) -> Value:
    return f.extract(value, order[0]) if len(order) == 1 else f.shuffle(value, value, order)
