"""Work that threads take as they come, so that none waits for one whose core is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Value


@contextmanager
def taken(f: Function, count: Value, place: Value) -> Iterator[Value]:
    """for ticket in what is left of range(count), which all threads take from one word."""
    head, body, after = f.fresh("take"), f.fresh("taken"), f.fresh("gone")
    f.jump(head)
    f.open(head)
    ticket = f.emit("i64", f"atomicrmw add {place}, i64 1 monotonic")
    f.branch(f.compare("slt", ticket, count), body, after)
    f.open(body)
    yield ticket
    f.jump(head)
    f.open(after)
