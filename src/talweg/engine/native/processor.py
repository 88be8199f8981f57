"""Instructions that each family of processors has in its own form; none on other families."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value, number

_FLUSH = {"x86": 0x8040, "arm": 1 << 24}
"""The bits of the control register that treat denormal numbers as 0, as inputs and results."""


def pause(f: Function) -> None:
    """Tell the processor that this is a spin loop."""
    if f.module.family == "x86":
        f.module.declare("llvm.x86.sse2.pause", "void", [])
        f.do("call void @llvm.x86.sse2.pause()")
    elif f.module.family == "arm":
        f.module.declare("llvm.aarch64.hint", "void", ["i32"])
        f.do("call void @llvm.aarch64.hint(i32 1)")


@contextmanager
def without_denormals(f: Function) -> Iterator[None]:
    """What is written inside treats denormal numbers as 0: some processors compute with them a
    hundred times slower. The mode belongs to the thread, and is restored at the end.
    """
    if f.module.family == "x86":
        with _without_on_x86(f):
            yield
    elif f.module.family == "arm":
        before = f.call("llvm.aarch64.get.fpcr", "i64", external=True)
        flushes = f.bits("or", before, number(_FLUSH["arm"], "i64"))
        f.call("llvm.aarch64.set.fpcr", "void", flushes, external=True)
        yield
        f.call("llvm.aarch64.set.fpcr", "void", before, external=True)
    else:
        yield


@contextmanager
def _without_on_x86(f: Function) -> Iterator[None]:
    before, flushes = f.stack("i32", 1, 4), f.stack("i32", 1, 4)
    f.call("llvm.x86.sse.stmxcsr", "void", before, external=True)
    word: Value = f.load("i32", before)
    f.store(f.bits("or", word, number(_FLUSH["x86"], "i32")), flushes)
    f.call("llvm.x86.sse.ldmxcsr", "void", flushes, external=True)
    yield
    f.call("llvm.x86.sse.ldmxcsr", "void", before, external=True)
