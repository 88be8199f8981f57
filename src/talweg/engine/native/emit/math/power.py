"""x^y as straight-line vector code: 2^(y log2(x)), with log2(x) to twice the digits."""

from __future__ import annotations

import math

from talweg.engine.native.emit.math.primitives import (
    Coefficients,
    bits_of,
    clamp,
    constant,
    format_of,
    fraction_and_exponent,
    from_bits,
    once,
    polynomial,
    rounded,
    scaled,
    sign_bits,
    whole_constant,
)
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, element, number

Pair = tuple[Value, Value]
"""A number as an unevaluated sum, the second part small (Dekker, Numer. Math. 18, 1971)."""

_LOG2_FIRST: Coefficients = {
    "float": (2.88539, 3.851926e-08),
    "double": (2.8853900817779268, 4.0710547481862066e-17),
}
"""2/ln(2) as a sum."""
_LOG2_THIRD: Coefficients = {
    "float": (0.9617967, -7.028462e-09),
    "double": (0.9617966939259756, 5.0577616648125907e-17),
}
"""2/(3 ln(2)) as a sum."""
_LOG2_REST: Coefficients = {
    # (2 atanh(s)/ln(2) - both terms above)/s^5 in s^2, |s| <= 0.1716: degree 2, error 8.5e-12
    "float": (0.5770802, 0.41184995, 0.33781978),
    # degree 6, 1.1e-20
    "double": (
        0.5770780163556177,
        0.41219858309204077,
        0.32059890225634763,
        0.2623077025778279,
        0.22198393291733934,
        0.19125662973625396,
        0.1903721310019269,
    ),
}
_EXP2: Coefficients = {
    # 2^r, |r| <= 1/2: degree 6, 0.04 units in the last place
    "float": (1.0, 0.6931472, 0.24022646, 0.055503596, 0.009618653, 0.0013390988, 0.00015291655),
    # degree 11, 0.03 units
    "double": (
        1.0,
        0.6931471805599454,
        0.2402265069591011,
        0.05550410866481584,
        0.009618129107602028,
        0.001333355814753031,
        0.00015403530447834627,
        1.5252732914174105e-05,
        1.3215439554290246e-06,
        1.0178400977304289e-07,
        7.073103640580522e-09,
        4.4086085414355813e-10,
    ),
}
_LIMIT = {"float": 160.0, "double": 1100.0}
"""2^limit overflows and 2^-limit is 0."""


def _sum(f: Function, larger: Value, smaller: Value) -> Pair:
    """The rounded sum and its rounding error, for |larger| >= |smaller|."""
    total = f.add(larger, smaller)
    return total, f.add(f.subtract(larger, total), smaller)


def _product(f: Function, x: Value, y: Value) -> Pair:
    total = f.multiply(x, y)
    return total, f.fma(x, y, f.negative(total))


def _ratio(f: Function, g: Value) -> Pair:
    """s = g/(2 + g), with 1 + g = (1 + s)/(1 - s)."""
    below, lost = _sum(f, constant(g, 2), g)
    inverse = f.divide(constant(g, 1), below)
    s = f.multiply(g, inverse)
    minus = f.negative(s)
    left = f.fma(minus, lost, f.fma(minus, below, g))
    return s, f.multiply(left, inverse)


def _log2(f: Function, a: Value) -> Pair:
    """log2(a) = k + (2 s + 2/3 s^3 + ...)/ln 2 for a normal or denormal a > 0."""
    of = element(a.type)
    g, minus_k = fraction_and_exponent(f, a, math.sqrt(0.5))
    s, s_low = _ratio(f, g)
    z, z_low = _product(f, s, s)
    z_low = f.fma(f.add(s, s), s_low, z_low)
    first, first_low = (constant(a, part) for part in _LOG2_FIRST[of])
    third, third_low = (constant(a, part) for part in _LOG2_THIRD[of])
    cubic, cubic_low = _product(f, z, third)
    cubic_low = f.fma(z, third_low, f.fma(z_low, third, cubic_low))
    rest = f.fma(f.multiply(z, z), polynomial(f, z, _LOG2_REST[of]), cubic_low)
    factor, factor_low = _sum(f, first, cubic)
    factor_low = f.add(factor_low, f.add(rest, first_low))
    log, log_low = _product(f, s, factor)
    log_low = f.fma(s, factor_low, f.fma(s_low, factor, log_low))
    high, low = _sum(f, f.negative(minus_k), log)
    return high, f.add(low, log_low)


def _exp2(f: Function, high: Value, low: Value) -> Value:
    """2^(high + low), for |high| up to the limit."""
    n, exponent = rounded(f, f.add(high, low), 1, 2 * format_of(high).bias)
    r = f.add(f.subtract(high, n), low)
    return scaled(f, polynomial(f, r, _EXP2[element(high.type)]), exponent)


def _power_of_magnitude(f: Function, a: Value, y: Value) -> Value:
    """a^y for a >= 0; the caller handles y = 0."""
    high, low = _log2(f, a)
    infinity = constant(a, math.inf)
    high = f.select(f.compare("olt", a, infinity), high, a)
    high = f.select(f.compare("oeq", a, constant(a, 0)), f.negative(infinity), high)
    # finite, so that 1^infinity becomes 2^0
    y = clamp(f, y, -(2.0 ** format_of(y).bias), 2.0 ** format_of(y).bias)
    product, lost = _product(f, y, high)
    lost = f.fma(y, low, lost)
    limit = _LIMIT[element(a.type)]
    within = clamp(f, product, -limit, limit)
    lost = f.select(f.compare("oeq", within, product), lost, constant(a, 0))
    return _exp2(f, within, lost)


def _odd_sign(f: Function, x: Value, y: Value, whole: Value) -> Value:
    """The sign bit of x where y is an odd integer."""
    half = f.multiply(y, constant(y, 0.5))
    uneven = f.compare("une", f.intrinsic("trunc", half), half)
    odd = f.bits("and", uneven, whole)
    return f.select(odd, sign_bits(f, x), whole_constant(x, 0))


@once
def power(f: Function, x: Value, y: Value) -> Value:
    """x^y; NaN for x < 0 and y no integer; x^0 = 1^y = 1 (IEEE 754, 9.2.1)."""
    zero, one = constant(x, 0), constant(x, 1)
    a = f.intrinsic("fabs", x)
    whole = f.compare("oeq", f.intrinsic("trunc", y), y)
    result = _power_of_magnitude(f, a, y)
    signs = _odd_sign(f, x, y, whole)
    result = from_bits(f, f.bits("xor", bits_of(f, result), signs), x)
    below = f.bits("and", f.compare("olt", x, zero), f.compare("olt", a, constant(x, math.inf)))
    broken = f.bits("and", below, f.bits("xor", whole, number(True, whole.type)))
    result = f.select(broken, constant(x, math.nan), result)
    certain = f.bits("or", f.compare("oeq", x, one), f.compare("oeq", y, zero))
    return f.select(certain, one, result)
