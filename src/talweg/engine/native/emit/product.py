"""Matrix products that call the GEMM routines, and the packing of their right sides."""

from __future__ import annotations

from talweg.engine.native.control_block import SCRATCH
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.emit.gemm.matrix import Matrix, Panels, Range
from talweg.engine.native.emit.gemm.tiles import ROW_UNIT, panel_width
from talweg.engine.native.emit.tickets import loop_over_tickets
from talweg.engine.native.ir.product import Pack, Product
from talweg.engine.native.ir.view import View
from talweg.engine.native.llvm.values import Index, Value, type_of

PARTS, FEWEST = 16, 24
"""A product that takes tickets is cut into about PARTS parts of at least FEWEST rows."""


def write_pack(frame: Frame, kernel: Pack) -> None:
    """Write the packing of a right side.

    Each thread lays out some panels, or if the rows of b are contiguous, some rows: mostly those
    that it has just computed. Fetching them from another core's cache took three times as long.
    """
    f, type = frame.f, type_of(kernel.b.dtype)
    inner, columns = (frame.size(size) for size in kernel.b.shape)
    b, out = _matrix(frame, kernel.b), frame.entry(kernel.packed.slot)
    width = panel_width(f.module, type)
    panels = f.over(f.plus(columns, width - 1), width)
    if b.column == 1:
        rows = Range(*frame.share(inner, ROW_UNIT))
        gemm.pack(f, type, (inner, columns), b, out, panels=Range(0, panels), rows=rows)
    else:
        mine = Range(*frame.share(panels, 1))
        gemm.pack(f, type, (inner, columns), b, out, panels=mine)


def write_product(frame: Frame, kernel: Product) -> None:
    """Write a product: loops over the stack of matrices, and a call of GEMM for each."""
    stack = kernel.c.shape[:-2]
    views = [view.broadcast((*stack, *view.shape[-2:])) for view in (kernel.a, kernel.b)]
    views.append(kernel.c)
    _over_stack(frame, kernel, views, [frame.start(view) for view in views], 0)


def _matrix(frame: Frame, view: View, pointer: Value | None = None) -> Matrix:
    """The last two axes of a view."""
    row, column = (frame.size(stride) for stride in view.strides[-2:])
    return Matrix(pointer or frame.start(view), row, column)


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
        start, stop = frame.rows_of(shape[axis])
    with f.loop(start, stop) as loop:
        moved = [
            f.at(p, f.times(loop.index, frame.size(v.strides[axis])), type_of(v.dtype))
            for p, v in zip(pointers, views, strict=True)
        ]
        _over_stack(frame, kernel, views, moved, axis + 1)


def _multiply(frame: Frame, kernel: Product, views: list[View], matrices: list[Matrix]) -> None:
    """Multiply this thread's rows of c: its rows of the batch, or its share of all rows."""
    f, (a, b, c) = frame.f, matrices
    type = type_of(views[2].dtype)
    m, n = (frame.size(size) for size in views[2].shape[-2:])
    inner = frame.size(views[0].shape[-1])
    low: Index = 0
    if kernel.row_axis == len(views[2].shape) - 2:
        low, high = frame.rows_of(views[2].shape[-2])
        m = f.minus(high, low)
    elif kernel.row_axis is None and kernel not in frame.tickets:
        low, high = frame.share(m, ROW_UNIT)
        m = f.minus(high, low)
    panels = _panels(frame, kernel, type, b, inner, n)
    scratch = frame.entry(SCRATCH)

    def multiply(low: Index, rows: Index) -> None:
        left = Matrix(f.at(a.pointer, f.times(low, a.row), type), a.row, a.column)
        out = Matrix(f.at(c.pointer, f.times(low, c.row), type), c.row)
        gemm.gemm(f, type, (rows, n, inner), left, panels, out, scratch=scratch)

    if kernel in frame.tickets:
        assert isinstance(m, int)
        rows = max(FEWEST, -(-m // (PARTS * ROW_UNIT)) * ROW_UNIT)
        with loop_over_tickets(f, f.index(-(-m // rows)), frame.ticket(kernel)) as part:
            first = f.times(part, rows)
            multiply(first, f.least(f.minus(m, first), rows))
        return
    with f.when(f.compare("sgt", f.index(m), f.index(0))):
        multiply(low, m)


def _panels(frame: Frame, kernel: Product, type: str, b: Matrix, inner: Index, n: Index) -> Panels:
    """The right side: packed beforehand, as it is, or packed by this thread for itself."""
    f = frame.f
    if kernel.packed is not None:
        return gemm.packed(f, type, frame.entry(kernel.packed.slot), inner)
    if kernel.private is None:
        return gemm.unpacked(f.module, type, b.pointer, b.row)
    room = frame.entry(kernel.private.slot)
    width = panel_width(f.module, type)
    last = f.over(f.plus(n, width - 1), width)
    gemm.pack(f, type, (inner, n), b, room, panels=Range(0, last))
    return gemm.packed(f, type, room, inner)
