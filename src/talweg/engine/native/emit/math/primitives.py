"""Primitives of the mathematical functions: bits, polynomials, argument reduction, scaling.

All of them take scalars or vectors of any number of lanes, in `float` and `double`, and use neither
branches nor lookup tables.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, element, number, vector, width_of


class Format(NamedTuple):
    """The layout of a float: the integer type of its width, fraction bits, exponent bias."""

    whole: str
    digits: int
    bias: int


FORMATS = {"float": Format("i32", 23, 127), "double": Format("i64", 52, 1023)}

Coefficients = dict[str, tuple[float, ...]]
"""Coefficients by element type; those of a polynomial begin with the constant term."""

LN2: Coefficients = {
    "float": (0.6931472, -1.9046542e-09),
    "double": (0.6931471805599453, 2.3190468138462996e-17),
}
"""ln 2 as a sum of parts, each rounded to the type."""

Body = Callable[..., Value]


def once(body: Body) -> Body:
    """Write the function once for each type, as a `noinline` function, and call it."""

    @functools.wraps(body)
    def call(f: Function, *inputs: Value) -> Value:
        type = inputs[0].type
        name = f"{body.__name__}.{width_of(type)}.{element(type)}"
        if name not in f.module.functions:
            parameters = [(x.type, f"x{i}") for i, x in enumerate(inputs)]
            rare = f.module.optimizes_only_kernels and width_of(type) == 1
            own = f.module.function(name, parameters, type, inline=False, rare=rare)
            own.ret(body(own, *own.parameters))
        return f.call(name, type, *inputs)

    return call


def format_of(x: Value) -> Format:
    return FORMATS[element(x.type)]


def constant(x: Value, value: float) -> Value:
    """A constant of the type of x."""
    return number(value, x.type)


# Floats as bits -----------------------------------------------------------------------------------


def whole_constant(x: Value, value: int) -> Value:
    """An integer constant of the width of x."""
    return number(value, vector(format_of(x).whole, width_of(x.type)))


def bits_of(f: Function, x: Value) -> Value:
    """Reinterpret floats as integers of their width."""
    return f.bitcast(x, vector(format_of(x).whole, width_of(x.type)))


def from_bits(f: Function, whole: Value, like: Value) -> Value:
    """Reinterpret integers as floats."""
    return f.bitcast(whole, like.type)


def bits_of_number(x: Value, value: float) -> int:
    """The bits of a constant of the type of x, as an integer."""
    if element(x.type) == "float":
        return int(np.float32(value).view(np.int32))
    return int(np.float64(value).view(np.int64))


def sign_bits(f: Function, x: Value) -> Value:
    """The sign bit of each float, as integers."""
    return f.bits("and", bits_of(f, x), whole_constant(x, bits_of_number(x, -0.0)))


def with_sign_of(f: Function, y: Value, x: Value) -> Value:
    """y with the sign of x, where y >= 0 or y has that sign already."""
    return from_bits(f, f.bits("or", bits_of(f, y), sign_bits(f, x)), x)


# Arithmetic ---------------------------------------------------------------------------------------


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule; a long one as an even and an odd part in parallel.

    Two chains need one instruction more, and pay from 8 coefficients on: they took 0.82 of the time
    of one chain in exp in double (12 coefficients), 0.77 in log in double (20), 0.89 in log in
    float (8).
    """
    if len(coefficients) < 8:
        return _horner(f, x, coefficients)
    square = f.multiply(x, x)
    odd = _horner(f, square, coefficients[1::2])
    return f.fma(odd, x, _horner(f, square, coefficients[::2]))


def _horner(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    value = constant(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = f.fma(value, x, constant(x, coefficient))
    return value


def at_least(f: Function, x: Value, low: float) -> Value:
    """max(x, low); NaN stays NaN."""
    bound = constant(x, low)
    return f.select(f.compare("ogt", bound, x), bound, x)


def at_most(f: Function, x: Value, high: float) -> Value:
    """min(x, high); NaN stays NaN."""
    bound = constant(x, high)
    return f.select(f.compare("olt", bound, x), bound, x)


def clamp(f: Function, x: Value, low: float, high: float) -> Value:
    return at_most(f, at_least(f, x, low), high)


def rounded(f: Function, x: Value, rate: float, offset: int = 0) -> tuple[Value, Value]:
    """n = rate x rounded to an integer, as a float, and n + offset in the low bits of an integer.

    Floats beyond 2^digits have no fraction bits, so adding 1.5 2^digits rounds.
    """
    magic = constant(x, 1.5 * 2 ** format_of(x).digits + offset)
    shifted = f.fma(x, constant(x, rate), magic)
    return f.subtract(shifted, magic), bits_of(f, shifted)


def reduced(f: Function, x: Value, step: Sequence[float], offset: int) -> tuple[Value, Value]:
    """r with x = n step + r and |r| <= step/2, and n + offset in the low bits of an integer.

    `step` is a sum of constants, largest first.
    """
    n, whole = rounded(f, x, 1 / sum(step), offset)
    for part in step:
        x = f.fma(n, constant(x, -part), x)
    return x, whole


def power_of_two(f: Function, exponent: Value, like: Value) -> Value:
    """2^n, given n + bias as an integer; bits above those of an exponent do not matter."""
    digits = whole_constant(like, format_of(like).digits)
    return from_bits(f, f.bits("shl", exponent, digits), like)


def scaled(f: Function, x: Value, exponent: Value) -> Value:
    """x 2^n, given n + 2 bias, by two factors: 2^n itself may be outside the normal range."""
    half = f.bits("lshr", exponent, whole_constant(x, 1))
    rest = f.subtract(exponent, half)
    return f.multiply(f.multiply(x, power_of_two(f, half, x)), power_of_two(f, rest, x))


# x = 2^k (1 + g) with start <= 1 + g < 2 start ----------------------------------------------------


def exponent_as_float(f: Function, whole: Value, like: Value) -> Value:
    """The signed integer in the bits above the fraction, as a float.

    Placed in the last digits of 2^digits, with its sign bit flipped, it reads as
    2^digits + 2 (bias + 1) + integer: AVX2 cannot convert 64-bit integers.
    """
    form = format_of(like)
    weight = 2 * (form.bias + 1)
    moved = f.bits("lshr", whole, whole_constant(like, form.digits))
    magic = whole_constant(like, bits_of_number(like, 2**form.digits) | weight)
    value = from_bits(f, f.bits("xor", moved, magic), like)
    return f.subtract(value, constant(like, 2**form.digits + weight))


def fraction_and_exponent(f: Function, x: Value, start: float) -> tuple[Value, Value]:
    """g and -k; a denormal x is multiplied by 2^digits first, which makes it normal."""
    digits, one = format_of(x).digits, 1 << format_of(x).digits
    tiny = f.compare("olt", x, constant(x, 2.0 ** (1 - format_of(x).bias)))
    larger = f.select(tiny, f.multiply(x, constant(x, one)), x)
    first = bits_of_number(x, start)
    base = whole_constant(x, first + one - 1)
    base = f.select(tiny, whole_constant(x, first + (digits + 1) * one - 1), base)
    whole = f.subtract(base, bits_of(f, larger))
    fraction = f.bits(
        "and", f.bits("xor", whole, whole_constant(x, -1)), whole_constant(x, one - 1)
    )
    near_1 = from_bits(f, f.add(fraction, whole_constant(x, first)), x)
    return f.subtract(near_1, constant(x, 1)), exponent_as_float(f, whole, x)
