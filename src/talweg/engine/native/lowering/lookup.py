"""Gates that look rows up by codes: gather from a table, scatter-add into one.

No address is made from a code that was not compared with the table's size before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from talweg import gates
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import Lanes, known_chunks, load_lanes, store_lanes
from talweg.engine.native.emit.own_kernel import OwnKernel
from talweg.engine.native.ir.node import Axes, KernelForm, Lowering, Node, computed_by_outputs
from talweg.engine.native.ir.size import ONE, Size, element_count, shape_text
from talweg.engine.native.ir.view import View
from talweg.engine.native.llvm.values import Index, Value, number, type_of, vector


@dataclass(frozen=True, eq=False)
class Lookup(OwnKernel):
    """Rows (N, E), one for each of the codes (N,), and a table (L, E) that the codes index."""

    table: View
    codes: View
    rows: View


class Gather(Lookup):
    """Each row is the row of the table at its code; NaN for a code outside the table."""

    def reads(self) -> list[View]:
        return [self.codes, self.table]

    def writes(self) -> list[View]:
        return [self.rows]

    def operations(self) -> Size:
        return element_count(self.rows.shape)

    def emit(self, frame: Frame) -> None:
        _Writer(frame, self).gather()

    def __str__(self) -> str:
        return f"take {shape_text(self.rows.shape)}, table {shape_text(self.table.shape)}"


class ScatterAdd(Lookup):
    """Each row of the table is the sum of the rows with its code."""

    def reads(self) -> list[View]:
        return [self.codes, self.rows]

    def writes(self) -> list[View]:
        return [self.table]

    def operations(self) -> Size:
        sizes = element_count(self.rows.shape), element_count(self.table.shape)
        return max(sizes, key=lambda size: (size.power, size.factor))

    def emit(self, frame: Frame) -> None:
        _Writer(frame, self).scatter_add()

    def __str__(self) -> str:
        return f"segment_sum {shape_text(self.rows.shape)}, table {shape_text(self.table.shape)}"


def _gather(node: Node, row_axis: int | None, inputs: Sequence[View], output: View) -> Gather:
    table, codes = inputs
    return Gather(row_axis, table, codes, output)


def _scatter_add(
    node: Node, row_axis: int | None, inputs: Sequence[View], output: View
) -> ScatterAdd:
    rows, codes = inputs
    return ScatterAdd(row_axis, output, codes, rows)


def _rows_of_codes(node: Node, axes: Axes) -> int | None:
    """Codes that follow the rows take theirs from a table that is there as a whole."""
    table, codes = axes
    return codes if table is None else None


class _Writer:
    def __init__(self, frame: Frame, kernel: Lookup) -> None:
        self.frame, self.f, self.kernel = frame, frame.f, kernel
        self.table, self.codes, self.rows = kernel.table, kernel.codes, kernel.rows
        self.start = {view: frame.start(view) for view in (self.table, self.codes, self.rows)}
        self.type = type_of(self.table.dtype)
        self.count = frame.size(self.table.shape[0])

    def gather(self) -> None:
        f, size = self.f, self.codes.shape[0]
        low, high = self.frame.part_of(size, self.kernel.row_axis is not None)
        with f.loop(low, high) as loop:
            code = self._code(loop.index)
            inside = f.compare("ult", code, f.index(self.count))
            source = self._row(self.table, f.select(inside, code, number(0, "i64")))
            target = self._row(self.rows, loop.index)

            def move(lanes: Lanes, column: Index) -> None:
                value = self._load(self.table, source, lanes, column)
                missing = number(float("nan"), vector(self.type, lanes.width))
                self._store(self.rows, target, lanes, column, f.select(inside, value, missing))

            self._along(move)

    def scatter_add(self) -> None:
        """Each thread makes some rows of the table, and so goes through all codes: sums are
        added up in the order of rows.
        """
        f = self.f
        low, high = self.frame.share(self.count, 1)
        with f.loop(low, high) as loop:
            self._along(partial(self._clear, self._row(self.table, loop.index)))
        mine = f.index(f.minus(high, low))
        with f.loop(0, self.frame.size(self.codes.shape[0])) as loop:
            code = self._code(loop.index)
            # wraps around for a code far out of range, and is then no smaller than `mine`
            offset = f.subtract(code, f.index(low))
            with f.when(f.compare("ult", offset, mine)):
                source, target = self._row(self.rows, loop.index), self._row(self.table, code)

                def add(lanes: Lanes, column: Index) -> None:
                    total = self._load(self.table, target, lanes, column)
                    term = self._load(self.rows, source, lanes, column)
                    self._store(self.table, target, lanes, column, f.add(total, term))

                self._along(add)

    # Rows -----------------------------------------------------------------------------------

    def _clear(self, row: Value, lanes: Lanes, column: Index) -> None:
        zero = number(0, vector(self.type, lanes.width))
        self._store(self.table, row, lanes, column, zero)

    def _code(self, index: Value) -> Value:
        f, type = self.f, type_of(self.codes.dtype)
        stride = self.frame.size(self.codes.strides[0])
        return f.convert(
            f.load(type, f.at(self.start[self.codes], f.times(index, stride), type)), "i64"
        )

    def _row(self, view: View, index: Value) -> Value:
        """The address of a row."""
        stride = self.frame.size(view.strides[0])
        return self.f.at(self.start[view], self.f.times(index, stride), self.type)

    def _along(self, write: Callable[[Lanes, Index], None]) -> None:
        """Write a loop over the E numbers of a row, in vectors if they are contiguous."""
        for lanes, start, stop in self._chunks():
            with self.f.loop(start, stop, lanes.width) as loop:
                write(lanes, loop.index)

    def _chunks(self) -> Iterator[tuple[Lanes, Index, Index]]:
        size = self.rows.shape[1]
        is_dense = all(view.strides[1] == ONE for view in (self.table, self.rows))
        if is_dense and size.is_known:
            yield from known_chunks(0, size.factor, self.f.module.vector_width(self.type))
        else:
            yield Lanes(1), 0, self.frame.size(size)

    def _at(self, view: View, row: Value, column: Index) -> Value:
        stride = self.frame.size(view.strides[1])
        return self.f.at(row, self.f.times(column, stride), self.type)

    def _load(self, view: View, row: Value, lanes: Lanes, column: Index) -> Value:
        return load_lanes(self.f, lanes, self.type, self._at(view, row, column), True)

    def _store(self, view: View, row: Value, lanes: Lanes, column: Index, value: Value) -> None:
        store_lanes(self.f, lanes, value, self._at(view, row, column), True)


LOWERINGS = {
    gates.take: Lowering(KernelForm(_gather), _rows_of_codes),
    gates.segment_sum: Lowering(KernelForm(_scatter_add), computed_by_outputs),
}
