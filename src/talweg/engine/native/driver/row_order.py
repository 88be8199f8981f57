"""The shuffled order of an epoch's rows in native code; the same as `talweg.random.row_order`.

Each row gets a 64-bit draw of Philox4x64-10 (Salmon et al. 2011), and rows are sorted by their
draws. The upper bits of a draw and its row make one word, so sorting moves 8 bytes instead of 16. A
stable radix sort orders the words by as many top bits as tell most of them apart; an insertion sort
by whole draws then orders the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Value, number
from talweg.errors import SettingError
from talweg.random import ROW_ORDER

_MOST_ROWS = 2**31 - 1  # their indices are i32
_FEW_ROWS = 16  # insertion alone is as fast; for 32 rows it takes twice the time
_DIGIT_BITS = 12  # at most: 4096 counters of 4 bytes stay in the L1 cache
_NO = Value("i1", "false")

COUNTERS = 4 << _DIGIT_BITS
"""Bytes of the counters of a digit's values, which are first in the scratch memory."""

_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_INCREMENTS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10


def row_order_scratch(rows: int) -> int:
    """Bytes of scratch memory for this many rows: counters, draws, words, room to move words."""
    if not 1 <= rows <= _MOST_ROWS:
        raise SettingError(
            f"The native engine can shuffle 1 to {_MOST_ROWS} rows, but there are {rows}."
        )
    return COUNTERS + 3 * 8 * ((rows + 3) // 4 * 4)


def row_order(module: Module) -> str:
    """Write `void row_order(i64 seed, i64 epoch, i64 rows, ptr order, ptr scratch)`; its name.

    It stores the indices of the rows, at least one, as i32 in `order`.
    """
    if "row_order" not in module.functions:
        sort_draws(module)
        integers = [("i64", name) for name in ("seed", "epoch", "rows")]
        f = module.function(
            "row_order", [*integers, ("ptr", "order"), ("ptr", "scratch")], rare=True
        )
        seed, epoch, rows, order, scratch = f.parameters
        _draw(f, seed, epoch, rows, f.at(scratch, COUNTERS, "i8"))
        f.call("sort_draws", "void", rows, order, scratch)
        f.ret()
    return "row_order"


def sort_draws(module: Module) -> None:
    """Write `void sort_draws(i64 rows, ptr order, ptr scratch)`, which sorts rows by their draws.

    The sort is stable. The draws follow the counters in the scratch memory.
    """
    f = module.function(
        "sort_draws", [("i64", "rows"), ("ptr", "order"), ("ptr", "scratch")], rare=True
    )
    rows, order, counters = f.parameters
    whole = f.index(f.rounded_down(f.plus(rows, 3), 4))
    draws = f.at(counters, COUNTERS, "i8")
    words, spare = f.at(draws, whole, "i64"), f.at(draws, f.times(whole, 2), "i64")
    bits = f.subtract(number(64, "i64"), f.intrinsic("ctlz", f.index(f.minus(rows, 1)), _NO))
    mask = f.subtract(f.bits("shl", number(1, "i64"), bits), number(1, "i64"))
    _pack(f, whole, mask, draws, words)
    words = _sort_by_digits(f, rows, bits, words, spare, counters)
    _insert(f, rows, mask, words, draws, order)
    f.ret()


# Drawing ----------------------------------------------------------------------------------


def _draw(f: Function, seed: Value, epoch: Value, rows: Value, draws: Value) -> None:
    """Store the draws of the stream (seed, ROW_ORDER, epoch), in whole blocks of four."""
    with f.loop(0, f.over(f.plus(rows, 3), 4)) as loop:
        # NumPy increments the counter before it draws, so the first block is number 1
        block, zero = f.index(f.plus(loop.index, 1)), number(0, "i64")
        target = f.at(draws, f.times(loop.index, 4), "i64")
        for i, draw in enumerate(_philox(f, [block, zero, epoch, zero], seed)):
            f.store(draw, f.at(target, i, "i64"))


def _philox(f: Function, block: list[Value], seed: Value) -> list[Value]:
    """The four draws of a counter: ten rounds, each with the next key."""
    with f.loop(0, _ROUNDS, 1, [*block, seed, number(ROW_ORDER, "i64")]) as loop:
        *block, first, second = loop.values
        high, low = _product(f, block[0], _MULTIPLIERS[0])
        other_high, other_low = _product(f, block[2], _MULTIPLIERS[1])
        mixed = f.bits("xor", other_high, f.bits("xor", block[1], first))
        other_mixed = f.bits("xor", high, f.bits("xor", block[3], second))
        keys = [f.add(first, _constant(_INCREMENTS[0])), f.add(second, _constant(_INCREMENTS[1]))]
        loop.carry(mixed, other_low, other_mixed, low, *keys)
    return loop.results[:4]


def _product(f: Function, x: Value, multiplier: int) -> tuple[Value, Value]:
    """The upper and the lower half of a 128-bit product."""
    wide = f.multiply(f.emit("i128", f"zext {x} to i128"), number(multiplier, "i128"))
    upper = f.bits("lshr", wide, number(64, "i128"))
    return f.emit("i64", f"trunc {upper} to i64"), f.emit("i64", f"trunc {wide} to i64")


def _constant(word: int) -> Value:
    """An unsigned 64-bit constant."""
    return number((word + 2**63) % 2**64 - 2**63, "i64")


# Sorting ----------------------------------------------------------------------------------


class _Digit(NamedTuple):
    """Some bits of a word: `bits` of them, from bit `shift` on."""

    shift: Value
    bits: Value


def _pack(f: Function, whole: Value, mask: Value, draws: Value, words: Value) -> None:
    """Store the words: upper bits of a draw, lower bits its row."""
    count = f.module.vector_width("i64")
    type = f"<{count} x i64>"
    upper = f.splat(f.bits("xor", mask, number(-1, "i64")), count)
    first, step = f.iota(type), number(count, type)
    with f.loop(0, whole, count, [first]) as loop:
        draw = f.load(type, f.at(draws, loop.index, "i64"))
        word = f.bits("or", f.bits("and", draw, upper), loop.values[0])
        f.store(word, f.at(words, loop.index, "i64"))
        loop.carry(f.add(loop.values[0], step))


def _sort_by_digits(
    f: Function, rows: Value, bits: Value, words: Value, spare: Value, counters: Value
) -> Value:
    """Sort words by their top bits, at least one more than a row number has; returns their address.

    Of 60,000 rows that leaves one in 18 out of order, for the insertion sort.
    """
    wanted = f.plus(bits, 1)
    needed = f.over(f.plus(wanted, _DIGIT_BITS - 1), _DIGIT_BITS)
    digit = f.over(f.plus(wanted, f.minus(needed, 1)), needed)
    few = f.compare("sle", rows, number(_FEW_ROWS, "i64"))
    passes = f.select(few, number(0, "i64"), f.index(needed))
    with f.loop(0, passes, 1, [words, spare]) as loop:
        source, target = loop.values
        shift = f.minus(64, f.times(f.minus(passes, loop.index), digit))
        part = _Digit(f.index(shift), f.index(digit))
        _sort_by_digit(f, rows, source, target, counters, part)
        loop.carry(target, source)
    return loop.results[0]


def _sort_by_digit(
    f: Function, rows: Value, source: Value, target: Value, counters: Value, digit: _Digit
) -> None:
    """Sort words by one digit; words with the same digit keep their order."""
    one = number(1, "i32")
    values = f.bits("shl", number(1, "i64"), digit.bits)
    mask = f.subtract(values, number(1, "i64"))

    def counter(word: Value) -> Value:
        return f.at(counters, f.bits("and", f.bits("lshr", word, digit.shift), mask), "i32")

    size, zero = f.index(f.times(values, 4)), number(0, "i8")
    f.call("llvm.memset.p0.i64", "void", counters, zero, size, _NO, external=True)
    with f.loop(0, rows) as loop:
        count = counter(f.load("i64", f.at(source, loop.index, "i64")))
        f.store(f.add(f.load("i32", count), one), count)
    with f.loop(0, values, 1, [number(0, "i32")]) as loop:  # prefix sums: where each value begins
        count = f.at(counters, loop.index, "i32")
        after = f.add(loop.values[0], f.load("i32", count))
        f.store(loop.values[0], count)
        loop.carry(after)
    with f.loop(0, rows) as loop:
        word = f.load("i64", f.at(source, loop.index, "i64"))
        start = counter(word)
        index = f.load("i32", start)
        f.store(f.add(index, one), start)
        f.store(word, f.at(target, f.emit("i64", f"zext {index} to i64"), "i64"))


def _insert(
    f: Function, rows: Value, mask: Value, words: Value, draws: Value, order: Value
) -> None:
    """Store the rows of nearly sorted words; rows out of order are inserted by their draws."""

    def row_of(word: Value) -> Value:
        return f.emit("i32", f"trunc {f.bits('and', word, mask)} to i32")

    def draw_of(row: Value) -> Value:
        return f.load("i64", f.at(draws, f.emit("i64", f"zext {row} to i64"), "i64"))

    first = f.load("i64", words)
    f.store(row_of(first), order)
    with f.loop(1, rows, 1, [first]) as loop:
        word, largest = f.load("i64", f.at(words, loop.index, "i64")), loop.values[0]
        row = row_of(word)
        f.store(row, f.at(order, loop.index, "i32"))
        with f.when(f.compare("ule", word, f.bits("or", largest, mask))):
            _insert_row(f, order, loop.index, row, draw_of)
        loop.carry(f.intrinsic("umax", word, largest))


def _insert_row(
    f: Function, order: Value, count: Value, row: Value, draw_of: Callable[[Value], Value]
) -> None:
    """Insert a row into `order[:count]`, which is sorted, before all rows with a larger draw."""
    draw, before = draw_of(row), f.label
    test, look, move, done = (f.fresh(label) for label in ("test", "look", "move", "done"))
    below = Value("i64", f"%{f.fresh('below')}")
    f.jump(test)
    f.open(test)
    at = f.emit("i64", f"phi i64 [ {count.name}, %{before} ], [ {below.name}, %{move} ]")
    f.branch(f.compare("eq", at, number(0, "i64")), done, look)
    f.open(look)
    f.do(f"{below.name} = add i64 {at.name}, -1")
    other = f.load("i32", f.at(order, below, "i32"))
    f.branch(f.compare("ugt", draw_of(other), draw), move, done)
    f.open(move)
    f.store(other, f.at(order, at, "i32"))
    f.jump(test)
    f.open(done)
    f.store(row, f.at(order, at, "i32"))
