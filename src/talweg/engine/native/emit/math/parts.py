"""What the mathematical functions are made of: floats as bits, polynomials, steps and scales.

Every part works on scalars and on vectors of any number of lanes, in `float` and `double`,
without branches and without table look-ups.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Value, element, lanes, number, vector


class Format(NamedTuple):
    """How a float lies in memory: whole numbers of its width, bits of fraction, exponent bias."""

    whole: str
    digits: int
    bias: int


FORMATS = {"float": Format("i32", 23, 127), "double": Format("i64", 52, 1023)}

Coefficients = dict[str, tuple[float, ...]]
"""Numbers for each type of element; a polynomial begins with its constant."""

LN2: Coefficients = {
    "float": (0.6931472, -1.9046542e-09),
    "double": (0.6931471805599453, 2.3190468138462996e-17),
}
"""ln 2 as a sum, each part rounded to the type."""

Body = Callable[..., Value]


def once(body: Body) -> Body:
    """The same function, written once for each type as a `noinline` function, and called."""

    @functools.wraps(body)
    def call(f: Function, *inputs: Value) -> Value:
        type = inputs[0].type
        name = f"{body.__name__}.{lanes(type)}.{element(type)}"
        if name not in f.module.functions:
            parameters = [(each.type, f"x{i}") for i, each in enumerate(inputs)]
            rare = f.module.long_steps and lanes(type) == 1
            own = f.module.function(name, parameters, type, inline=False, rare=rare)
            own.give(body(own, *own.parameters))
        return f.call(name, type, *inputs)

    return call


def format_of(x: Value) -> Format:
    return FORMATS[element(x.type)]


def constant(x: Value, value: float) -> Value:
    """A number of the type of x."""
    return number(value, x.type)


# Floats as bits -----------------------------------------------------------------------------------


def whole_constant(x: Value, value: int) -> Value:
    """A whole number of the width of x."""
    return number(value, vector(format_of(x).whole, lanes(x.type)))


def bits_of(f: Function, x: Value) -> Value:
    """The floats as whole numbers of their width, bit for bit."""
    return f.bitcast(x, vector(format_of(x).whole, lanes(x.type)))


def from_bits(f: Function, whole: Value, like: Value) -> Value:
    """Whole numbers as the floats of these bits."""
    return f.bitcast(whole, like.type)


def bits_of_number(x: Value, value: float) -> int:
    """The bits of a constant of the type of x."""
    if element(x.type) == "float":
        return int(np.float32(value).view(np.int32))
    return int(np.float64(value).view(np.int64))


def sign_bits(f: Function, x: Value) -> Value:
    """The highest bit of each float alone, as whole numbers."""
    return f.bits("and", bits_of(f, x), whole_constant(x, bits_of_number(x, -0.0)))


def with_sign_of(f: Function, y: Value, x: Value) -> Value:
    """y >= 0 with the sign of x; also a y that has it already."""
    return from_bits(f, f.bits("or", bits_of(f, y), sign_bits(f, x)), x)


# Arithmetic ---------------------------------------------------------------------------------------


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule, if long as even and odd part side by side.

    Two chains cost one instruction more, and are worth it from 8 coefficients on: exp in double
    (12) took 0.82, log in double (20) 0.77, log in float (8) 0.89 of the time of one chain.
    """
    if len(coefficients) < 8:
        return _horner(f, x, coefficients)
    square = f.multiply(x, x)
    odd = _horner(f, square, coefficients[1::2])
    return f.fma(odd, x, _horner(f, square, coefficients[::2]))


def _horner(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    sum = constant(x, coefficients[-1])
    for each in reversed(coefficients[:-1]):
        sum = f.fma(sum, x, constant(x, each))
    return sum


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
    """n = rate x rounded to a whole number, as a float; and n + offset in the low bits of bits.

    A sum beyond 2^digits has no room behind the binary point, so adding 1.5 2^digits rounds.
    """
    magic = constant(x, 1.5 * 2 ** format_of(x).digits + offset)
    shifted = f.fma(x, constant(x, rate), magic)
    return f.subtract(shifted, magic), bits_of(f, shifted)


def reduced(f: Function, x: Value, step: Sequence[float], offset: int) -> tuple[Value, Value]:
    """x = n step + r with |r| <= step/2: r, and n + offset in the low bits of bits.

    The step is a sum of constants, largest first.
    """
    n, whole = rounded(f, x, 1 / sum(step), offset)
    for part in step:
        x = f.fma(n, constant(x, -part), x)
    return x, whole


def power_of_two(f: Function, exponent: Value, like: Value) -> Value:
    """2^n of whole numbers n + bias; bits above those of an exponent do not matter."""
    digits = whole_constant(like, format_of(like).digits)
    return from_bits(f, f.bits("shl", exponent, digits), like)


def scaled(f: Function, x: Value, exponent: Value) -> Value:
    """x 2^n of whole numbers n + 2 bias, in two halves: 2^n may lie outside the normal range."""
    half = f.bits("lshr", exponent, whole_constant(x, 1))
    rest = f.subtract(exponent, half)
    return f.multiply(f.multiply(x, power_of_two(f, half, x)), power_of_two(f, rest, x))


# x = 2^k (1 + g) with start <= 1 + g < 2 start ----------------------------------------------------


def exponent_as_float(f: Function, whole: Value, like: Value) -> Value:
    """The signed number in the bits above the fraction.

    Written into the last digits of 2^digits, its sign bit flipped, it reads as
    2^digits + 2 (bias + 1) + number: there is no conversion of 64 bits in AVX2.
    """
    form = format_of(like)
    weight = 2 * (form.bias + 1)
    moved = f.bits("lshr", whole, whole_constant(like, form.digits))
    magic = whole_constant(like, bits_of_number(like, 2**form.digits) | weight)
    value = from_bits(f, f.bits("xor", moved, magic), like)
    return f.subtract(value, constant(like, 2**form.digits + weight))


def fraction_and_exponent(f: Function, x: Value, start: float) -> tuple[Value, Value]:
    """g and -k, also of a denormal x, which is first made normal by 2^digits."""
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
