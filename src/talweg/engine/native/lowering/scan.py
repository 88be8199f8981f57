"""Gates that scan an axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from talweg import gates
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.emit.lanes import Lanes, known_chunks, load_lanes, store_lanes
from talweg.engine.native.emit.own_kernel import OwnKernel
from talweg.engine.native.ir.node import Axes, KernelForm, Lowering, Node
from talweg.engine.native.ir.size import ONE, Size, element_count, shape_text
from talweg.engine.native.ir.view import View
from talweg.engine.native.llvm.values import Index, Value, number, type_of, vector
from talweg.engine.native.lowering.replica_rules import unchanged


@dataclass(frozen=True, eq=False)
class CumulativeSum(OwnKernel):
    """Sums of x along an axis, one after another; the other axes are loops and vector lanes."""

    x: View
    out: View
    axis: int
    reverse: bool

    def reads(self) -> list[View]:
        return [self.x]

    def writes(self) -> list[View]:
        return [self.out]

    def operations(self) -> Size:
        return element_count(self.x.shape)

    @property
    def others(self) -> list[int]:
        """The axes that are not scanned."""
        return [axis for axis in range(len(self.x.shape)) if axis != self.axis]

    @property
    def is_alone(self) -> bool:
        return self.row_axis is None and all(self.x.shape[axis] == ONE for axis in self.others)

    def emit(self, frame: Frame) -> None:
        writer = _Writer(frame, self)
        if not self.is_alone:
            writer.loops(self.others, {})
            return
        with frame.f.when(frame.f.compare("eq", frame.thread, number(0, "i64"))):
            writer.loops(self.others, {})

    def __str__(self) -> str:
        return f"cumulative_sum {shape_text(self.x.shape)} over {self.axis}"


class _Writer:
    def __init__(self, frame: Frame, kernel: CumulativeSum) -> None:
        self.frame, self.f, self.kernel = frame, frame.f, kernel
        self.starts = {view: frame.start(view) for view in (kernel.x, kernel.out)}
        self.type = type_of(kernel.x.dtype)
        self.split = self._split_axis()

    def _split_axis(self) -> int | None:
        """The axis that threads share: that of the rows, or the largest."""
        kernel, shape = self.kernel, self.kernel.x.shape
        if kernel.row_axis is not None or kernel.is_alone:
            return kernel.row_axis
        return max(kernel.others, key=lambda axis: (shape[axis].power, shape[axis].factor))

    def loops(self, axes: Sequence[int], indices: Mapping[int, Index]) -> None:
        """Loops over these axes around the scan."""
        if not axes:
            self._scan(Lanes(1), indices)
            return
        first, *rest = axes
        for lanes, start, stop in self._chunks(first):
            with self.f.loop(start, stop, lanes.width) as loop:
                inner = {**indices, first: loop.index}
                if rest:
                    self.loops(rest, inner)
                else:
                    self._scan(lanes, inner)

    def _chunks(self, axis: int) -> Iterator[tuple[Lanes, Index, Index]]:
        """The parts of a loop: whole vectors along a contiguous axis, then the remainder."""
        f, kernel = self.f, self.kernel
        strides = [view.strides[axis] for view in (kernel.x, kernel.out)]
        is_dense = axis == len(kernel.x.shape) - 1 and strides == [ONE, ONE]
        width = f.module.vector_width(self.type) if is_dense else 1
        start, stop = self._part(axis, width)
        if width == 1:
            yield Lanes(1), start, stop
        elif isinstance(start, int) and isinstance(stop, int):
            yield from known_chunks(start, stop, width)
        else:
            main = f.plus(start, f.rounded_down(f.minus(stop, start), width))
            yield Lanes(width), start, main
            yield Lanes(1), main, stop

    def _part(self, axis: int, width: int) -> tuple[Index, Index]:
        size = self.kernel.x.shape[axis]
        if axis == self.split:
            return self.frame.part_of(size, self.kernel.row_axis is not None, width)
        return 0, self.frame.size(size)

    def _scan(self, lanes: Lanes, indices: Mapping[int, Index]) -> None:
        """Add up along the axis, in as many lanes."""
        f, kernel = self.f, self.kernel
        size = self.frame.size(kernel.x.shape[kernel.axis])
        first = number(-0.0, vector(self.type, lanes.width))  # 0 would make 0 of a first -0
        with f.loop(0, size, 1, [first]) as loop:
            index = f.minus(f.minus(size, 1), loop.index) if kernel.reverse else loop.index
            here = {**indices, kernel.axis: index}
            term = load_lanes(f, lanes, self.type, self._address(kernel.x, here), True)
            total = f.add(loop.values[0], term)
            store_lanes(f, lanes, total, self._address(kernel.out, here), True)
            loop.carry(total)

    def _address(self, view: View, indices: Mapping[int, Index]) -> Value:
        offset = self.frame.offset(view, *(indices[axis] for axis in sorted(indices)))
        return self.f.at(self.starts[view], offset, self.type)


def _kernel(
    node: Node, row_axis: int | None, inputs: Sequence[View], output: View
) -> CumulativeSum:
    axis, reverse = node.settings["axis"].factor, node.settings["reverse"]
    return CumulativeSum(row_axis, inputs[0], output, axis, reverse)


def _rows(node: Node, axes: Axes) -> int | None:
    (rows,) = axes
    return rows if rows != node.settings["axis"].factor else None


LOWERINGS = {gates.cumulative_sum: Lowering(KernelForm(_kernel), _rows, unchanged)}
