"""Dynamic scheduling: threads take parts of the work as they become free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value


@contextmanager
def loop_over_tickets(f: Function, count: Value, counter: Value) -> Iterator[Value]:
    """Write a loop in which a thread takes ticket after ticket of range(count), while any are left.

    All threads share the counter, so each ticket goes to one thread.
    """
    head, body, after = f.fresh("take"), f.fresh("taken"), f.fresh("gone")
    f.jump(head)
    f.open(head)
    ticket = f.emit("i64", f"atomicrmw add {counter}, i64 1 monotonic")
    f.branch(f.compare("slt", ticket, count), body, after)
    f.open(body)
    yield ticket
    f.jump(head)
    f.open(after)
