"""Checked programs find and name accesses outside their memory, by one byte or by many."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from talweg.engine.native.checker.instrument import with_checks
from talweg.engine.native.checker.memory import Pieces
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.llvm.compiler import compiled
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Index, Value, number
from talweg.errors import EngineError

COUNT = 10
"""Elements of the arrays of these functions: `input`, which is read-only, and `output`."""
Body = Callable[[Function, Value, Value], None]


def element(f: Function, array: Value, place: Index, type: str = "float") -> Value:
    return f.at(array, place, type)


def vectors(f: Function, x: Value, y: Value, last: int) -> None:
    """Copy vectors of four, from 0 to `last`."""
    with f.loop(0, last, 4) as loop:
        value = f.load("<4 x float>", element(f, x, loop.index))
        f.store(value, element(f, y, loop.index))


def masked(f: Function, x: Value, y: Value, count: int, *, read: bool) -> None:
    mask = f.first_lanes(f.index(count), 4)
    if read:
        f.masked_load("<4 x float>", element(f, x, 8), mask)
    else:
        f.masked_store(number(0, "<4 x float>"), element(f, y, 8), mask)


def copied(f: Function, to: Value, source: Value, size: int) -> None:
    f.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
    f.do(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, i64 {size}, i1 false)")


def filled(f: Function, to: Value, size: int) -> None:
    zero, no = number(0, "i8"), Value("i1", "false")
    f.call("llvm.memset.p0.i64", "void", to, zero, number(size, "i64"), no, external=True)


def on_stack(f: Function, place: int) -> None:
    f.store(number(1, "float"), element(f, f.stack("float", 4, 4), place))


def in_table(f: Function, place: int) -> None:
    f.load("float", element(f, Value("ptr", "@halves"), place))


RIGHT: dict[str, Body] = {
    "load": lambda f, x, y: (f.load("float", element(f, x, 9)), None)[1],
    "store": lambda f, x, y: f.store(number(1, "float"), element(f, y, 9)),
    "vectors": lambda f, x, y: vectors(f, x, y, 8),
    "masked load": lambda f, x, y: masked(f, x, y, 2, read=True),
    "masked store": lambda f, x, y: masked(f, x, y, 2, read=False),
    "a mask of nothing": lambda f, x, y: masked(f, x, y, 0, read=False),
    "copy": lambda f, x, y: copied(f, y, x, 40),
    "fill": lambda f, x, y: filled(f, y, 40),
    "stack": lambda f, x, y: on_stack(f, 3),
    "table": lambda f, x, y: in_table(f, 2),
}
WRONG: dict[str, tuple[Body, str]] = {
    "load": (lambda f, x, y: (f.load("float", element(f, x, 10)), None)[1], "load float"),
    "load before": (lambda f, x, y: (f.load("float", element(f, x, -1)), None)[1], "load float"),
    "store": (lambda f, x, y: f.store(number(1, "float"), element(f, y, 10)), "store float"),
    "store to input": (lambda f, x, y: f.store(number(1, "float"), x), "store float"),
    "wide store": (lambda f, x, y: f.store(number(1, "double"), element(f, y, 9)), "store double"),
    "vectors": (lambda f, x, y: vectors(f, x, y, 10), "load <4 x float>"),
    "masked load": (lambda f, x, y: masked(f, x, y, 3, read=True), "masked.load"),
    "masked store": (lambda f, x, y: masked(f, x, y, 3, read=False), "masked.store"),
    "copy to": (lambda f, x, y: copied(f, x, y, 40), "memcpy"),
    "copy from": (lambda f, x, y: copied(f, y, x, 41), "memcpy"),
    "fill": (lambda f, x, y: filled(f, y, 41), "memset"),
    "stack": (lambda f, x, y: on_stack(f, 4), "store float"),
    "table": (lambda f, x, y: in_table(f, 3), "load float"),
    "nowhere": (lambda f, x, y: (f.load("float", Value("ptr", "null")), None)[1], "load float"),
}


def run_by_hand(body: Body) -> Any:
    """Call a function with this body on `input` (1, ..., 10) and `output`; the output."""
    module = Module(16)
    module.table("halves", [number(0.5, "float")] * 3)
    inner = module.function("kernel", [("ptr", "x"), ("ptr", "y")])
    body(inner, *inner.parameters)
    inner.ret()
    f = module.function("main", [("ptr", "x"), ("ptr", "y")], public=True)
    f.call("kernel", "void", *f.parameters)
    f.ret()
    made = with_checks(str(module))
    code = compiled(made.text, ["main", *made.names], cache=Cache(None), optimizes=False)
    pieces = Pieces(made, code)
    x = pieces.copied(np.arange(1, COUNT + 1, dtype=np.float32), writable=False)
    y = pieces.copied(np.zeros(COUNT, np.float32))
    pieces.name(x.ctypes.data, "the input")
    pieces.name(y.ctypes.data, "the output")
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(code.addresses["main"])
    with pieces.shown():
        call(x.ctypes.data, y.ctypes.data)
    return y


@pytest.mark.parametrize("name", RIGHT)
def test_valid_accesses_pass(name: str) -> None:
    found = run_by_hand(RIGHT[name])
    if name in ("copy", "vectors"):
        count = COUNT if name == "copy" else 8
        np.testing.assert_array_equal(found[:count], np.arange(1, count + 1))


@pytest.mark.parametrize("name", WRONG)
def test_invalid_accesses_are_named(name: str) -> None:
    body, instruction = WRONG[name]
    with pytest.raises(EngineError) as caught:
        run_by_hand(body)
    first, second = str(caught.value).splitlines()
    assert first.startswith("kernel: ") and instruction in first
    assert "bytes that are not its own" in second


def test_the_message_gives_the_distance() -> None:
    with pytest.raises(
        EngineError, match=r"uses 4 bytes .* 40 bytes after .* the input .*read-only"
    ):
        run_by_hand(WRONG["load"][0])
    with pytest.raises(EngineError, match=r"uses 4 bytes .* 40 bytes after .* the output"):
        run_by_hand(WRONG["store"][0])


def test_every_memory_instruction_has_a_check() -> None:
    with pytest.raises(EngineError, match="no check is known for this instruction: %x = cmpxchg"):
        with_checks(
            "define void @f(ptr %p) {\n  %x = cmpxchg ptr %p, i64 0, i64 1 seq_cst seq_cst\n"
        )
