"""Truths that lie a bit each: which arrays, and how vectors of them go to memory and back.

A vector of comparisons is stored by one instruction that way, and 32 lie in four bytes: where an
update waits for its division, storing them costs a few hundredths, and storing bytes a quarter.
"""

from __future__ import annotations

from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Value, number, vector


def load_bits(f: Function, width: int, pointer: Value, place: Value) -> Value:
    """So many truths, from a place on that is a multiple of that."""
    here = _byte(f, pointer, place)
    if width < 8:
        few = f.bits("lshr", f.load("i8", here), _bit(f, place))
        return f.bitcast(f.emit(f"i{width}", f"trunc {few} to i{width}"), vector("i1", width))
    few = f.load(vector("i8", width // 8), here)
    if width > 8:  # spread and masked, since LLVM takes bits out of a word one by one
        few = f.shuffle(few, few, [i // 8 for i in range(width)])
    each = f.bits("and", f.splat(few, width), _own_bits(width))
    return f.compare("ne", each, number(0, each.type))


def store_bits(f: Function, value: Value, width: int, pointer: Value, place: Value) -> None:
    """Store so many truths from such a place on; what follows those that count is nobody's."""
    here = _byte(f, pointer, place)
    if width >= 8:
        f.store(f.bitcast(value, vector("i8", width // 8)), here)
        return
    bit, ones = _bit(f, place), number(2**width - 1, "i8")
    few = f.emit("i8", f"zext {f.bitcast(value, f'i{width}')} to i8")
    others = f.bits("xor", f.bits("shl", ones, bit), number(-1, "i8"))
    kept = f.bits("and", f.load("i8", here), others)
    f.store(f.bits("or", kept, f.bits("shl", few, bit)), here)


def _byte(f: Function, pointer: Value, place: Value) -> Value:
    return f.at(pointer, f.bits("lshr", place, number(3, "i64")), "i8")


def _bit(f: Function, place: Value) -> Value:
    return f.emit("i8", f"trunc {f.bits('and', place, number(7, 'i64'))} to i8")


def _own_bits(width: int) -> Value:
    """In each lane the bit that is its own, of its byte."""
    bits = ", ".join(f"i8 {1 << i % 8}" for i in range(width))
    return Value(vector("i8", width), f"<{bits}>")
