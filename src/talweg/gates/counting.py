"""Gates that count, in one byte per weight, how often each weight changes its direction.

One byte per weight keeps the memory traffic of a step low.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.gates.elementwise import elementwise
from talweg.gates.namespace import function
from talweg.gates.record import Gate, Spec

# Named functions, not lambdas, since pickling a graph with these gates pickles their rules.


def _count_change_value(x: Any, y: Any) -> Any:
    return x + ((x & 1) ^ y)


def _count_change(f: Any, x: Any, y: Any) -> Any:
    return f.add(x, f.convert(f.bits("xor", f.truncate(x, "i1"), y), "i8"))


def _widen_count_value(x: Any, y: Any, z: Any) -> Any:
    return x + z * ((y - x) & 255)


def _widen_count(f: Any, x: Any, y: Any, z: Any) -> Any:
    return f.add(x, f.multiply(z, f.convert(f.subtract(y, f.convert(x, "i8")), "i32")))


def _byte_difference(f: Any, x: Any, y: Any) -> Any:
    return f.subtract(x, y)


def _first(x: Spec, *_: Spec) -> Spec:
    return x


def _gate(name: str, formula: str, value: Any, native: Any, inputs: int) -> Gate:
    none = (None,) * inputs
    how: dict[str, Any] = {"backward": none, "slopes": ("0",) * inputs, "operations": 3}
    return elementwise(name, formula, value, shape=_first, native=native, **how)


count_change = _gate("count_change", "x + (y xor x is odd)", _count_change_value, _count_change, 2)
"""Add 1 to a count x, a byte that wraps around, if the boolean y differs from its lowest bit."""

widen_count = _gate("widen_count", "x + z ((y - x) mod 256)", _widen_count_value, _widen_count, 3)
"""Advance a count x to the next number whose last byte is y; each unit adds z."""

byte_difference = _gate(
    "byte_difference", "(x - y) mod 256", function("subtract", np.subtract), _byte_difference, 2
)
"""How far a count in bytes has advanced from y to x."""
