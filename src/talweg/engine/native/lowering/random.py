"""The gate that draws random numbers."""

from __future__ import annotations

from collections.abc import Sequence

from talweg import gates
from talweg.engine.native.ir.node import Axes, Element, Lowering, MapForm, Node
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, number, type_of, vector, width_of
from talweg.gates.random import BITS, MULTIPLIERS, SHIFTS, STREAM


def _uniform(element: Element, node: Node, values: Sequence[Value]) -> Value:
    """Numbers from [0, 1) for the positions of the elements, by a key, as the gate defines them."""
    f, (key,), positions = element.f, values, element.position()
    width, type = width_of(positions.type), type_of(node.dtype)
    key_bits = f.convert(f.extract(key, 0) if width_of(key.type) > 1 else key, "i64")
    low, high = (f.convert(f.bits("lshr", key_bits, number(n, "i64")), "i32") for n in (0, 32))
    offset = _word(node.settings["stream"].factor * STREAM, "i32")
    first = _mixed(f, f.add(low, offset))
    x = _mixed(f, f.bits("xor", positions, f.splat(first, width)))
    x = _mixed(f, f.add(x, f.splat(high, width)))
    bits = BITS[node.dtype.name]
    if bits < 32:
        drawn = f.convert(f.bits("lshr", x, _word(32 - bits, x.type)), type)
    else:  # conversions are signed
        wide = vector("i64", width)
        drawn = f.convert(f.emit(wide, f"zext {x} to {wide}"), type)
    return f.multiply(drawn, number(2.0**-bits, drawn.type))


def _mixed(f: Function, x: Value) -> Value:
    """The mixing function of the gate: 32 bits, each of which depends on all bits of x."""
    x = f.bits("xor", x, f.bits("lshr", x, _word(SHIFTS[0], x.type)))
    for multiplier, shift in zip(MULTIPLIERS, SHIFTS[1:], strict=True):
        x = f.multiply(x, _word(multiplier, x.type))
        x = f.bits("xor", x, f.bits("lshr", x, _word(shift, x.type)))
    return x


def _word(value: int, type: str) -> Value:
    """A constant of 32 bits, written as a signed number."""
    value &= 0xFFFFFFFF
    return number(value - (value >> 31 << 32), type)


def _leading_row_axis(node: Node, axes: Axes) -> int | None:
    """Each number depends on its own position alone."""
    return 0 if node.has_leading_row_axis else None


LOWERINGS = {
    gates.uniform: Lowering(
        MapForm(_uniform, positional=True, may_wait=False, reads_bits=False), _leading_row_axis
    )
}
