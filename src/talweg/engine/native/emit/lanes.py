"""Vectors in and out of memory: whole, the first few lanes, or lane by lane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Index, Value, lanes as lanes_of, type_of, vector


@dataclass
class Lanes:
    """How wide a vector is, and how many of its lanes count (None: all)."""

    width: int
    count: Index | None = None
    mask: Value | None = None

    @property
    def is_dynamic(self) -> bool:
        return isinstance(self.count, Value)

    def make_mask(self, f: Function) -> None:
        """The lanes that count, as a mask; needed where some do not."""
        if self.count is not None:
            self.mask = f.first_lanes(self.count, self.width)


def register_type(dtype: np.dtype[Any]) -> str:
    """The type of an element in a register, where a bool is one bit."""
    return "i1" if dtype == np.bool_ else type_of(dtype)


def load_lanes(f: Function, lanes: Lanes, of: str, pointer: Value, side_by_side: bool) -> Value:
    """The elements at a pointer, side by side, or the one there for all lanes."""
    if not side_by_side or lanes.width == 1:
        return f.load(of, pointer)
    type = vector(of, lanes.width)
    if lanes.count is None:
        return f.load(type, pointer)
    if isinstance(lanes.count, Value):
        assert lanes.mask is not None
        return f.masked_load(type, pointer, lanes.mask)
    count = lanes.count
    few = f.load(vector(of, count), pointer)
    # the other lanes are left undefined, and nobody looks at them; LLVM 22 takes 0 / 0 in lanes
    # filled with zeros for 0, and drops what hides the NaN
    if count == 1:
        return f.insert(Value(type, "poison"), few, 0)
    return f.shuffle(few, few, [i if i < count else -1 for i in range(lanes.width)])


def store_lanes(
    f: Function, lanes: Lanes, value: Value, pointer: Value, side_by_side: bool
) -> None:
    """Store the lanes that count."""
    if lanes.width == 1 or lanes_of(value.type) == 1 or lanes.count is None:
        f.store(value, pointer)
    elif isinstance(lanes.count, Value):
        assert lanes.mask is not None
        f.masked_store(value, pointer, lanes.mask)
    elif lanes.count == 1:
        f.store(f.extract(value, 0), pointer)
    else:
        # a narrower store, since masked ones are slow on some processors
        f.store(f.shuffle(value, value, list(range(lanes.count))), pointer)


def known_chunks(start: int, stop: int, width: int) -> Iterator[tuple[Lanes, Index, Index]]:
    """Whole vectors of a known count, and a last one of the lanes that are left."""
    count = stop - start
    while width > 1 and width // 2 >= count:
        width //= 2
    main = stop - count % width
    if main > start:
        yield Lanes(width), start, main
    if main < stop:
        yield Lanes(width, stop - main), main, stop
