"""Values and types of LLVM IR, as its text spells them."""

from __future__ import annotations

import struct
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Value(NamedTuple):
    """An SSA value or a constant: its type and how the text spells it."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


Index = Value | int
"""A whole number: known while compiling, or an i64 when the program runs."""

_TYPES = {"float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "uint8": "i8"}
_TYPES["bool"] = "i8"
_BYTES = {"float": 4, "double": 8, "i64": 8, "i32": 4, "i8": 1, "i1": 1, "ptr": 8}
FLOATS = ("float", "double")


@cache
def type_of(dtype: npt.DTypeLike) -> str:
    """The LLVM type of one element of a NumPy dtype in memory; a bool is a byte."""
    return _TYPES[np.dtype(dtype).name]


@cache
def element(type: str) -> str:
    """The element of a vector type; a scalar type itself."""
    return type.rpartition("x ")[2].rstrip(">")


@cache
def lanes(type: str) -> int:
    """How many elements a type has; 1 for a scalar."""
    return int(type[1:].partition(" ")[0]) if type[0] == "<" else 1


@cache
def vector(of: str, count: int) -> str:
    """The type of `count` elements; the element itself for one."""
    return of if count == 1 else f"<{count} x {of}>"


@cache
def size_of(type: str) -> int:
    """Bytes that a value of this type takes in memory."""
    return _BYTES[element(type)] * lanes(type)


def number(value: float | int | bool, type: str) -> Value:
    """A constant, repeated in each lane of a vector type."""
    of = element(type)
    if of in FLOATS:
        wide = np.float32(value) if of == "float" else np.float64(value)
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(wide)))[0]:016X}"
    elif of == "i1":
        text = "true" if value else "false"
    else:
        text = str(int(value))
    return Value(type, text if lanes(type) == 1 else f"splat ({of} {text})")
