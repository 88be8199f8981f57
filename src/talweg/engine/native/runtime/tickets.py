"""Work that threads take as they come, so that none waits for one whose core is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Value
from talweg.engine.native.plan.kernel import Kernel, Product
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.symbolic_shapes import product
from talweg.engine.native.runtime.control import ROW_TICKETS

SHARED = 2**16
"""Elements of a product that does not follow the rows from which threads come for parts of it."""


def tickets_of(plan: Plan) -> dict[Kernel, int]:
    """The large products of a step that threads share as they come, numbered."""
    large = [each for each in plan.kernels if isinstance(each, Product) and _is_large(each)]
    return dict(zip(large, range(ROW_TICKETS), strict=False))


def _is_large(kernel: Product) -> bool:
    assert kernel.c is not None
    size = product(kernel.c.shape)
    flat = len(kernel.c.shape) == 2 and kernel.row_axis is None
    return flat and size.is_known and size.factor >= SHARED


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
