"""Matrix products in guarded memory.

Every matrix begins or ends at a page that cannot be touched; between its rows lies NaN.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle, product
from typing import Any, NamedTuple

import numpy as np

from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.emit.gemm.matrix import Matrix, Panels, Range
from talweg.engine.native.emit.gemm.tiles import panel_width
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.llvm.compiler import Compiled, compiled
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import type_of

Array = np.ndarray[Any, Any]


MACHINES = {"avx2": (32, 16), "sse": (16, 16), "neon": (16, 32), "avx512": (64, 32)}


DTYPES = ("float32", "float64")


ORDERS = ("rows", "columns", "apart")


_PRODUCT = "i64 m, i64 n, i64 k, ptr a, i64 a_row, i64 a_step, ptr b, i64 b_step, i64 b_panel"
_PRODUCT += ", ptr c, i64 c_row, i64 adding, ptr scratch"


_PACK = "i64 k, i64 n, ptr b, i64 b_row, i64 b_column, ptr out, i64 first, i64 last"


def public(module: Module, name: str, parameters: str) -> tuple[Function, dict[str, Any]]:
    pairs = [(each.split()[0], each.split()[1]) for each in parameters.split(", ")]
    f = module.function(name, pairs, public=True)
    return f, {each.name[1:]: each for each in f.parameters}


def write_product(module: Module, type: str, kind: str) -> None:
    """`product` for any n, `column` with n known to be 1."""
    f, x = public(module, f"{kind}_{type}", _PRODUCT)
    rows = (1, x["a_step"]) if kind == "column" else (x["a_row"], x["a_step"])
    gemm.gemm(
        f,
        type,
        (x["m"], 1 if kind == "column" else x["n"], x["k"]),
        Matrix(x["a"], *rows),
        Panels(x["b"], x["b_step"], x["b_panel"]),
        Matrix(x["c"], 1 if kind == "column" else x["c_row"]),
        scratch=x["scratch"],
        accumulate=x["adding"],
    )
    f.ret()


def write_pack(module: Module, type: str) -> None:
    f, x = public(module, f"pack_{type}", _PACK)
    b = Matrix(x["b"], x["b_row"], x["b_column"])
    panels = Range(x["first"], x["last"])
    gemm.pack(f, type, (x["k"], x["n"]), b, x["out"], panels=panels)
    f.ret()


@cache
def module_for(machine: str) -> Module:
    module = Module(*MACHINES[machine])
    for type, kind in product(map(type_of, DTYPES), ("product", "column")):
        write_product(module, type, kind)
    for type in map(type_of, DTYPES):
        write_pack(module, type)
    return module


@cache
def program(machine: str) -> tuple[dict[str, Callable[..., None]], object]:
    """The functions of a machine's module by name; vectors too wide for this one are split."""
    made = compiled(str(module_for(machine)), list(SIGNATURES), cache=Cache(None))
    return functions_of(made), made


SIGNATURES = {
    f"{kind}_{type_of(dtype)}": _PACK if kind == "pack" else _PRODUCT
    for kind in ("product", "column", "pack")
    for dtype in DTYPES
}


def functions_of(made: Compiled) -> dict[str, Callable[..., None]]:
    kinds = {"i64": ctypes.c_int64, "ptr": ctypes.c_void_p}
    functions = {}
    for name, signature in SIGNATURES.items():
        types = [kinds[each.split()[0]] for each in signature.split(", ")]
        functions[name] = ctypes.CFUNCTYPE(None, *types)(made.addresses[name])
    return functions


def guarded(count: int, dtype: str, at_end: bool = True) -> Array:
    """So many NaN, with a page behind (or before) them that cannot be touched."""
    size = np.dtype(dtype).itemsize * count
    pages = -(-size // mmap.PAGESIZE) + 2
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE)
    whole = np.frombuffer(memory, np.uint8)
    if sys.platform != "win32":
        protect = ctypes.CDLL(None).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for page in (0, pages - 1):
            place = whole.ctypes.data + page * mmap.PAGESIZE
            assert protect(place, mmap.PAGESIZE, 0) == 0
    inner = whole[mmap.PAGESIZE : -mmap.PAGESIZE]
    part = inner[len(inner) - size :] if at_end else inner[:size]
    array = part.view(dtype)
    array[:] = np.nan
    return array


