"""Mathematical functions as straight-line vector code.

Each takes the LLVM function being written and inputs that are scalars or vectors of `float` or
`double`. Results are within 2 units in the last place in float and 4 in double. NaN, infinities,
signed zeros and denormals follow IEEE 754, as in NumPy. Polynomials are minimax fits; a comment
gives the interval and the largest error of each.
"""

from __future__ import annotations

import math

from talweg.engine.native.emit.math.power import power
from talweg.engine.native.emit.math.primitives import (
    LN2,
    Body,
    Coefficients,
    at_least,
    at_most,
    bits_of,
    bits_of_number,
    clamp,
    constant,
    exponent_as_float,
    format_of,
    fraction_and_exponent,
    from_bits,
    once,
    polynomial,
    power_of_two,
    reduced,
    rounded,
    scaled,
    whole_constant,
    with_sign_of,
)
from talweg.engine.native.emit.math.trigonometry import cos, sin
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, element

# Exact ------------------------------------------------------------------------------------------


def absolute(f: Function, x: Value) -> Value:
    return f.intrinsic("fabs", x)


def sqrt(f: Function, x: Value) -> Value:
    return f.intrinsic("sqrt", x)


def sign(f: Function, x: Value) -> Value:
    """-1, 0 or 1; NaN stays NaN and -0 becomes 0."""
    zero, ones = constant(x, 0), f.intrinsic("copysign", constant(x, 1), x)
    zero_or_nan = f.multiply(f.intrinsic("fabs", x), zero)
    return f.select(f.compare("one", x, zero), ones, zero_or_nan)


def maximum(f: Function, x: Value, y: Value) -> Value:
    """The larger of two; NaN if either is NaN."""
    larger = f.select(f.compare("ogt", x, y), x, y)
    return f.select(f.compare("uno", x, x), x, larger)


def minimum(f: Function, x: Value, y: Value) -> Value:
    """The smaller of two; NaN if either is NaN."""
    smaller = f.select(f.compare("olt", x, y), x, y)
    return f.select(f.compare("uno", x, x), x, smaller)


def relu(f: Function, x: Value) -> Value:
    """max(x, 0); NaN stays NaN."""
    return at_least(f, x, 0)


# Exponential ------------------------------------------------------------------------------------

_EXPM1: Coefficients = {
    # (exp(r) - 1 - r)/r^2, |r| <= ln(2)/2: degree 4, relative error of exp(r) - 1: 1.4e-8
    "float": (0.49999997, 0.16666546, 0.04166744, 0.008366259, 0.0013870215),
    # degree 9, 1.9e-17
    "double": (
        0.5000000000000006,
        0.1666666666666665,
        0.04166666666657627,
        0.00833333333336036,
        0.0013888888931393756,
        0.00019841269769755026,
        2.4801505601936642e-05,
        2.755736985556383e-06,
        2.7625892978709133e-07,
        2.506394613023206e-08,
    ),
}
# below them exp(x) is 0 and exp(x) - 1 is -1; above them exp(x) is infinite and sigmoid(x) is 1
_EXP_RANGE = {"float": (-104.0, 89.0), "double": (-746.0, 710.0)}
_EXPM1_RANGE = {"float": (-18.0, 89.0), "double": (-38.0, 710.0)}
_SIGMOID_RANGE = {"float": (-104.0, 18.0), "double": (-746.0, 38.0)}
_TANH: Coefficients = {
    # (tanh(r)/r - 1)/r^2 in r^2, |r| <= 0.265: degree 2, relative error of tanh(r): 4.6e-9
    "float": (-0.33333203, 0.13321964, -0.05113298),
    # degree 6, 1.0e-17
    "double": (
        -0.3333333333333215,
        0.13333333332901748,
        -0.05396825343601934,
        0.02186945738253994,
        -0.008862258157683628,
        0.003575201624490985,
        -0.0013022035670369205,
    ),
}
_TANH_LIMIT = {"float": 9.1, "double": 19.1}
"""tanh(x) is 1 from here on."""
_SIGMOID_SHIFT = {"float": 32, "double": 64}
"""Large enough to bring exp(-x) into the normal range for every x of the range above."""


def _exp_near_0(f: Function, r: Value) -> Value:
    return polynomial(f, r, (1.0, 1.0, *_EXPM1[element(r.type)]))


def _expm1_near_0(f: Function, r: Value) -> Value:
    return f.fma(f.multiply(r, r), polynomial(f, r, _EXPM1[element(r.type)]), r)


def exp(f: Function, x: Value) -> Value:
    """2^n exp(r) with x = n ln 2 + r."""
    of = element(x.type)
    x = clamp(f, x, *_EXP_RANGE[of])
    r, exponent = reduced(f, x, LN2[of], 2 * format_of(x).bias)
    return scaled(f, _exp_near_0(f, r), exponent)


