"""Values and types of LLVM IR, as text."""

from __future__ import annotations

import struct
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Value(NamedTuple):
    """An SSA value or a constant: its type, and its name or digits."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


Index = Value | int
"""An integer: known at compile time, or an i64 at run time."""

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
    """The element type of a vector; a scalar type itself."""
    return type.rpartition("x ")[2].rstrip(">")


@cache
def width_of(type: str) -> int:
    """The number of elements of a vector type; 1 for a scalar."""
    return int(type[1:].partition(" ")[0]) if type[0] == "<" else 1


@cache
def vector(of: str, count: int) -> str:
    """The type of a vector of `count` elements; the element type itself for one."""
    return of if count == 1 else f"<{count} x {of}>"


@cache
def size_of(type: str) -> int:
    """The bytes of a value of this type in memory."""
    return _BYTES[element(type)] * width_of(type)


def number(value: float | int | bool, type: str) -> Value:
    """A constant; in every lane of a vector type."""
    of = element(type)
    if of in FLOATS:
        wide = np.float32(value) if of == "float" else np.float64(value)
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(wide)))[0]:016X}"
    elif of == "i1":
        text = "true" if value else "false"
    else:
        text = str(int(value))
    return Value(type, text if width_of(type) == 1 else f"splat ({of} {text})")