class Laid(NamedTuple):
    """A matrix in guarded memory: all of it, the matrix itself, its strides in elements."""

    memory: Array
    view: Array
    row: int
    column: int

    @property
    def address(self) -> int:
        return self.view.ctypes.data


def laid(values: Array, order: str, gap: int, at_end: bool) -> Laid:
    """The values by rows, by columns, or with nothing next to each other."""
    rows, columns = values.shape
    row, column = {
        "rows": (columns + gap, 1),
        "columns": (1, rows + gap),
        "apart": (2 * columns + gap, 2),
    }[order]
    count = max(rows - 1, 0) * row + max(columns - 1, 0) * column + 1
    memory = guarded(count, values.dtype.name, at_end)
    strides = (row * memory.itemsize, column * memory.itemsize)
    view = np.lib.stride_tricks.as_strided(memory, values.shape, strides)
    view[...] = values
    return Laid(memory, view, row, column)


@dataclass(frozen=True)
class Engine:
    """The product of one machine's program for one dtype."""

    machine: str
    dtype: str

    @property
    def width(self) -> int:
        return panel_width(module_for(self.machine), type_of(self.dtype))

    def call(self, kind: str, *arguments: int) -> None:
        program(self.machine)[0][f"{kind}_{type_of(self.dtype)}"](*arguments)

    def pack(self, b: Laid, at_end: bool = True) -> Array:
        k, n = b.view.shape
        panels = -(-n // self.width)
        out = guarded(panels * self.width * k, self.dtype, at_end)
        self.call("pack", k, n, b.address, b.row, b.column, out.ctypes.data, 0, panels)
        return out

    def right(self, b: Laid, packed: bool, at_end: bool = True) -> tuple[Array, int, int, int]:
        """What holds B, its address, and the strides of its panels."""
        if not packed:
            return b.memory, b.address, b.row, self.width
        out = self.pack(b, at_end)
        return out, out.ctypes.data, self.width, self.width * b.view.shape[0]

    def scratch(self, at_end: bool = True) -> Array:
        count = gemm.scratch_bytes(type_of(self.dtype)) // np.dtype(self.dtype).itemsize
        return guarded(count, self.dtype, at_end)

    def multiply(
        self,
        a: Laid,
        b: Laid,
        *,
        packed: bool = False,
        onto: Array | None = None,
        gap: int = 0,
        at_end: bool = True,
        kind: str = "product",
    ) -> Array:
        """A B, or A B added to `onto`; nothing around it may have changed."""
        m, k, n = *a.view.shape, b.view.shape[1]
        start = np.full((m, n), np.nan, self.dtype) if onto is None else onto
        c, scratch = laid(start, "rows", gap, at_end), self.scratch(at_end)
        held, *right = self.right(b, packed, at_end)
        before = [each.copy() for each in (a.memory, held)]
        left = (a.address, a.row, a.column)
        adding = int(onto is not None)
        self.call(kind, m, n, k, *left, *right, c.address, c.row, adding, scratch.ctypes.data)
        for old, new in zip(before, (a.memory, held), strict=True):
            assert bits(old) == bits(new)
        made = c.view.copy()
        c.view[...] = np.nan
        assert bits(c.memory) == bits(np.full_like(c.memory, np.nan))
        return made


def bits(x: Array) -> bytes:
    return x.tobytes()


def drawn(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def assert_close(made: Array, a: Array, b: Array, onto: Array | None = None) -> None:
    """Within the bound of rounding: a chain of fma a block, then the blocks' sum.

    N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
    """
    k = a.shape[1]
    wide = [each.astype(np.longdouble) for each in (a, b)]
    start = np.zeros_like(made) if onto is None else onto
    sums = wide[0] @ wide[1] + start
    sizes = np.abs(wide[0]) @ np.abs(wide[1]) + np.abs(start)
    roundings = min(k, gemm.DEPTH) + k // gemm.DEPTH + 2
    assert made.dtype == a.dtype
    assert (np.abs(made - sums) <= roundings * np.finfo(a.dtype).eps / 2 * sizes).all()


def choices() -> Iterator[tuple[str, tuple[str, bool], bool, int, bool]]:
    """How A lies, how B lies and whether it is packed, adding, the gap, and where the page is."""
    right = [("rows", False), *((order, True) for order in ORDERS)]
    places = cycle([(0, True), (3, True), (3, False)])
    for (order, b, adding), place in zip(
        product(ORDERS, right, (False, True)), places, strict=False
    ):
        yield order, b, adding, *place
