"""The native GEMM against NumPy's OpenBLAS, both called from machine code on one thread.

`python -m benchmarks.contraction [float32 | float64]` prints the speed relative to OpenBLAS with B
unpacked and with B packed first (packing is timed), and which share of the peak rate of fma the
better of the two and OpenBLAS reach. Each number is the best of many alternating rounds.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks.peak import fma_peak
from benchmarks.timing import machine
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.emit.gemm.matrix import Matrix, Panels, Range
from talweg.engine.native.llvm.compiler import compiled, host
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Value, number, type_of

CASES = [
    *((kind, size, size, size) for size in (256, 512, 1024) for kind in ("NN", "NT", "TN")),
    *(("NN", 32, 100, 64), ("NN", 32, 10, 100), ("TN", 64, 100, 32), ("NN", 200, 128, 28)),
    *(("NN", 200, 128, 128), ("NT", 200, 128, 128), ("TN", 128, 128, 200), ("NN", 200, 1, 128)),
    *(("TN", 128, 1, 200), ("NN", 128, 256, 784), ("TN", 784, 256, 128), ("NN", 256, 1024, 1024)),
    *(("NT", 256, 1024, 1024), ("TN", 1024, 1024, 256), ("NN", 1, 32, 64), ("TN", 64, 32, 1)),
]
"""Which operands are transposed in memory (T), then M, N, K of C (M x N) = A (M x K) B (K x N)."""
_ROUNDS = 15
_SAMPLE = 0.002  # seconds
Array = np.ndarray[Any, Any]
Run = Callable[[int], None]

# Each function of the program repeats its operation `count` times.
_PROGRAM = {
    "product": "i64 count, i64 m, i64 n, i64 k, ptr a, i64 a_row, i64 a_step, ptr b, i64 b_step"
    ", i64 b_panel, ptr c, ptr scratch",
    "pack": "i64 count, i64 k, i64 n, ptr b, i64 b_row, i64 b_column, ptr out, i64 panels",
    "blas": "i64 count, ptr blas, i32 a_kind, i32 b_kind, i64 m, i64 n, i64 k, ptr a, i64 a_row"
    ", ptr b, i64 b_row, ptr c",
}


def main() -> None:
    """Measure all cases for one dtype."""
    dtype = sys.argv[1] if len(sys.argv) > 1 else "float32"
    print(", ".join(f"{name} {value}" for name, value in machine().items()), "\n")
    print("| A B | M | N | K | OpenBLAS | unpacked | packed | of peak | OpenBLAS of peak |")
    print("|---|---|---|---|---|---|---|---|---|")
    functions = _functions(type_of(dtype))
    rate = fma_peak(dtype)
    with threadpool_limits(1, "blas"):
        for case in CASES:
            print(_row(functions, dtype, rate, *case), flush=True)


def _row(
    functions: dict[str, Callable[..., None]],
    dtype: str,
    rate: float,
    kinds: str,
    m: int,
    n: int,
    k: int,
) -> str:
    a, b = _matrix(kinds[0], (m, k), dtype), _matrix(kinds[1], (k, n), dtype)
    blas, pack, packed, *plain = _least(_runs(functions, a, b), _ROUNDS)
    seconds = [min(plain, default=np.inf), pack + packed]
    ratios = [blas / taken if taken < np.inf else np.nan for taken in seconds]
    shares = [2 * m * n * k / taken / rate for taken in (min(seconds), blas)]
    cells = " | ".join(f"{ratio:.2f}".replace("nan", "") for ratio in (*ratios, *shares))
    return f"| {kinds} | {m} | {n} | {k} | {blas * 1e6:.2f} us | {cells} |"


def _matrix(kind: str, shape: tuple[int, int], dtype: str) -> Array:
    """Random numbers in row-major order, or in column-major order if `kind` is T."""
    matrix = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    return np.asfortranarray(matrix) if kind == "T" else matrix


def _least(runs: Sequence[Run], rounds: int) -> list[float]:
    """The minimum of seconds per call, for each of the runs."""
    counts = [_count(run) for run in runs]
    pairs = list(zip(runs, counts, strict=True))
    times = [[_seconds(*pair) for pair in pairs] for _ in range(rounds)]
    return [min(samples) for samples in zip(*times, strict=True)]


def _count(run: Run) -> int:
    """How many calls make one sample long enough to time."""
    count = 1
    while min(_seconds(run, count) for _ in range(3)) * count < _SAMPLE / 2:
        count *= 2
    return count


def _seconds(run: Run, count: int) -> float:
    """CPU seconds of this thread per call, which other programs affect less than wall time."""
    start = time.thread_time()
    run(count)
    return (time.thread_time() - start) / count


# What is timed ------------------------------------------------------------------------------


def _runs(functions: dict[str, Callable[..., None]], a: Array, b: Array) -> list[Run]:
    """OpenBLAS, packing, the product with packed panels, and for row-major B the unpacked one."""
    (m, k), n, width = a.shape, b.shape[1], 2 * host().vector_bytes // a.itemsize
    panels = -(-n // width)
    out, c, other = (np.zeros(size, a.dtype) for size in (panels * width * k, m * n, m * n))
    scratch = np.zeros(gemm.scratch_bytes(type_of(a.dtype)), np.uint8)
    (a_row, a_step), (b_row, b_column) = ([s // x.itemsize for s in x.strides] for x in (a, b))
    address = _openblas(a.dtype.name)
    # CBLAS: 111 is as is, 112 transposed
    kinds = [111 if matrix.flags.c_contiguous else 112 for matrix in (a, b)]

    def product(count: int, *right: int) -> None:
        left, rest = (m, n, k, a.ctypes.data, a_row, a_step), (c.ctypes.data, scratch.ctypes.data)
        functions["product"](count, *left, *right, *rest)

    def packed(count: int) -> None:
        product(count, out.ctypes.data, width, width * k)

    def plain(count: int) -> None:
        product(count, b.ctypes.data, b_row, width)

    def blas(count: int) -> None:
        left, right = (a.ctypes.data, max(a_row, a_step)), (b.ctypes.data, max(b_row, b_column))
        functions["blas"](count, address, *kinds, m, n, k, *left, *right, other.ctypes.data)

    def pack(count: int) -> None:
        functions["pack"](count, k, n, b.ctypes.data, b_row, b_column, out.ctypes.data, panels)

    return [blas, pack, packed, *([plain] if b_column == 1 else [])]


def _openblas(dtype: str) -> int:
    """The address of cblas_gemm in the OpenBLAS that ships with NumPy."""
    name = f"scipy_cblas_{'s' if dtype == 'float32' else 'd'}gemm64_"
    for info in threadpool_info():
        library = ctypes.CDLL(info["filepath"])
        if hasattr(library, name):
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    raise SystemExit("This NumPy ships without OpenBLAS, so there is nothing to compare with.")


# The program --------------------------------------------------------------------------------


def _functions(type: str) -> dict[str, Callable[..., None]]:
    """The compiled functions of the program."""
    module = Module(host().vector_bytes, host().registers)
    for name, parameters in _PROGRAM.items():
        _write(module, type, name, parameters)
    program = compiled(str(module), list(_PROGRAM))
    kinds = {"i64": ctypes.c_int64, "i32": ctypes.c_int32, "ptr": ctypes.c_void_p}
    made: dict[str, Callable[..., None]] = {}
    for name, parameters in _PROGRAM.items():
        types = [kinds[parameter.split()[0]] for parameter in parameters.split(", ")]
        made[name] = ctypes.CFUNCTYPE(None, *types)(program.addresses[name])
    return made


def _write(module: Module, type: str, name: str, parameters: str) -> None:
    """Emit one function of the program."""
    pairs = [(parameter.split()[0], parameter.split()[1]) for parameter in parameters.split(", ")]
    f = module.function(name, pairs, public=True)
    x = {parameter.name[1:]: parameter for parameter in f.parameters}
    with f.loop(0, x["count"]):
        _WRITERS[name](f, type, x)
    f.ret()


def _write_product(f: Function, type: str, x: dict[str, Value]) -> None:
    a, b = Matrix(x["a"], x["a_row"], x["a_step"]), Panels(x["b"], x["b_step"], x["b_panel"])
    c = Matrix(x["c"], x["n"])
    gemm.gemm(f, type, (x["m"], x["n"], x["k"]), a, b, c, scratch=x["scratch"])


def _write_pack(f: Function, type: str, x: dict[str, Value]) -> None:
    b = Matrix(x["b"], x["b_row"], x["b_column"])
    gemm.pack(f, type, (x["k"], x["n"]), b, x["out"], panels=Range(0, x["panels"]))


def _write_blas(f: Function, type: str, x: dict[str, Value]) -> None:
    """cblas_gemm(row-major, kinds, m, n, k, 1, a, lda, b, ldb, 0, c, ldc)."""
    one, zero, row_major = number(1, type), number(0, type), number(101, "i32")
    sizes = [row_major, *(x[name] for name in ("a_kind", "b_kind", "m", "n", "k"))]
    rest = [one, x["a"], x["a_row"], x["b"], x["b_row"], zero, x["c"], x["n"]]
    f.do(f"call void {x['blas'].name}({', '.join(map(str, [*sizes, *rest]))})")


_WRITERS = {"product": _write_product, "pack": _write_pack, "blas": _write_blas}

if __name__ == "__main__":
    main()
