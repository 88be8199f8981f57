"""Booleans that are stored a bit each: how vectors of them go to memory and back.

One instruction stores a vector of comparisons that way, 32 of them in four bytes. In an update
that waits for its division, storing bits costs a few percent of the time, storing bytes a quarter.
"""

from __future__ import annotations

from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, number, vector


def load_bits(f: Function, width: int, pointer: Value, start: Value) -> Value:
    """A vector of `width` booleans, from the index `start` on, a multiple of the width."""
    here = _byte(f, pointer, start)
    if width < 8:
        few = f.bits("lshr", f.load("i8", here), _bit(f, start))
        return f.bitcast(f.emit(f"i{width}", f"trunc {few} to i{width}"), vector("i1", width))
    few = f.load(vector("i8", width // 8), here)
    if width > 8:  # shuffled and masked, since LLVM takes bits out of a word one by one
        few = f.shuffle(few, few, [i // 8 for i in range(width)])
    masked = f.bits("and", f.splat(few, width), _own_bits(width))
    return f.compare("ne", masked, number(0, masked.type))


def store_bits(f: Function, value: Value, width: int, pointer: Value, start: Value) -> None:
    """Store `width` booleans from the index `start` on; nothing reads what follows them."""
    here = _byte(f, pointer, start)
    if width >= 8:
        f.store(f.bitcast(value, vector("i8", width // 8)), here)
        return
    bit, ones = _bit(f, start), number(2**width - 1, "i8")
    few = f.emit("i8", f"zext {f.bitcast(value, f'i{width}')} to i8")
    others = f.bits("xor", f.bits("shl", ones, bit), number(-1, "i8"))
    kept = f.bits("and", f.load("i8", here), others)
    f.store(f.bits("or", kept, f.bits("shl", few, bit)), here)


def _byte(f: Function, pointer: Value, start: Value) -> Value:
    return f.at(pointer, f.bits("lshr", start, number(3, "i64")), "i8")


def _bit(f: Function, start: Value) -> Value:
    return f.emit("i8", f"trunc {f.bits('and', start, number(7, 'i64'))} to i8")


def _own_bits(width: int) -> Value:
    """For each lane, the bit of its byte that it stands for."""
    bits = ", ".join(f"i8 {1 << i % 8}" for i in range(width))
    return Value(vector("i8", width), f"<{bits}>")