def sigmoid(f: Function, x: Value) -> Value:
    """1/(1 + exp(-x)) as u/(u + u exp(-x)) with u = 2^-shift.

    The factor u keeps the sum finite until the result underflows to 0, so one division rounds
    denormal results too.
    """
    of, shift = element(x.type), _SIGMOID_SHIFT[element(x.type)]
    x = f.negative(clamp(f, x, *_SIGMOID_RANGE[of]))
    r, exponent = reduced(f, x, LN2[of], format_of(x).bias - shift)
    unit, scale = constant(x, 2.0**-shift), power_of_two(f, exponent, x)
    # add the terms of u exp(-x) = scale + scale (exp(r) - 1) with the largest last: it loses least
    return f.divide(unit, f.add(f.fma(_expm1_near_0(f, r), scale, unit), scale))


@once
def expm1(f: Function, x: Value) -> Value:
    """exp(x) - 1 = 2 (h (exp(r) - 1) + (h - 1/2)) with x = n ln 2 + r, h = 2^(n - 1)."""
    of = element(x.type)
    inside = clamp(f, x, *_EXPM1_RANGE[of])
    r, exponent = reduced(f, inside, LN2[of], format_of(x).bias - 1)
    half = power_of_two(f, exponent, x)
    y = f.fma(half, _expm1_near_0(f, r), f.subtract(half, constant(x, 0.5)))
    # the sign is already that of x, except for x = -0
    return with_sign_of(f, f.add(y, y), x)


def tanh(f: Function, x: Value) -> Value:
    """(2^n (1 + t) - (1 - t))/(2^n (1 + t) + (1 - t)) with |x| = n ln(2)/2 + r, t = tanh(r).

    For n = 0 this is t. n is rounded after subtracting a quarter step, so n = 0 up to |x| = 0.26,
    and for larger n the sums avoid the values just above powers of two, where they lose most.
    """
    of, step = element(x.type), LN2[element(x.type)][0] / 2
    a = at_most(f, f.intrinsic("fabs", x), _TANH_LIMIT[of])
    less = f.subtract(a, constant(x, step / 4))
    n, exponent = rounded(f, less, 1 / step, format_of(x).bias)
    # one part of the step is precise enough: for large n the result hardly depends on t
    r = f.fma(n, constant(x, -step), a)
    square, scale = f.multiply(r, r), power_of_two(f, exponent, x)
    t = f.fma(f.multiply(square, r), polynomial(f, square, _TANH[of]), r)
    one = constant(x, 1)
    above = f.fma(f.add(scale, one), t, f.subtract(scale, one))
    below = f.add(above, f.fma(t, constant(x, -2), constant(x, 2)))
    return with_sign_of(f, f.divide(above, below), x)


# Logarithm --------------------------------------------------------------------------------------

_LOG1P: Coefficients = {
    # (log(1 + g) - g)/g^2, 3/4 <= 1 + g <= 3/2: degree 7, relative error of log(1 + g): 2.8e-8
    "float": (
        -0.5000006,
        0.3333355,
        -0.24993497,
        0.19977114,
        -0.16822045,
        0.14982876,
        -0.120699264,
        0.05417411,
    ),
    # degree 18, 5.2e-17
    "double": (
        -0.5000000000000007,
        0.33333333333338366,
        -0.24999999999965564,
        0.19999999998328238,
        -0.1666666666954708,
        0.14285714475893962,
        -0.12500000132576924,
        0.1111110100855171,
        -0.09999975671358623,
        0.09091174963339158,
        -0.08334424669335255,
        0.0768943697296333,
        -0.07121140250838393,
        0.06657173293674566,
        -0.06429815733563221,
        0.06314795968573238,
        -0.054574753007478424,
        0.03253700697633758,
        -0.009243437685875173,
    ),
}
_LOG_START = 0.75


def _log1p_near_0(f: Function, g: Value) -> Value:
    """log(1 + g) for 3/4 <= 1 + g <= 3/2."""
    return f.fma(f.multiply(g, g), polynomial(f, g, _LOG1P[element(g.type)]), g)


def _log_of(f: Function, g: Value, minus_k: Value, x: Value) -> Value:
    """log(x) = k ln 2 + log(1 + g) if x is positive and finite; else -infinity, infinity or NaN."""
    # as -k (-ln 2), so that k = 0 adds -0 and log1p(-0) stays -0
    y = f.fma(minus_k, constant(x, -math.log(2)), _log1p_near_0(f, g))
    negative = f.compare("olt", x, constant(x, 0))
    outside = f.select(negative, constant(x, math.nan), constant(x, -math.inf))
    y = f.select(f.compare("ogt", x, constant(x, 0)), y, outside)
    return f.select(f.compare("olt", x, constant(x, math.inf)), y, x)


@once
def log(f: Function, x: Value) -> Value:
    """k ln 2 + log(1 + g) with x = 2^k (1 + g)."""
    g, minus_k = fraction_and_exponent(f, x, _LOG_START)
    return _log_of(f, g, minus_k, x)


