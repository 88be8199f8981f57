"""Vectors in and out of memory: whole vectors, or their first lanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Index, Value, type_of, vector, width_of


@dataclass
class Lanes:
    """The width of a vector, and how many of its lanes count (None: all)."""

    width: int
    count: Index | None = None
    mask: Value | None = None

    @property
    def is_dynamic(self) -> bool:
        return isinstance(self.count, Value)

    def make_mask(self, f: Function) -> None:
        """Set the mask of the lanes that count, unless all do."""
        if self.count is not None:
            self.mask = f.first_lanes(self.count, self.width)


def register_type(dtype: np.dtype[Any]) -> str:
    """The type of an element in a register, where a bool is one bit."""
    return "i1" if dtype == np.bool_ else type_of(dtype)


def load_lanes(f: Function, lanes: Lanes, of: str, pointer: Value, is_dense: bool) -> Value:
    """A vector of the contiguous elements at a pointer, or the one number there for all lanes."""
    if not is_dense or lanes.width == 1:
        return f.load(of, pointer)
    type = vector(of, lanes.width)
    if lanes.count is None:
        return f.load(type, pointer)
    if isinstance(lanes.count, Value):
        assert lanes.mask is not None
        return f.masked_load(type, pointer, lanes.mask)
    count = lanes.count
    few = f.load(vector(of, count), pointer)
    # the other lanes stay undefined, and nothing reads them; with zeros there, LLVM 22 takes their
    # 0 / 0 for 0 and drops the instructions that hide the NaN
    if count == 1:
        return f.insert(Value(type, "poison"), few, 0)
    return f.shuffle(few, few, [i if i < count else -1 for i in range(lanes.width)])


def store_lanes(f: Function, lanes: Lanes, value: Value, pointer: Value, is_dense: bool) -> None:
    """Store the lanes that count."""
    if lanes.width == 1 or width_of(value.type) == 1 or lanes.count is None:
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
    """(lanes, start, stop) for a known count: whole vectors, then one with the remaining lanes."""
    count = stop - start
    while width > 1 and width // 2 >= count:
        width //= 2
    main = stop - count % width
    if main > start:
        yield Lanes(width), start, main
    if main < stop:
        yield Lanes(width, stop - main), main, stop
