"""The native matrix product: its values, its bits, and that it touches nothing else.

Every matrix ends, or begins, at a page that cannot be touched; what lies between its rows is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("llvmlite")

from conformance.products import (
    DTYPES,
    MACHINES,
    ORDERS,
    Array,
    Engine,
    assert_close,
    bits,
    choices,
    drawn,
    guarded,
    laid,
    module_for,
    write_pack,
    write_product,
)
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.llvm.compiler import Target, object_code
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import type_of

SHAPES = [
    *((1, 1, 1), (1, 16, 5), (1, 37, 400), (2, 33, 9), (3, 8, 40), (4, 16, 1), (5, 17, 7)),
    *((6, 16, 384), (7, 31, 385), (8, 1, 3), (11, 48, 64), (13, 130, 20), (32, 100, 64)),
    *((97, 20, 30), (110, 129, 390), (9, 5, 0), (1, 3, 0)),
]


# Programs ---------------------------------------------------------------------------------------


# Memory -----------------------------------------------------------------------------------------


OTHERS = [pytest.param(each, marks=pytest.mark.slow) for each in MACHINES if each != "avx2"]


@pytest.fixture(params=["avx2", *OTHERS])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=DTYPES)
def engine(machine: str, request: pytest.FixtureRequest) -> Engine:
    return Engine(machine, request.param)


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_right_and_touch_nothing_else(
    engine: Engine, shape: tuple[int, int, int]
) -> None:
    m, n, k = shape
    a, b = drawn((m, k), engine.dtype), drawn((k, n), engine.dtype)
    onto = drawn((m, n), engine.dtype, 1)
    made: dict[bool, set[bytes]] = {False: set(), True: set()}
    for order, (b_order, packed), adding, gap, at_end in choices():
        lies = laid(a, order, gap, at_end), laid(b, b_order, gap, at_end)
        start = onto if adding else None
        c = engine.multiply(*lies, packed=packed, onto=start, gap=gap, at_end=at_end)
        if not made[adding]:
            assert_close(c, a, b, start)
        made[adding].add(bits(c))
    assert [len(each) for each in made.values()] == [1, 1]


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 150), st.integers(0, 500)),
    order=st.sampled_from(ORDERS),
    right=st.sampled_from([("rows", False), *((order, True) for order in ORDERS)]),
    gap=st.integers(0, 9),
    adding=st.booleans(),
    at_end=st.booleans(),
    engine=st.sampled_from([Engine(*each) for each in product(("avx2", "neon"), DTYPES)]),
)
def test_products_of_any_shape_are_right(
    shape: tuple[int, int, int],
    order: str,
    right: tuple[str, bool],
    gap: int,
    adding: bool,
    at_end: bool,
    engine: Engine,
) -> None:
    m, n, k = shape
    a, b = drawn((m, k), engine.dtype), drawn((k, n), engine.dtype)
    onto = drawn((m, n), engine.dtype, 1) if adding else None
    lies = laid(a, order, gap, at_end), laid(b, right[0], gap, at_end)
    c = engine.multiply(*lies, packed=right[1], onto=onto, gap=gap, at_end=at_end)
    assert_close(c, a, b, onto)


def test_a_depth_of_0_gives_zeros_or_keeps_the_result(engine: Engine) -> None:
    a, b = (laid(np.zeros(s, engine.dtype), "rows", 0, True) for s in ((5, 0), (0, 40)))
    onto = drawn((5, 40), engine.dtype)
    assert not engine.multiply(a, b).any()
    np.testing.assert_array_equal(engine.multiply(a, b, onto=onto), onto)


def test_non_finite_values_stay_in_their_row_and_column(engine: Engine) -> None:
    a, b = drawn((13, 30), engine.dtype), drawn((30, 37), engine.dtype)
    a[12, 3], b[7, 36] = np.inf, np.nan
    for packed in (False, True):
        c = engine.multiply(laid(a, "rows", 1, True), laid(b, "rows", 1, True), packed=packed)
        assert np.isfinite(c[:12, :36]).all()
        assert np.isinf(c[12, :36]).all() and np.isnan(c[:, 36]).all()


# Bits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((37, 130, 400), (1, 3, 4, 5, 36)),
        ((7, 40, 20), (1, 2, 3, 5, 6)),
        ((143, 33, 64), (66, 100, 142)),
    ],
    ids=str,
)
def test_the_bits_do_not_change_with_how_rows_are_split(
    engine: Engine, shape: tuple[int, int, int], sizes: Sequence[int], order: str
) -> None:
    m, n, k = shape
    a, b = drawn((m, k), engine.dtype), laid(drawn((k, n), engine.dtype), "rows", 1, True)
    whole = engine.multiply(laid(a, order, 1, True), b)
    for size in sizes:
        parts = [a[i : i + size] for i in range(0, m, size)]
        made = [engine.multiply(laid(each, order, 1, True), b) for each in parts]
        assert bits(np.concatenate(made)) == bits(whole)


@pytest.mark.parametrize("shape", [(37, 150, 400), (2, 40, 20)], ids=str)
def test_the_bits_do_not_change_with_how_columns_are_split(
    engine: Engine, shape: tuple[int, int, int]
) -> None:
    m, n, k = shape
    a, b = laid(drawn((m, k), engine.dtype), "rows", 1, True), drawn((k, n), engine.dtype)
    whole = engine.multiply(a, laid(b, "rows", 1, True))
    for size, packed in product((9, 16, 20, n - 1), (False, True)):
        parts = [laid(b[:, j : j + size], "rows", 1, True) for j in range(0, n, size)]
        made = [engine.multiply(a, each, packed=packed) for each in parts]
        assert bits(np.concatenate(made, axis=1)) == bits(whole)


def test_blocks_are_added_in_order(engine: Engine) -> None:
    k = 2 * gemm.DEPTH + 100
    a, b = drawn((9, k), engine.dtype), drawn((k, 40), engine.dtype)
    whole = engine.multiply(laid(a, "rows", 0, True), laid(b, "rows", 0, True))
    made: Array | None = None
    for p in range(0, k, gemm.DEPTH):
        part = [a[:, p : p + gemm.DEPTH], b[p : p + gemm.DEPTH]]
        made = engine.multiply(*(laid(each, "rows", 0, True) for each in part), onto=made)
    assert made is not None and bits(made) == bits(whole)


def test_a_block_is_one_chain(engine: Engine) -> None:
    """Ones vanish beside a much larger number; those of the next block are added up first."""
    large = 2 / np.finfo(engine.dtype).eps
    a, b = (np.ones(shape, engine.dtype) for shape in ((7, 500), (500, 40)))
    a[:, 0] = large
    for packed in (False, True):
        c = engine.multiply(laid(a, "rows", 0, True), laid(b, "rows", 0, True), packed=packed)
        assert (c == large + 500 - gemm.DEPTH).all()


@pytest.mark.parametrize("m", [1, 5, 40])
def test_a_single_column_has_the_same_bits(engine: Engine, m: int) -> None:
    a, b = drawn((m, 70), engine.dtype), laid(drawn((70, 1), engine.dtype), "rows", 2, True)
    left, onto = laid(a, "columns", 3, True), drawn((m, 1), engine.dtype, 1)
    for start in (None, onto):
        column = engine.multiply(left, b, kind="column", onto=start)
        assert bits(column) == bits(engine.multiply(left, b, onto=start))


# Copies of A ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "missing", "gap", "staged"),
    [("rows", 0, 1, False), ("rows", 0, 0, True), ("rows", 3, 3, True), ("columns", 0, 1, True)],
)
def test_an_a_with_a_bad_layout_is_copied(
    engine: Engine, order: str, missing: int, gap: int, staged: bool
) -> None:
    """Rows 1 KB apart share cache sets, and columns are not contiguous for a tile."""
    k = 1024 // np.dtype(engine.dtype).itemsize - missing
    a, b = laid(drawn((20, k), engine.dtype), order, gap, True), drawn((k, 130), engine.dtype)
    lies, c, scratch = laid(b, "rows", 0, True), guarded(20 * 130, engine.dtype), engine.scratch()
    left, right = (a.address, a.row, a.column), (lies.address, lies.row, engine.width)
    engine.call("product", 20, 130, k, *left, *right, c.ctypes.data, 130, 0, scratch.ctypes.data)
    assert np.isfinite(scratch).any() == staged
    assert_close(c.reshape(20, 130), a.view, b)


@pytest.mark.parametrize("order", ["rows", "columns"])
@pytest.mark.parametrize(("m", "k"), [(9, 1), (9, 3), (1, 9), (3, 9)])
def test_an_a_that_is_too_small_to_copy(engine: Engine, order: str, m: int, k: int) -> None:
    gap = 1024 // np.dtype(engine.dtype).itemsize - (k if order == "rows" else m)
    a, b = drawn((m, k), engine.dtype), drawn((k, 130), engine.dtype)
    for at_end in (False, True):
        c = engine.multiply(laid(a, order, gap, at_end), laid(b, "rows", 0, at_end))
        assert_close(c, a, b)


# Packing ----------------------------------------------------------------------------------------

PACKED = [(1, 1), (3, 40), (4, 16), (9, 33), (16, 64), (257, 7), (30, 100)]


@pytest.mark.parametrize("shape", PACKED, ids=str)
def test_panels_have_one_width_and_are_padded_with_zeros(
    engine: Engine, shape: tuple[int, int]
) -> None:
    k, n = shape
    values, width = drawn(shape, engine.dtype), engine.width
    panels = -(-n // width)
    padded = np.zeros((k, panels * width), engine.dtype)
    padded[:, :n] = values
    expected = padded.reshape(k, panels, width).transpose(1, 0, 2)
    for order, gap, at_end in product(ORDERS, (0, 5), (False, True)):
        out = engine.pack(laid(values, order, gap, at_end), at_end)
        np.testing.assert_array_equal(out.reshape(panels, k, width), expected)


@pytest.mark.parametrize("order", ORDERS)
def test_threads_pack_their_own_panels(engine: Engine, order: str) -> None:
    values = drawn((20, 5 * engine.width - 3), engine.dtype)
    b = laid(values, order, 1, True)
    whole, size = engine.pack(b), 20 * engine.width
    for first, last in ((0, 2), (2, 5), (3, 3)):
        out = np.full_like(whole, np.nan)
        left = (20, values.shape[1], b.address, b.row, b.column)
        engine.call("pack", *left, out.ctypes.data, first, last)
        assert bits(out[first * size : last * size]) == bits(whole[first * size : last * size])
        assert np.isnan(out[: first * size]).all() and np.isnan(out[last * size :]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_packed_bytes_is_the_size_of_the_panels(dtype: str) -> None:
    module, type = module_for("avx2"), type_of(dtype)
    engine = Engine("avx2", dtype)
    for k, n in PACKED:
        b = laid(drawn((k, n), dtype), "rows", 0, True)
        assert gemm.packed_bytes(module, type, k, n) == engine.pack(b).nbytes


# Text -------------------------------------------------------------------------------------------


def test_each_function_is_written_once() -> None:
    text = str(module_for("neon"))
    names = [line.split("(")[0] for line in text.splitlines() if line.startswith("define")]
    assert len(names) == len(set(names))
    working = {each.split("@talweg_")[1] for each in names if "internal" in each}
    kinds = ("settle", "strips", "row", "edge", "narrow", "low", "product")
    kinds += ("copy", "turn", "pack")
    assert working == {f"{kind}_{type}" for kind in kinds for type in ("float", "double")}


def test_linked_routines_equal_those_a_module_writes() -> None:
    shared, own = (Module(*MACHINES["avx2"]) for _ in range(2))
    gemm.write_routines(shared, "float")
    write_product(own, "float", "product")
    write_pack(own, "float")
    linked = Module(*MACHINES["avx2"])
    linked.linked_types = set()
    write_product(linked, "float", "product")
    write_pack(linked, "float")
    assert linked.linked_types == {"float"}
    assert shared.functions.keys() | linked.functions.keys() == own.functions.keys()
    for name, function in shared.functions.items():
        assert str(function).partition("@")[2] == str(own.functions[name]).partition("@")[2]


TARGETS: Sequence[tuple[str, Target]] = [
    ("neon", Target("aarch64-unknown-linux-gnu", "generic", "+neon")),
    ("sse", Target("x86_64-unknown-linux-gnu", "x86-64", "")),
    ("avx2", Target("x86_64-unknown-linux-gnu", "haswell", "")),
    ("avx512", Target("x86_64-unknown-linux-gnu", "skylake-avx512", "")),
]


@pytest.mark.quick("avx512")
@pytest.mark.parametrize(("machine", "target"), TARGETS, ids=[name for name, _ in TARGETS])
def test_the_product_compiles_for_other_processors(machine: str, target: Target) -> None:
    assert len(object_code(str(module_for(machine)), target)) > 5000
