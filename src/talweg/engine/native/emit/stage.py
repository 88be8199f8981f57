"""One stage of a step as a function: its kernels one after another, on this thread's share."""

from __future__ import annotations

from collections.abc import Mapping

from talweg.engine.native.emit.frame import PARAMETERS, Frame
from talweg.engine.native.emit.gemm import product as contract
from talweg.engine.native.emit.gemm.product import Matrix, Panels
from talweg.engine.native.emit.gemm.tiles import panel_width
from talweg.engine.native.emit.lookup import write_lookup
from talweg.engine.native.emit.nest import write_nest
from talweg.engine.native.llvm.ir import Module
from talweg.engine.native.llvm.values import Index, Value, type_of
from talweg.engine.native.plan.kernel import Kernel, Lookup, Nest, Pack, Product
from talweg.engine.native.plan.order import must_wait
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.view import View
from talweg.engine.native.runtime.barrier import write_barrier
from talweg.engine.native.runtime.control import CONTROL, SCRATCH
from talweg.engine.native.runtime.tickets import taken

TILE = 6
"""Rows of a product's tile, in multiples of which threads share them out."""
SMALL = 2**10
"""Operations of a nest that need not be fast in a long step."""
PARTS, FEWEST = 16, 24
"""Into how many parts a large product is cut, and their fewest rows."""


def write_stage(
    module: Module, plan: Plan, stage: int, name: str, tickets: Mapping[Kernel, int] | None = None
) -> str:
    """Write the function of one stage; its name."""
    kernels = plan.stage(stage)
    rare = module.long_steps and all(_is_small(each) for each in kernels)
    f = module.function(f"{name}_{stage}", PARAMETERS, rare=rare)
    frame = Frame(f, tickets or {})
    since: list[Kernel] = []  # the last barrier
    for kernel in kernels:
        if stage % 2 == 0 and any(must_wait(each, kernel) for each in since):
            write_barrier(f, frame.entry(CONTROL), frame.threads)
            since = []
        since.append(kernel)
        frame.begin()
        _write(frame, kernel)
    f.give()
    return f.name


def _is_small(kernel: Kernel) -> bool:
    """Whether a kernel's own loops are short, or in a function of their own."""
    size = kernel.operations()
    return isinstance(kernel, Pack) or (size.is_known and size.factor < SMALL)


def _write(frame: Frame, kernel: Kernel) -> None:
    if isinstance(kernel, Nest):
        write_nest(frame, kernel)
    elif isinstance(kernel, Product):
        _write_product(frame, kernel)
    elif isinstance(kernel, Lookup):
        write_lookup(frame, kernel)
    else:
        assert isinstance(kernel, Pack)
        _write_pack(frame, kernel)


def _write_pack(frame: Frame, kernel: Pack) -> None:
    """Each thread lays out some panels, or if the rows of b lie in memory, some rows: mostly those
    that it has just made itself. To fetch them from the other core's cache took three times as
    long."""
    assert kernel.b is not None and kernel.packed is not None
    f, type = frame.f, type_of(kernel.b.dtype)
    inner, columns = (frame.size(each) for each in kernel.b.shape)
    b, out = _matrix(frame, kernel.b), frame.entry(kernel.packed.place)
    width = panel_width(f.module, type)
    panels = f.over(f.plus(columns, width - 1), width)
    if b.column == 1:
        rows = frame.share(inner, TILE)
        contract.pack(f, type, inner, columns, b, out, 0, panels, rows)
    else:
        first, last = frame.share(panels, 1)
        contract.pack(f, type, inner, columns, b, out, first, last)


def _matrix(frame: Frame, view: View, pointer: Value | None = None) -> Matrix:
    """The last two axes of a view."""
    row, column = (frame.size(each) for each in view.strides[-2:])
    return Matrix(pointer or frame.start(view), row, column)


def _write_product(frame: Frame, kernel: Product) -> None:
    """The product of two matrices, or of two stacks of them."""
    assert kernel.a is not None and kernel.b is not None and kernel.c is not None
    stack = kernel.c.shape[:-2]
    views = [each.broadcast((*stack, *each.shape[-2:])) for each in (kernel.a, kernel.b)]
    views.append(kernel.c)
    _over_stack(frame, kernel, views, [frame.start(each) for each in views], 0)


def _over_stack(
    frame: Frame, kernel: Product, views: list[View], pointers: list[Value], axis: int
) -> None:
    """A loop over each leading axis, then one product of matrices."""
    f, shape = frame.f, views[2].shape
    if axis == len(shape) - 2:
        matrices = [_matrix(frame, v, p) for v, p in zip(views, pointers, strict=True)]
        _multiply(frame, kernel, views, matrices)
        return
    start: Index = 0
    stop = frame.size(shape[axis])
    if axis == kernel.row_axis:
        start, stop = _rows(frame, shape[axis].factor)
    with f.loop(start, stop) as loop:
        moved = [
            f.at(p, f.times(loop.index, frame.size(v.strides[axis])), type_of(v.dtype))
            for p, v in zip(pointers, views, strict=True)
        ]
        _over_stack(frame, kernel, views, moved, axis + 1)


def _rows(frame: Frame, factor: int) -> tuple[Index, Index]:
    """This thread's rows, of an axis that has `factor` for each."""
    return frame.f.times(frame.low, factor), frame.f.times(frame.high, factor)


def _multiply(frame: Frame, kernel: Product, views: list[View], matrices: list[Matrix]) -> None:
    """This thread's rows of c: those of the batch, or where they are not split, its share."""
    f, (a, b, c) = frame.f, matrices
    type = type_of(views[2].dtype)
    m, n = (frame.size(each) for each in views[2].shape[-2:])
    inner = frame.size(views[0].shape[-1])
    low: Index = 0
    if kernel.row_axis == len(views[2].shape) - 2:
        low, high = _rows(frame, views[2].shape[-2].factor)
        m = f.minus(high, low)
    elif kernel.row_axis is None and kernel not in frame.tickets:
        low, high = frame.share(m, TILE)
        m = f.minus(high, low)
    panels = _panels(frame, kernel, type, b, inner, n)
    scratch = frame.entry(SCRATCH)

    def multiply(low: Index, rows: Index) -> None:
        left = Matrix(f.at(a.pointer, f.times(low, a.row), type), a.row, a.column)
        out = Matrix(f.at(c.pointer, f.times(low, c.row), type), c.row)
        contract.gemm(f, type, (rows, n, inner), left, panels, out, scratch=scratch)

    if kernel in frame.tickets:
        assert isinstance(m, int)
        rows = max(FEWEST, -(-m // (PARTS * TILE)) * TILE)
        with taken(f, f.index(-(-m // rows)), frame.ticket(kernel)) as part:
            first = f.times(part, rows)
            multiply(first, f.least(f.minus(m, first), rows))
        return
    with f.when(f.compare(">", f.index(m), f.index(0))):
        multiply(low, m)


def _panels(frame: Frame, kernel: Product, type: str, b: Matrix, inner: Index, n: Index) -> Panels:
    """The right side: packed beforehand, as it is, or packed by this thread for itself."""
    f = frame.f
    if kernel.packed is not None:
        return contract.packed(f, type, frame.entry(kernel.packed.place), inner)
    if b.column == 1 or n == 1:
        return contract.unpacked(f.module, type, b.pointer, b.row)
    assert kernel.private is not None
    room = frame.entry(kernel.private.place)
    width = panel_width(f.module, type)
    last = f.over(f.plus(n, width - 1), width)
    contract.pack(f, type, inner, n, b, room, 0, last)
    return contract.packed(f, type, room, inner)
