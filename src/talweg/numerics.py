"""Functions whose results have the same bits on every processor and system, in float64.

NumPy chooses instructions for exp, log and matrix products by the processor, and the C library
differs between systems, so their last places differ. These functions use only what IEEE 754 rounds
exactly (+ - * / and square roots), products of matrices that are exact, and NumPy's sums, whose
order is fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LOG2_E = 1.44269504088896338700
_LN2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""Two parts of log 2; the product of the first with a whole number below 2^20 is exact."""
_EXP = (
    *(1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05),
    *(-1.65339022054652515390e-06, 4.13813679705723846039e-08),
)
_LOG = (
    *(6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01),
    *(2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01),
    1.479819860511658591e-01,
)
"""Minimax polynomials of fdlibm (Sun Microsystems 1993): exp and log err by less than one unit in
the last place."""
_SINE = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(9))
_SQRT_HALF = math.sqrt(0.5)
_FARTHEST = 800.0  # beyond which exp is 0 or infinite
_USUAL = 700.0  # up to which exp is neither 0 nor infinite
_FEW, _BLOCK = 8, 2**13  # numbers: one by one is faster up to 8
_FEW_ROWS = 16  # in which Gram-Schmidt is faster row by row
_DIGITS = 53
_PARTS = 3  # that have all digits of a number, except in sums of more than 100,000 products


# Elementary functions -----------------------------------------------------------------------------


def exp(x: Any) -> Floats:
    """e^x of numbers of any shape."""
    return _in_blocks(_exp, exp_of, np.asarray(x, np.float64))


def log(x: Any) -> Floats:
    """The natural logarithm of numbers of any shape."""
    x = np.asarray(x, np.float64)
    is_usual = (x > 0) & (x < np.inf)
    if is_usual.all():
        return _in_blocks(_log, log_of, x)
    others = np.log(np.where(is_usual, 1.0, x))  # infinite or NaN, with NumPy's warnings
    return np.where(is_usual, log(np.where(is_usual, x, 1.0)), others)


def exp_of(x: float) -> float:
    """e^x of one number up to 709, with the bits of `exp`."""
    if x < -_FARTHEST:
        return 0.0
    exponent = round(x * _LOG2_E)
    return math.ldexp(_exp_near_0(x, exponent), exponent)


def log_of(x: float) -> float:
    """The natural logarithm of one number above 0, with the bits of `log`."""
    fraction, exponent = math.frexp(x)
    is_low = fraction < _SQRT_HALF
    return float(_log_near_1(2 * fraction if is_low else fraction, exponent - is_low))


def power(x: float, y: float) -> float:
    """x^y: x^floor(y) by squaring, times e^(rest log x), so that a whole y takes any x."""
    whole = math.floor(y)
    result = _whole_power(float(x), abs(whole))
    result = 1 / result if whole < 0 else result
    return result if whole == y else result * exp_of((y - whole) * log_of(x))


def half_cosine(fraction: float) -> float:
    """(1 + cos(pi t)) / 2, which falls from 1 at t = 0 to 0 at t = 1."""
    x = math.pi / 2 * min(fraction, 1 - fraction)
    sine: float = x * _polynomial(x * x, _SINE)
    square = sine * sine
    return 1 - square if fraction < 0.5 else square


def _in_blocks(
    many: Callable[[Floats], Floats], one: Callable[[float], float], x: Floats
) -> Floats:
    """A function of an array, by blocks that fit a cache; of a few numbers, one by one."""
    flat = x.reshape(-1)
    if len(flat) <= _FEW:
        few = flat.tolist()
        if sum(map(abs, few)) < _USUAL:
            return np.array([*map(one, few)]).reshape(x.shape)
    blocks = (flat[start : start + _BLOCK] for start in range(0, len(flat), _BLOCK))
    return np.concatenate([*map(many, blocks)]).reshape(x.shape)


def _exp(x: Floats) -> Floats:
    x = np.clip(x, -_FARTHEST, _FARTHEST)
    exponent = np.rint(np.fmax(x, -_FARTHEST) * _LOG2_E)  # a number also where x is NaN
    return np.asarray(np.ldexp(_exp_near_0(x, exponent), exponent.astype(np.intc)))


