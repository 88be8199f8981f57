"""Random numbers as a gate: each is a function of a key and of its place, so that nothing is hidden
in between, any engine draws the same, and no number of threads can change them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.errors import DtypeError, ShapeError
from talweg.gates.record import Array, Gate, Shape, Spec, cost_per_element

STREAM = 0x9E3779B9
"""How far the keys of two streams lie apart: 2^32 over the golden ratio."""
MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
SHIFTS = (16, 15, 16)
"""Of the mixing function: C. Wellons, Prospecting for hash functions (2018), `lowbias32`, whose
bias is the least known of its form."""
BITS = {"float32": 24, "float64": 32}
"""Random bits of a number: as many as the dtype holds below 1, or as are drawn."""

Words = npt.NDArray[np.uint32]


def mixed(x: Words) -> Words:
    """32 bits, each of which depends on all bits of x."""
    x = x ^ (x >> np.uint32(SHIFTS[0]))
    for multiplier, shift in zip(MULTIPLIERS, SHIFTS[1:], strict=True):
        x = x * np.uint32(multiplier)
        x = x ^ (x >> np.uint32(shift))
    return x


def _shape(key: Spec, *, shape: Shape, dtype: Any, stream: int) -> Spec:
    if key.shape != () or not key.is_float:
        raise ShapeError(f"uniform: the key is one float, but {key} came")
    if np.dtype(dtype).name not in BITS:
        raise DtypeError(f"uniform: gives float32 or float64, not {np.dtype(dtype)}")
    return Spec(tuple(shape), np.dtype(dtype))


def _value(key: Array, *, shape: Shape, dtype: Any, stream: int) -> Array:
    """The two halves of the key (below 2^53) enter one after the other."""
    words = np.array([int(key) & 0xFFFFFFFF, int(key) >> 32], np.uint32)
    places = np.arange(np.prod(shape, dtype=np.int64), dtype=np.uint32)
    offset = np.uint32(stream * STREAM & 0xFFFFFFFF)
    x = mixed(mixed(places ^ mixed(words[:1] + offset)) + words[1:])
    bits = BITS[np.dtype(dtype).name]
    drawn = (x >> np.uint32(32 - bits)).astype(dtype) * np.dtype(dtype).type(2.0**-bits)
    found: Array = drawn.reshape(shape)
    return found


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
