"""The native order of rows equals that of the interpreter, bit for bit, for any draws."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from talweg.engine.native.driver.row_order import COUNTERS, row_order as native, row_order_scratch
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.llvm.compiler import Target, compiled, host, object_code
from talweg.engine.native.llvm.module import Module
from talweg.errors import SettingError
from talweg.random import ROW_ORDER, _bits, row_order

pytest.importorskip("llvmlite")

Draws = npt.NDArray[np.uint64]
SIZES = [*range(1, 20), 31, 32, 33, 63, 64, 65, 255, 256, 257, 1000, 2047, 2048, 2049, 4097]
SEEDS = [0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
GUARD = 64


@cache
def machine_code(vector_bytes: int) -> tuple[Callable[..., None], Callable[..., None], object]:
    """`row_order` and `sort_draws`, callable from Python."""
    module = Module(vector_bytes)
    whole, pointer = ctypes.c_uint64, ctypes.c_void_p
    kinds = {native(module): [whole] * 3, "sort_draws": [whole]}
    for name in kinds:
        inner = [(each.type, each.name[1:]) for each in module.functions[name].parameters]
        f = module.function(f"call_{name}", inner, public=True)
        f.call(name, "void", *f.parameters)
        f.ret()
    program = compiled(str(module), [f"call_{name}" for name in kinds], cache=Cache(None))
    order, sort = (
        ctypes.CFUNCTYPE(None, *integers, pointer, pointer)(program.addresses[f"call_{name}"])
        for name, integers in kinds.items()
    )
    return order, sort, program


class Room:
    """Arrays for the order and the scratch memory, filled with rubbish, between guard bytes."""

    def __init__(self, rows: int) -> None:
        self._order = np.full(4 * rows + 2 * GUARD, 0xA5, np.uint8)
        self._scratch = np.full(row_order_scratch(rows) + 2 * GUARD, 0xA5, np.uint8)
        self.order = self._order[GUARD:-GUARD].view(np.int32)
        self.draws = self._scratch[GUARD + COUNTERS :][: 8 * rows].view(np.uint64)
        self.addresses = self._order.ctypes.data + GUARD, self._scratch.ctypes.data + GUARD

    def check_guards(self) -> None:
        for each in (self._order, self._scratch):
            assert (each[:GUARD] == 0xA5).all()
            assert (each[-GUARD:] == 0xA5).all()


def drawn(seed: int, epoch: int, rows: int, vector_bytes: int = 0) -> Room:
    room = Room(rows)
    order, _, _ = machine_code(vector_bytes or host().vector_bytes)
    order(seed, epoch, rows, *room.addresses)
    room.check_guards()
    return room


def sorted_order(draws: Draws) -> npt.NDArray[np.int32]:
    room = Room(len(draws))
    room.draws[:] = draws
    _, sort, _ = machine_code(host().vector_bytes)
    sort(len(draws), *room.addresses)
    room.check_guards()
    np.testing.assert_array_equal(room.draws, draws)
    return room.order


@pytest.mark.parametrize("rows", SIZES)
def test_the_order_is_that_of_the_interpreter(rows: int) -> None:
    for seed in SEEDS:
        for epoch in (0, 1, 2, 1000, 2**40):
            order = drawn(seed, epoch, rows).order
            np.testing.assert_array_equal(order, row_order(seed, epoch, rows))


@pytest.mark.parametrize("rows", [60_000, 65_535, 65_536, 65_537, 100_001])
def test_the_order_of_many_rows_is_that_of_the_interpreter(rows: int) -> None:
    for seed in (5, 2**64 - 1):
        np.testing.assert_array_equal(drawn(seed, 3, rows).order, row_order(seed, 3, rows))


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 17, 1000, 5001])
def test_narrow_vectors_give_the_same_order(rows: int) -> None:
    np.testing.assert_array_equal(drawn(9, 4, rows, 16).order, row_order(9, 4, rows))


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 1001])
def test_the_draws_are_those_of_numpy(rows: int) -> None:
    draws = _bits(2**64 - 3, ROW_ORDER, 12).random_raw(rows)
    np.testing.assert_array_equal(drawn(2**64 - 3, 12, rows).draws, draws)


@pytest.mark.slow
def test_draws_with_equal_upper_bits_are_ordered() -> None:
    rows, key = 3_000_001, (0, 1)
    draws = _bits(key[0], ROW_ORDER, key[1]).random_raw(rows)
    upper = draws >> np.uint64(22)  # the rest of a word is the row
    by_upper = draws[np.argsort(upper, kind="stable")]
    assert (by_upper[1:] < by_upper[:-1]).any()
    np.testing.assert_array_equal(drawn(*key, rows).order, np.argsort(draws, kind="stable"))


@pytest.mark.parametrize(
    "target",
    [
        Target("x86_64-unknown-linux-gnu", "x86-64", ""),
        Target("aarch64-unknown-linux-gnu", "generic", ""),
        Target("arm64-apple-darwin23", "apple-m1", ""),
    ],
    ids=lambda target: target.triple,
)
def test_the_sort_compiles_for_other_processors_without_library_calls(target: Target) -> None:
    module = Module(target.vector_bytes, target.registers)
    native(module)
    code = object_code(str(module).replace("define internal", "define"), target)
    assert b"sort_draws" in code
    assert b"__multi3" not in code  # a library call for a 128-bit product


# Draws that the generator would hardly produce --------------------------------------------------

ENDS = [2**64 - 1, 0, 2**63, 2**63 - 1]
HARD: dict[str, Callable[[int], npt.ArrayLike]] = {
    "all zero": lambda rows: np.zeros(rows),
    "all ones": lambda rows: np.full(rows, 2**64 - 1, np.uint64),
    "ascending low bits": lambda rows: np.arange(rows),
    "descending low bits": lambda rows: np.arange(rows)[::-1],
    "descending low bits under equal high bits": lambda rows: (
        np.arange(rows, dtype=np.uint64)[::-1] + np.uint64(0xFFFFFFFF00000000)
    ),
    "descending high bits": lambda rows: np.arange(rows, dtype=np.uint64)[::-1] << np.uint64(50),
    "three values": lambda rows: np.arange(rows, dtype=np.uint64) * 7 % 3 << np.uint64(62),
    "three low values": lambda rows: np.arange(rows) * 7 % 3,
    "the ends": lambda rows: np.resize(np.array(ENDS, np.uint64), rows),
    "one small last": lambda rows: np.r_[np.full(rows - 1, 5), 4],
}


@pytest.mark.parametrize("rows", [1, 2, 3, 15, 16, 17, 18, 64, 65, 300, 2049, 5000])
@pytest.mark.parametrize("kind", HARD)
def test_any_draws_are_sorted_and_the_sort_is_stable(kind: str, rows: int) -> None:
    draws = np.asarray(HARD[kind](rows)).astype(np.uint64)
    np.testing.assert_array_equal(sorted_order(draws), np.argsort(draws, kind="stable"))


@pytest.mark.parametrize("bits", [1, 4, 12, 20, 40, 64])
def test_draws_with_few_random_bits_are_sorted(bits: int) -> None:
    generator = np.random.default_rng(bits)
    for _ in range(200):
        rows = int(generator.integers(1, 400))
        draws = generator.integers(0, 2**bits, rows, np.uint64, endpoint=False)
        draws <<= np.uint64(generator.integers(0, 65 - bits))
        np.testing.assert_array_equal(sorted_order(draws), np.argsort(draws, kind="stable"))


# The interface ----------------------------------------------------------------------------------


def test_a_module_defines_the_function_once() -> None:
    module = Module(32)
    assert native(module) == "row_order"
    first = module.functions["row_order"]
    assert native(module) == "row_order"
    assert module.functions["row_order"] is first
    assert str(module).count("@row_order(") == 1


@pytest.mark.parametrize("rows", [-1, 0, 2**31])
def test_numbers_of_rows_that_cannot_be_shuffled_are_refused(rows: int) -> None:
    with pytest.raises(SettingError, match=f"shuffle 1 to 2147483647 rows, but there are {rows}"):
        row_order_scratch(rows)