def _log(x: Floats) -> Floats:
    fraction, exponent = np.frexp(x)
    is_low = fraction < _SQRT_HALF
    return np.asarray(_log_near_1(np.where(is_low, 2 * fraction, fraction), exponent - is_low))


def _exp_near_0(x: Any, exponent: Any) -> Any:
    """e^x / 2^exponent, for the power of two nearest to e^x."""
    high, low = x - exponent * _LN2[0], exponent * _LN2[1]
    r = high - low
    square = r * r
    p1, p2, p3, p4, p5 = _EXP  # without a loop, which would double the time of a single number
    c = r - square * (p1 + square * (p2 + square * (p3 + square * (p4 + square * p5))))
    return 1.0 - ((low - (r * c) / (2.0 - c)) - high)


def _log_near_1(x: Any, exponent: Any) -> Any:
    """log(2^exponent x), for x between the square roots of 1/2 and 2."""
    f = x - 1.0
    s = f / (2.0 + f)
    square, half = s * s, 0.5 * f * f
    rest = half + square * _polynomial(square, _LOG)
    return exponent * _LN2[0] - ((half - (s * rest + exponent * _LN2[1])) - f)


def _whole_power(x: float, n: int) -> float:
    result = 1.0
    while n:
        if n % 2:
            result *= x
        x, n = x * x, n // 2
    return result


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """c0 + c1 x + c2 x^2 + ..."""
    *rest, total = coefficients
    for coefficient in reversed(rest):
        total = total * x + coefficient
    return total


# Vectors and matrices -----------------------------------------------------------------------------


def dot(a: Floats, b: Floats) -> Any:
    """The sums of products along the last axis: of two vectors, or of a matrix and a vector."""
    return (a * b).sum(axis=-1)


def norm(x: Floats) -> float:
    """The Euclidean norm of a vector."""
    return math.sqrt(dot(x, x))


def matmul(a: Floats, b: Floats) -> Floats:
    """The product of matrices (N, K) and (K, M), about as accurate as NumPy's.

    Each factor is split into parts of so few digits that sums of their products are exact, whatever
    their order (Ozaki, Ogita, Oishi & Rump, Error-free transformations of matrix multiplication,
    2012).
    """
    digits = (_DIGITS - a.shape[1].bit_length()) // 2
    left, right = [*_parts(a, 1, digits)], [*_parts(b, 0, digits)]
    pairs = [(i, n - i) for n in reversed(range(_PARTS)) for i in range(n + 1)]  # small ones first
    total = np.zeros((len(a), b.shape[1]))
    for i, j in pairs:
        total += left[i] @ right[j]
    return total


def _parts(x: Floats, axis: int, digits: int) -> Iterator[Floats]:
    """Parts with so many binary digits each, from high to low; the digits are those of an axis."""
    largest = np.abs(x).max(axis=axis, keepdims=True, initial=0.0)
    unit = np.ldexp(1.0, np.frexp(largest)[1] - digits)
    x = x.copy()
    for _ in range(_PARTS):
        part = x / unit
        np.rint(part, out=part)
        part *= unit
        yield part
        x -= part
        unit *= 2.0**-digits


def inverse(a: Floats) -> Floats:
    """The inverse of a symmetric positive definite matrix, by Gauss-Jordan elimination."""
    a = a.copy()
    for k in range(len(a)):
        pivot = a[k, k]
        row, column = a[k] / pivot, a[:, k] / -pivot
        a += np.outer(column, a[k])
        a[k], a[:, k], a[k, k] = row, column, 1 / pivot
    return a


def orthonormal(a: Floats) -> Floats:
    """Q of the factors A = Q R (N, M), N >= M, whose R has a positive diagonal (Gram-Schmidt).

    A second pass removes what rounding leaves of the first.
    """
    return _gram_schmidt(_gram_schmidt(np.ascontiguousarray(a.T))).T


def _gram_schmidt(rows: Floats) -> Floats:
    """The rows (M, N), each less its projections on those before it, with length 1."""
    half = len(rows) // 2
    if half >= _FEW_ROWS:
        first = _gram_schmidt(rows[:half])
        others = rows[half:] - matmul(matmul(rows[half:], first.T), first)
        return np.concatenate([first, _gram_schmidt(others)])
    rows = rows.copy()
    for k, row in enumerate(rows):
        row /= norm(row)
        rows[k + 1 :] -= np.outer(dot(rows[k + 1 :], row), row)
    return rows
