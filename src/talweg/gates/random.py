"""Counter-based random numbers: each is a function of a key and of its index.

So there is no hidden state, all engines draw the same numbers, and the number of threads does not
matter.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.errors import DtypeError, ShapeError
from talweg.gates.namespace import as_dtype, namespace
from talweg.gates.record import Array, Gate, Shape, Spec, cost_per_element

STREAM = 0x9E3779B9
"""The distance between the keys of two streams: 2^32 divided by the golden ratio."""
MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
SHIFTS = (16, 15, 16)
"""Constants of the hash `lowbias32`, the least biased known of its form. C. Wellons, Prospecting
for hash functions (2018)."""
BITS = {"float32": 24, "float64": 32}
"""The random bits of a number: at most 32, and no more than the dtype's significand holds."""

Words = npt.NDArray[np.uint32]


def hashed(x: Words) -> Words:
    """A hash of 32 bits, each of which depends on all bits of x."""
    xp = namespace(x)
    x = x ^ (x >> _word(xp, SHIFTS[0]))
    for multiplier, shift in zip(MULTIPLIERS, SHIFTS[1:], strict=True):
        x = x * _word(xp, multiplier)
        x = x ^ (x >> _word(xp, shift))
    return x


def _word(xp: Any, value: int) -> Words:
    word: Words = xp.asarray(value, dtype=xp.uint32)
    return word


def _shape(key: Spec, *, shape: Shape, dtype: Any, stream: int) -> Spec:
    if key.shape != () or not key.is_float:
        raise ShapeError(f"uniform: the key must be one float, but is {key}")
    if np.dtype(dtype).name not in BITS:
        raise DtypeError(f"uniform: dtype must be float32 or float64, not {np.dtype(dtype)}")
    return Spec(tuple(shape), np.dtype(dtype))


def _value(key: Array, *, shape: Shape, dtype: Any, stream: int) -> Array:
    """Hash each element's index with the low, then the high half of the key (below 2^53)."""
    xp = namespace(key)
    # arrays of one word each, not single numbers, for which NumPy warns of overflow
    low, high = (as_dtype(half[None], "uint32") for half in (key % 2.0**32, key // 2.0**32))
    positions = xp.arange(prod(shape), dtype=xp.uint32)
    offset = _word(xp, stream * STREAM & 0xFFFFFFFF)
    x = hashed(hashed(positions ^ hashed(low + offset)) + high)
    bits = BITS[np.dtype(dtype).name]
    drawn = as_dtype(x >> _word(xp, 32 - bits), dtype)
    values: Array = xp.reshape(drawn * 2.0**-bits, shape)
    return values


uniform: Gate = Gate(
    name="uniform",
    kind="random",
    formula="drawn from [0, 1)",
    shape=_shape,
    value=_value,
    backward=(None,),
    slopes=("0",),
    cost=cost_per_element(20),
)
