"""The operands and the loops of a nest; neighboring loops are merged if their strides allow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from talweg.engine.native.emit.accumulators import accumulator_of
from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.ir.nest import Nest
from talweg.engine.native.ir.node import MapForm, Node
from talweg.engine.native.ir.size import ONE, Size, element_count
from talweg.engine.native.ir.view import View
from talweg.engine.native.llvm.values import Index, Value, size_of, type_of


@dataclass
class Axis:
    """One loop: its size, and this thread's part of it."""

    size: Size
    reduced: bool
    start: Index
    stop: Index
    is_part: bool = False
    is_index: bool = False


@dataclass(eq=False)
class Operand:
    """A view in the loops: a stride for each axis, and a pointer that the loops so far have moved.

    The pointer of an array of `bits` stays at the start. `value` is a number that has been loaded.
    """

    node: Node | None
    type: str
    strides: list[Size]
    pointer: Value
    value: Value | None = None
    bits: bool = False


@dataclass
class Operands:
    """The operands of a nest: what is read, what is stored for each element, and the results of
    reductions. `pair` are the factors of a small matrix product.

    `positional` are the nodes that depend on the position of their element. That is the address
    which the element would have in an array of bytes at address 0, so split, merged and transposed
    loops need no rule for it.
    """

    loads: list[Operand] = field(default_factory=list)
    stores: list[Operand] = field(default_factory=list)
    results: list[Operand] = field(default_factory=list)
    pair: list[Operand] = field(default_factory=list)
    positional: list[Operand] = field(default_factory=list)

    def all(self) -> Iterator[Operand]:
        yield from (*self.in_memory(), *self.positional)

    def in_memory(self) -> Iterator[Operand]:
        yield from (*self.loads, *self.pair, *self.stores, *self.results)


class NestLayout:
    """The operands and the loops of a nest."""

    def __init__(self, frame: Frame, nest: Nest) -> None:
        self.frame, self.f, self.nest = frame, frame.f, nest
        self.operands = self._operands()
        self.guards = [
            operand
            for operand, (_, view) in zip(self.operands.stores, nest.stores, strict=True)
            if view.buffer in nest.guarded
        ]
        self.axes = self._axes()

    def _operands(self) -> Operands:
        nest = self.nest
        pair = nest.pair or ()
        return Operands(
            [self._operand(node, view) for node, view in nest.loads.items()],
            [self._operand(node, view) for node, view in nest.stores],
            [self._operand(node, self._stretched(view)) for node, view in nest.results.items()],
            [self._operand(nest.reductions[0], view) for view in pair],
            [_byte_positions(node) for node in nest.nodes if is_positional(node)],
        )

    def _operand(self, node: Node | None, view: View) -> Operand:
        start, in_bits = self.frame.start(view), view.buffer.in_bits
        return Operand(node, type_of(view.dtype), list(view.strides), start, bits=in_bits)

    def _stretched(self, view: View) -> View:
        """A result's view with stride 0 along the axes that were reduced."""
        reduced = self.nest.reduced
        strides = list(view.strides)
        if len(strides) < len(self.nest.shape):  # the reduced axes are gone
            for axis in reduced:
                strides.insert(axis, Size(0))
        strides = [Size(0) if i in reduced else stride for i, stride in enumerate(strides)]
        return View(view.buffer, self.nest.shape, tuple(strides), view.offset)

    def _axes(self) -> list[Axis]:
        """The loops, without axes of size 1, and with neighbors merged if all strides allow it."""
        nest, axes = self.nest, []
        indexed = _index_axis(nest)
        for i, size in enumerate(nest.shape):
            axis = Axis(size, i in nest.reduced, 0, self.frame.size(size), is_index=i == indexed)
            if i == nest.row_axis:
                axis.start, axis.stop = self.frame.rows_of(size)
                axis.is_part = True
            axes.append(axis)
        keep = [i for i, axis in enumerate(axes) if axis.size != ONE or axis.is_index]
        for operand in self.operands.all():
            operand.strides = [operand.strides[i] for i in keep]
        return self._merged([axes[i] for i in keep])

    def _merged(self, axes: list[Axis]) -> list[Axis]:
        i = len(axes) - 2
        while i >= 0:
            outer, inner = axes[i], axes[i + 1]
            fits = all(
                operand.strides[i] == operand.strides[i + 1].times(inner.size)
                for operand in self.operands.all()
            )
            are_alike = outer.reduced == inner.reduced and not (outer.is_index or inner.is_index)
            if fits and are_alike and not inner.is_part:
                inside = self.frame.size(inner.size)
                outer.start = self.f.times(outer.start, inside)
                outer.stop = self.f.times(outer.stop, inside)
                outer.size = outer.size.times(inner.size)
                del axes[i + 1]
                for operand in self.operands.all():
                    del operand.strides[i]
            i -= 1
        return axes

    def vector_axis(self) -> int:
        """The axis along which most operands are contiguous; the last of several."""
        operands = list(self.operands.in_memory())
        scores = [
            sum(x.strides[i] == ONE for x in operands)
            - 4 * sum(x.strides[i] not in (ONE, Size(0)) for x in operands)
            for i in range(len(self.axes))
        ]
        return max(range(len(scores)), key=lambda i: (scores[i], i))

    def lanes(self, size: int) -> int:
        """The lanes of a vector of `size` bytes: those of the widest float, or of bytes."""
        if self.is_bytes:
            return size
        floats = {x.type for x in self.operands.all()} & {"float", "double"}
        return size // size_of("double" if floats == {"double"} else "float")

    @property
    def is_bytes(self) -> bool:
        """Whether the nest computes with bytes alone, of which a vector holds more than floats."""
        types = {operand.type for operand in self.operands.all()}
        return types == {"i8"} and any(node.dtype == np.uint8 for node in self.nest.nodes)


def is_positional(node: Node) -> bool:
    """Whether a node depends on the position of its element."""
    form = node.form
    return isinstance(form, MapForm) and form.positional


def _byte_positions(node: Node) -> Operand:
    """A node as an array of bytes at address 0."""
    strides = [element_count(node.shape[i + 1 :]) for i in range(len(node.shape))]
    return Operand(node, "i8", strides, Value("ptr", "null"))


def _index_axis(nest: Nest) -> int:
    """The axis whose index a node asks for; -1 for none."""
    if any(accumulator_of(node).needs_index for node in nest.reductions):
        return nest.reduced[0]
    forms = [node.form for node in nest.nodes]
    has_new_axis = any(isinstance(form, MapForm) and form.new_axes for form in forms)
    return len(nest.shape) - 1 if has_new_axis else -1
