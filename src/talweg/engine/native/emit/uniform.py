"""Random numbers in LLVM IR, as the gate `uniform` defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Value, lanes, number, type_of, vector
from talweg.gates.random import BITS, MULTIPLIERS, SHIFTS, STREAM


def uniform(f: Function, key: Value, places: Value, stream: int, dtype: np.dtype[Any]) -> Value:
    """Numbers from [0, 1) for places of 32 bits, by a key of type double in any lane."""
    width, type = lanes(places.type), type_of(dtype)
    whole = f.convert(f.extract(key, 0) if lanes(key.type) > 1 else key, "i64")
    low, high = (f.convert(f.bits("lshr", whole, number(n, "i64")), "i32") for n in (0, 32))
    first = _mixed(f, f.add(low, _word(stream * STREAM, "i32")))
    x = _mixed(f, f.bits("xor", places, f.splat(first, width)))
    x = _mixed(f, f.add(x, f.splat(high, width)))
    bits = BITS[dtype.name]
    if bits < 32:
        drawn = f.convert(f.bits("lshr", x, _word(32 - bits, x.type)), type)
    else:  # conversions are signed
        wide = vector("i64", width)
        drawn = f.convert(f.emit(wide, f"zext {x} to {wide}"), type)
    return f.multiply(drawn, number(2.0**-bits, drawn.type))


def _mixed(f: Function, x: Value) -> Value:
    x = f.bits("xor", x, f.bits("lshr", x, _word(SHIFTS[0], x.type)))
    for multiplier, shift in zip(MULTIPLIERS, SHIFTS[1:], strict=True):
        x = f.multiply(x, _word(multiplier, x.type))
        x = f.bits("xor", x, f.bits("lshr", x, _word(shift, x.type)))
    return x


def _word(value: int, type: str) -> Value:
    """A constant of 32 bits."""
    value &= 0xFFFFFFFF
    return number(value - (value >> 31 << 32), type)
