"""Sine and cosine as straight-line vector code."""

from __future__ import annotations

from talweg.engine.native.emit.math.primitives import (
    Coefficients,
    bits_of,
    constant,
    format_of,
    from_bits,
    once,
    polynomial,
    reduced,
    sign_bits,
    whole_constant,
)
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, element, number, width_of

_HALF_PI: Coefficients = {
    "float": (1.5707964, -4.371139e-08, -1.7151245e-15),
    "double": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
"""pi/2 as a sum of parts, each rounded to the type (Cody and Waite, Software Manual, 1980)."""

_SIN: Coefficients = {
    # (sin(r)/r - 1)/r^2 in r^2, |r| <= pi/4: degree 2, relative error of sin(r): 4.0e-9
    "float": (-0.16666655, 0.008332187, -0.00019517896),
    # degree 5, 3.8e-18
    "double": (
        -0.1666666666666663,
        0.00833333333332184,
        -0.00019841269829359062,
        2.7557313538977146e-06,
        -2.505073451667191e-08,
        1.589544451727183e-10,
    ),
}
_COS: Coefficients = {
    # (cos(r) - 1 + r^2/2)/r^4 in r^2, |r| <= pi/4: degree 2, relative error of cos(r): 1.2e-10
    "float": (0.041666646, -0.001388731, 2.4432327e-05),
    # degree 5, 5.8e-20
    "double": (
        0.041666666666666595,
        -0.0013888888888873307,
        2.4801587288965027e-05,
        -2.755731420294321e-07,
        2.0875703110006685e-09,
        -1.1358614925250806e-11,
    ),
}
_LARGE = {"float": 2.0**16, "double": 2.0**24}
"""Above this the remainder modulo pi/2 would lose digits."""


def _sin_near_0(f: Function, r: Value, square: Value) -> Value:
    cube = f.multiply(square, r)
    return f.fma(cube, polynomial(f, square, _SIN[element(r.type)]), r)


def _cos_near_0(f: Function, r: Value, square: Value) -> Value:
    start = f.fma(square, constant(r, -0.5), constant(r, 1))
    tail = polynomial(f, square, _COS[element(r.type)])
    return f.fma(f.multiply(square, square), tail, start)


def _quarters(f: Function, a: Value, turn: int) -> tuple[Value, Value]:
    """|sin(a + turn pi/2)| for a >= 0, and its sign as the highest bit of an integer."""
    r, n = reduced(f, a, _HALF_PI[element(a.type)], turn)
    square = f.multiply(r, r)
    bit = f.bits("and", n, whole_constant(a, 1))
    odd = f.compare("ne", bit, whole_constant(a, 0))
    y = f.select(odd, _cos_near_0(f, r, square), _sin_near_0(f, r, square))
    width = int(format_of(a).whole[1:])
    high = f.bits("shl", f.bits("and", n, whole_constant(a, 2)), whole_constant(a, width - 2))
    return y, high


def _or_from_libm(f: Function, name: str, x: Value, y: Value) -> Value:
    """y; where |x| is too large for it, the C library's result, in double and lane by lane."""
    large = f.compare("ogt", f.intrinsic("fabs", x), constant(x, _LARGE[element(x.type)]))
    room, before = f.stack(element(x.type), width_of(x.type)), f.label
    f.branch(_any(f, large), "large", "done")
    f.open("large")
    # only these lanes: a result must not depend on its neighbors
    exact, after = f.select(large, _lane_by_lane(f, name, x, room), y), f.label
    f.jump("done")
    f.open("done")
    return f.emit(x.type, f"phi {x.type} [ {y.name}, %{before} ], [ {exact.name}, %{after} ]")


def _any(f: Function, condition: Value) -> Value:
    count = width_of(condition.type)
    if count == 1:
        return condition
    whole = f.bitcast(condition, f"i{count}")
    return f.compare("ne", whole, number(0, whole.type))


def _lane_by_lane(f: Function, name: str, x: Value, room: Value) -> Value:
    of = element(x.type)
    f.store(x, room)
    with f.loop(0, width_of(x.type)) as loop:
        address = f.at(room, loop.index, of)
        exact = f.intrinsic(name, f.convert(f.load(of, address), "double"))
        f.store(f.convert(exact, of), address)
    return f.load(x.type, room)


@once
def sin(f: Function, x: Value) -> Value:
    y, high = _quarters(f, f.intrinsic("fabs", x), 0)
    high = f.bits("xor", high, sign_bits(f, x))
    return _or_from_libm(f, "sin", x, from_bits(f, f.bits("xor", bits_of(f, y), high), x))


@once
def cos(f: Function, x: Value) -> Value:
    y, high = _quarters(f, f.intrinsic("fabs", x), 1)
    return _or_from_libm(f, "cos", x, from_bits(f, f.bits("xor", bits_of(f, y), high), x))