@once
def log1p(f: Function, x: Value) -> Value:
    """k ln 2 + log(1 + g) with 1 + x = 2^k (1 + g), so g = 2^-k x + (2^-k - 1)."""
    u = f.add(x, constant(x, 1))
    base = bits_of_number(x, _LOG_START) + (1 << format_of(x).digits) - 1
    whole = f.subtract(whole_constant(x, base), bits_of(f, u))
    minus_k = f.bits("and", whole, whole_constant(x, -1 << format_of(x).digits))
    four = f.add(whole_constant(x, bits_of_number(x, 4)), minus_k)  # 4 2^-k is never denormal
    lost = f.fma(from_bits(f, four, x), constant(x, -0.25), constant(x, 1))
    g = f.subtract(from_bits(f, f.add(bits_of(f, x), minus_k), x), lost)
    return _log_of(f, g, exponent_as_float(f, whole, x), u)


@once
def softplus(f: Function, x: Value) -> Value:
    """log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|)."""
    e = exp(f, f.negative(absolute(f, x)))
    # log(1 + e) = ln 2 + log(1 + (e - 1)/2) for large e
    large = f.compare("ogt", e, constant(x, 2 * _LOG_START - 1))
    g = f.select(large, f.fma(e, constant(x, 0.5), constant(x, -0.5)), e)
    offset = f.select(large, constant(x, math.log(2)), constant(x, 0))
    return f.add(relu(f, x), f.add(offset, _log1p_near_0(f, g)))


# Error function ---------------------------------------------------------------------------------

_ERF_SMALL: Coefficients = {
    # erf(x)/x - 1 in x^2, |x| <= 0.9: degree 5, relative error of erf(x): 1.4e-8
    "float": (0.12837915, -0.37612504, 0.11281922, -0.026770493, 0.0049989605, -0.0006020821),
    # |x| <= 1: degree 11, 1.4e-17
    "double": (
        0.12837916709551256,
        -0.37612638903183343,
        0.11283791670936863,
        -0.026866170641930504,
        0.005223977596377449,
        -0.0008548325461753877,
        0.00012055279616357194,
        -1.492444512339029e-05,
        1.6443852544418274e-06,
        -1.6181364197485058e-07,
        1.3603850992640848e-08,
        -7.581080759115812e-10,
    ),
}
_ERF_LARGE: Coefficients = {
    # log(1 - erf(x)), 0.9 <= x <= 3.95: degree 6, relative error of erf(x): 1.7e-9
    "float": (
        -0.00016648669,
        -1.1277971,
        -0.6369762,
        -0.10411369,
        0.022315271,
        -0.0030655183,
        0.00019822385,
    ),
    # 1 <= x <= 5.95: degree 19, 1.0e-16
    "double": (
        -1.0993214261850653e-06,
        -1.1283686891661195,
        -0.6366662277909736,
        -0.10264544239265756,
        0.018888097879288624,
        0.0005411599620834604,
        -0.0020411792607527325,
        0.0008623613801464541,
        -0.0001866242433949575,
        1.8700911923500225e-06,
        1.5736130990816738e-05,
        -7.077642223863875e-06,
        1.9345786421244447e-06,
        -3.803711757007759e-07,
        5.590642744398373e-08,
        -6.137909672110586e-09,
        4.907667095136384e-10,
        -2.7059346376324238e-11,
        9.209823467198619e-13,
        -1.4590310344295255e-14,
    ),
}
_ERF_RANGE = {"float": (0.9, 3.95), "double": (1.0, 5.95)}
"""From the first number on erf(x) is 1 - exp(polynomial), from the second on it is 1."""


@once
def erf(f: Function, x: Value) -> Value:
    """x + x P(x^2) near 0; farther away 1 - exp(Q(|x|)) with the sign of x."""
    of, a = element(x.type), absolute(f, x)
    start, stop = _ERF_RANGE[of]
    small = f.fma(polynomial(f, f.multiply(x, x), _ERF_SMALL[of]), x, x)
    t = polynomial(f, at_most(f, a, stop), _ERF_LARGE[of])
    r, exponent = reduced(f, t, LN2[of][:1], format_of(x).bias)
    rest = f.multiply(_exp_near_0(f, r), power_of_two(f, exponent, x))
    large = with_sign_of(f, f.subtract(constant(x, 1), rest), x)
    return f.select(f.compare("olt", a, constant(x, start)), small, large)


FUNCTIONS: dict[str, Body] = {
    "absolute": absolute,
    "cos": cos,
    "erf": erf,
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "maximum": maximum,
    "minimum": minimum,
    "power": power,
    "relu": relu,
    "sigmoid": sigmoid,
    "sign": sign,
    "sin": sin,
    "softplus": softplus,
    "sqrt": sqrt,
    "tanh": tanh,
}
"""How each gate's function is written, by the name of the gate."""
