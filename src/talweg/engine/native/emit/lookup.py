"""Rows of a table by their codes, in LLVM IR: taken one by one, or added up in the table.

No address is made from a code that was not compared with the table's size before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import Lanes, known_chunks, load_lanes, store_lanes
from talweg.engine.native.llvm.values import Index, Value, number, type_of, vector
from talweg.engine.native.plan.kernel import Lookup
from talweg.engine.native.plan.symbolic_shapes import ONE
from talweg.engine.native.plan.view import View


def write_lookup(frame: Frame, kernel: Lookup) -> None:
    """Write the loops of a lookup at the end of the frame's function."""
    _Writer(frame, kernel).write()


class _Writer:
    def __init__(self, frame: Frame, kernel: Lookup) -> None:
        assert kernel.table is not None and kernel.codes is not None and kernel.rows is not None
        self.frame, self.f, self.kernel = frame, frame.f, kernel
        self.table, self.codes, self.rows = kernel.table, kernel.codes, kernel.rows
        self.start = {view: frame.start(view) for view in (self.table, self.codes, self.rows)}
        self.type = type_of(self.table.dtype)
        self.count = frame.size(self.table.shape[0])

    def write(self) -> None:
        if self.kernel.takes:
            self._take()
        else:
            self._add_up()

    def _take(self) -> None:
        f, size = self.f, self.codes.shape[0]
        if self.kernel.row_axis is None:
            low, high = self.frame.share(self.frame.size(size), 1)
        else:
            low, high = (f.times(x, size.factor) for x in (self.frame.low, self.frame.high))
        with f.loop(low, high) as loop:
            code = self._code(loop.index)
            inside = f.compare("ult", code, f.index(self.count))
            source = self._row(self.table, f.select(inside, code, number(0, "i64")))
            target = self._row(self.rows, loop.index)

            def move(lanes: Lanes, place: Index) -> None:
                value = self._load(self.table, source, lanes, place)
                nothing = number(float("nan"), vector(self.type, lanes.width))
                self._store(self.rows, target, lanes, place, f.select(inside, value, nothing))

            self._along(move)

    def _add_up(self) -> None:
        """Each thread makes some rows of the table, and so goes through all codes: sums are
        added up in the order of rows.
        """
        f = self.f
        low, high = self.frame.share(self.count, 1)
        with f.loop(low, high) as loop:
            empty = self._row(self.table, loop.index)
            self._along(
                lambda lanes, place: self._store(
                    self.table, empty, lanes, place, number(0, vector(self.type, lanes.width))
                )
            )
        mine = f.index(f.minus(high, low))
        with f.loop(0, self.frame.size(self.codes.shape[0])) as loop:
            code = self._code(loop.index)
            # wraps around where a code is far out of range, and is then not below either
            offset = f.subtract(code, f.index(low))
            with f.when(f.compare("ult", offset, mine)):
                source, target = self._row(self.rows, loop.index), self._row(self.table, code)

                def add(lanes: Lanes, place: Index) -> None:
                    sum = self._load(self.table, target, lanes, place)
                    term = self._load(self.rows, source, lanes, place)
                    self._store(self.table, target, lanes, place, f.add(sum, term))

                self._along(add)

    # Rows -----------------------------------------------------------------------------------

    def _code(self, place: Value) -> Value:
        f, type = self.f, type_of(self.codes.dtype)
        step = self.frame.size(self.codes.strides[0])
        return f.convert(
            f.load(type, f.at(self.start[self.codes], f.times(place, step), type)), "i64"
        )

    def _row(self, view: View, place: Value) -> Value:
        """The address of a row."""
        step = self.frame.size(view.strides[0])
        return self.f.at(self.start[view], self.f.times(place, step), self.type)

    def _along(self, work: Callable[[Lanes, Index], None]) -> None:
        """Work through the E numbers of a row, in vectors where they lie side by side."""
        for lanes, start, stop in self._chunks():
            with self.f.loop(start, stop, lanes.width) as loop:
                work(lanes, loop.index)

    def _chunks(self) -> Iterator[tuple[Lanes, Index, Index]]:
        size = self.rows.shape[1]
        lie = all(view.strides[1] == ONE for view in (self.table, self.rows))
        if lie and size.is_known:
            yield from known_chunks(0, size.factor, self.f.module.lanes(self.type))
        else:
            yield Lanes(1), 0, self.frame.size(size)

    def _at(self, view: View, row: Value, place: Index) -> Value:
        step = self.frame.size(view.strides[1])
        return self.f.at(row, self.f.times(place, step), self.type)

    def _load(self, view: View, row: Value, lanes: Lanes, place: Index) -> Value:
        return load_lanes(self.f, lanes, self.type, self._at(view, row, place), True)

    def _store(self, view: View, row: Value, lanes: Lanes, place: Index, value: Value) -> None:
        store_lanes(self.f, lanes, value, self._at(view, row, place), True)
