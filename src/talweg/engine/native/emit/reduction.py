"""Accumulators of a nest: how each reduction starts, takes a term, and ends.

A reduction carries one value (a sum, a maximum, the sum of products of a matmul) or two (argmax:
the place, and the value there).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from talweg.engine.native.emit.lanes import Lanes
from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import (
    FLOATS,
    Value,
    lanes as lanes_of,
    number,
    type_of,
    vector,
)
from talweg.engine.native.plan.symbolic_shapes import Node


def _name(node: Node) -> str:
    assert node.gate is not None
    return node.gate.name


def _least(type: str) -> Value:
    """What no element is below."""
    of = type.split()[-1].rstrip(">")
    if of in FLOATS:
        return number(float("-inf"), type)
    return number({"i64": -(2**63), "i32": -(2**31), "i8": 0, "i1": 0}[of], type)


def sources(node: Node, beside: Sequence[Node]) -> Sequence[Node]:
    """What a reduction takes: of a sum of products that nothing else needs, their factors."""
    (source,) = node.inputs
    is_product = source in beside and _name(source) == "multiply" and source.users == [node]
    return source.inputs if is_product and _name(node) == "reduce_sum" else node.inputs


def start(f: Function, node: Node, width: int) -> tuple[Value, ...]:
    """The accumulators before the first term."""
    if _name(node) == "argmax":
        source = vector(type_of(node.inputs[0].dtype), width)
        return _least(source), number(0, vector("i64", width))
    type = vector(type_of(node.dtype), width)
    return (_least(type) if _name(node) == "reduce_max" else number(0, type),)


def flat(pairs: Sequence[tuple[Value, ...]]) -> list[Value]:
    return [value for pair in pairs for value in pair]


def paired(nodes: Sequence[Node], values: Sequence[Value]) -> list[tuple[Value, ...]]:
    """The flat list of accumulators, by reduction."""
    found, rest = [], list(values)
    for node in nodes:
        count = 2 if _name(node) == "argmax" else 1
        found.append(tuple(rest[:count]))
        rest = rest[count:]
    return found


def step(
    f: Function,
    node: Node,
    before: tuple[Value, ...],
    terms: Sequence[Value],
    lanes: Lanes,
    place: Callable[[], Value],
) -> tuple[Value, ...]:
    """The accumulators after one more term; lanes that do not count stay as they were."""
    if _name(node) == "argmax":
        after = _better(f, before, (terms[0], place()))
    elif len(terms) == 2:  # a product that is added up
        after = (f.fma(terms[0], terms[1], before[0]),)
    else:
        after = (_joined(f, node, before[0], terms[0]),)
    if lanes.mask is None or lanes_of(before[0].type) == 1:
        return after
    return tuple(f.select(lanes.mask, x, y) for x, y in zip(after, before, strict=True))


def _joined(f: Function, node: Node, x: Value, y: Value) -> Value:
    if _name(node) != "reduce_max":
        return f.add(x, y)
    return greatest(f, x, y)


def greatest(f: Function, x: Value, y: Value) -> Value:
    """The larger of two; NaN where either is."""
    if x.type.split()[-1].rstrip(">") not in FLOATS:
        return f.select(f.compare("sgt", x, y), x, y)
    # "unordered or greater" takes a NaN on the left; one on the right is not less than anything
    larger = f.select(f.compare("ogt", x, y), x, y)
    return f.select(f.compare("uno", x, x), x, larger)


def _better(f: Function, x: tuple[Value, ...], y: tuple[Value, ...]) -> tuple[Value, ...]:
    """The larger value with its place; NaN counts as largest, and of equals the first wins."""
    if x[0].type.split()[-1].rstrip(">") in FLOATS:
        x_nan, y_nan = f.compare("uno", x[0], x[0]), f.compare("uno", y[0], y[0])
        greater = f.bits("or", f.compare("ogt", y[0], x[0]), y_nan)
        greater = f.bits("and", greater, f.bits("xor", x_nan, number(True, x_nan.type)))
        equal = f.bits("or", f.compare("oeq", y[0], x[0]), f.bits("and", x_nan, y_nan))
    else:
        greater, equal = f.compare("sgt", y[0], x[0]), f.compare("eq", y[0], x[0])
    earlier = f.compare("slt", y[1], x[1])
    takes = f.bits("or", greater, f.bits("and", equal, earlier))
    return f.select(takes, y[0], x[0]), f.select(takes, y[1], x[1])


def across(f: Function, node: Node, values: tuple[Value, ...]) -> Value:
    """One number of the lanes: halves are joined until one is left."""
    width = lanes_of(values[0].type)
    while width > 1:
        width //= 2
        low, high = list(range(width)), list(range(width, 2 * width))
        lower = tuple(_half(f, each, low) for each in values)
        upper = tuple(_half(f, each, high) for each in values)
        if _name(node) == "argmax":
            values = _better(f, lower, upper)
        else:
            values = (_joined(f, node, lower[0], upper[0]),)
    return values[-1]


def across_sum(f: Function, value: Value) -> Value:
    """The sum of the lanes."""
    width = lanes_of(value.type)
    while width > 1:
        width //= 2
        low, high = list(range(width)), list(range(width, 2 * width))
        value = f.add(_half(f, value, low), _half(f, value, high))
    return value


def _half(f: Function, value: Value, order: list[int]) -> Value:
    return f.extract(value, order[0]) if len(order) == 1 else f.shuffle(value, value, order)
