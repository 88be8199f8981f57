"""Where each node's numbers stand, and what each kernel reads and writes.

Views cost nothing. A result goes straight to where it is wanted: into the place of an output, or
into its piece of a concatenation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from talweg.engine.native.emit.bitpack import is_in_bits
from talweg.engine.native.plan.arena import placed
from talweg.engine.native.plan.grouping import Grouping
from talweg.engine.native.plan.in_place import may_fill
from talweg.engine.native.plan.kernel import Gathering, Kernel, Lookup, Nest, Pack, Product
from talweg.engine.native.plan.order import note_lifetimes, ordered
from talweg.engine.native.plan.row_analysis import VIEWS
from talweg.engine.native.plan.symbolic_shapes import ONE, Node, Outline, Size, Sizes, product
from talweg.engine.native.plan.view import Buffer, Kind, View, whole

_LIE = ("contract", "index")
"""Kinds of gates whose inputs lie in memory."""


@dataclass
class Plan:
    """The kernels of one graph, in order, and the table of buffers that they use."""

    graph: Outline
    kernels: list[Kernel]
    buffers: list[Buffer]
    inputs: Mapping[str, Buffer]
    outputs: Mapping[str, Buffer]
    _layouts: dict[tuple[Kind, int], tuple[dict[Buffer, int], int]] = field(default_factory=dict)

    def layout(self, kind: Kind, rows: int) -> tuple[dict[Buffer, int], int]:
        """Where each buffer of a kind lies in an arena, for so many rows, and the arena's bytes."""
        if (kind, rows) not in self._layouts:
            chosen = [each for each in self.buffers if each.kind == kind and each.first >= 0]
            self._layouts[kind, rows] = placed(chosen, rows)
        return self._layouts[kind, rows]

    def stage(self, number: int) -> list[Kernel]:
        return [each for each in self.kernels if each.stage == number]

    @property
    def stages(self) -> list[int]:
        return sorted({each.stage for each in self.kernels})

    def expected(self, rows: int) -> str:
        """A line for each kernel: operations and bytes for so many rows, and the time they take.

        On one core of some 60 billion operations and 20 billion bytes a second, whichever takes
        longer; where the numbers lie in a cache, bytes cost less.
        """
        lines = [f"{'operations':>14} {'bytes':>12} {'us':>8}  kernel, {rows} rows"]
        for kernel in self.kernels:
            operations = kernel.operations().of(rows)
            moved = sum(
                product(view.shape).of(rows) * view.dtype.itemsize
                for view in (*kernel.reads(), *kernel.writes())
            )
            seconds = max(operations / 60e9, moved / 20e9)
            lines.append(f"{operations:>14,} {moved:>12,} {seconds * 1e6:>8.2f}  {kernel}")
        return "\n".join(lines)

    def __str__(self) -> str:
        lines = []
        for number in self.stages:
            lines.append(f"stage {number}, {'by rows' if number % 2 else 'by outputs'}")
            for kernel in self.stage(number):
                reads = " ".join(each.buffer.name for each in kernel.reads())
                writes = " ".join(each.buffer.name for each in kernel.writes())
                level = f"{kernel.level}: " if number % 2 == 0 else ""
                lines += [f"  {level}{kernel}", f"      {reads} -> {writes}"]
        return "\n".join(lines)


def planned(
    graph: Outline,
    *,
    rows: int,
    panel: Mapping[str, int],
    first: int = 0,
) -> Plan:
    """The plan of a graph. `rows`: of a usual batch, though it serves others; `panel`: the columns
    of a packed panel, by dtype; `first`: the entry of the table for its first buffer.
    """
    return _Planner(Grouping(graph, rows), panel, first).plan()


class _Planner:
    """The state of placing: each node's view, and the buffers so far."""

    def __init__(self, groups: Grouping, panel: Mapping[str, int], first: int) -> None:
        self.groups, self.graph = groups, groups.graph
        self.panel, self.first = panel, first
        self.kernels, self.made_in, self.kept = groups.kernels, groups.made_in, groups.kept
        self.buffers: list[Buffer] = []
        self.views: dict[Node, View] = {}
        self.copies: list[tuple[float, Nest]] = []  # with the place of the kernel they follow
        self.filled: dict[Node, View] = {}  # constants of one number that products read

    def plan(self) -> Plan:
        order = self.groups.order
        inputs = {name: self._input(name, node) for name, node in self.graph.inputs.items()}
        outputs = self._place_outputs(inputs)
        for node in reversed(order):
            self._place_pieces(node)
        for node in order:
            self._view(node)
        kernels = ordered(self._connected())
        self._guard(kernels, outputs)
        note_lifetimes(kernels, set(outputs.values()))
        return Plan(self.graph, kernels, self.buffers, inputs, outputs)

    # Buffers --------------------------------------------------------------------------------

    def _buffer(
        self, name: str, dtype: np.dtype[Any], size: Size, kind: Any, array: Any = None
    ) -> Buffer:
        made = Buffer(self.first + len(self.buffers), name, dtype, size, kind, array=array)
        self.buffers.append(made)
        return made

    def _input(self, name: str, node: Node) -> Buffer:
        made = self._buffer(name, node.dtype, product(node.shape), "input")
        self.views[node] = whole(made, node.shape)
        return made

    def _place_outputs(self, inputs: Mapping[str, Buffer]) -> dict[str, Buffer]:
        """Where each output goes: in the place of the input of that name, if nobody else still
        reads it; measures and the rest get room of their own.
        """
        found = {}
        for name, node in self.graph.outputs.items():
            target = inputs.get(name)
            if target is not None and node is self.graph.inputs[name]:
                found[name] = target  # which stays as it is
                continue
            is_free = node in self.made_in and node not in self.views and self._is_made(node)
            if target is None:
                target = self._buffer(name, node.dtype, product(node.shape), "shared")
            elif node not in self.views and self._may_fill(node, self.graph.inputs[name]):
                is_free = True
            elif is_free and not self._may_replace(node, self.graph.inputs[name]):
                is_free = False
            if is_free:
                self.views[node] = whole(target, node.shape)
            else:
                self._copy_at_end(node, target)
            found[name] = target
        return found

    def _may_fill(self, node: Node, old: Node) -> bool:
        return may_fill(node, old, self.kernels, self.made_in)

    def _is_made(self, node: Node) -> bool:
        return node.gate is not None and node.gate.name not in VIEWS

    def _may_replace(self, node: Node, old: Node) -> bool:
        """Whether a node may be written over an input: all else that reads it is done by then."""
        place = self.made_in[node]
        kernel = self.kernels[place]
        if not isinstance(kernel, Nest) or node not in kernel.nodes:
            return False
        for place_of_user, is_view in self._uses(old):
            if place_of_user == place:
                if is_view:
                    return False
            elif (self.kernels[place_of_user].stage, place_of_user) > (kernel.stage, place):
                return False
        return node.shape == old.shape

    def _uses(self, node: Node, is_view: bool = False) -> list[tuple[int, bool]]:
        """The kernels that read a node, and whether they do so through a view."""
        found: list[tuple[int, bool]] = []
        for user in node.users:
            if user.gate is not None and user.gate.name in VIEWS:
                found += self._uses(user, True)
            else:
                found.append((self.made_in[user], is_view))
                packs = [k for k in self.kernels if isinstance(k, Pack) and k.source is node]
                found += [(self.kernels.index(each), True) for each in packs]
        return found

    def _copy_at_end(self, node: Node, target: Buffer) -> None:
        last = max((each.stage for each in self.kernels), default=0)
        nest = Nest(last + last % 2, None, shape=node.shape)
        nest.stores.append((node, whole(target, node.shape)))
        self.copies.append((len(self.kernels), nest))

    def _place_pieces(self, node: Node) -> None:
        """The pieces of a concatenation are made in their places, where they have none yet."""
        if node.gate is None or node.gate.name != "concatenate":
            return
        home = self._home(node)
        start = Size(0)
        axis = node.settings["axis"].factor
        for each in node.inputs:
            ranges = [(Size(0), size, ONE) for size in each.shape]
            ranges[axis] = (start, start, ONE)
            self._offer(each, home.sliced(ranges, each.shape))
            start = Size(start.factor + each.shape[axis].factor, each.shape[axis].power)

    def _offer(self, node: Node, place: View) -> None:
        """Let a node be made in this place, through the reshapes that it went through."""
        while node.gate is not None and node.gate.name == "reshape":
            node = node.inputs[0]
            before = place.reshaped(node.shape)
            if before is None:
                return
            place = before
        if self._is_made(node) and node not in self.views and place.dtype == node.dtype:
            self.views[node] = place

    def _home(self, node: Node) -> View:
        """Where a stored node stands; a new buffer, if nothing has placed it."""
        if node not in self.views:
            assert node.gate is not None
            name = f"{node.gate.name}{node.place}"
            buffer = self._buffer(name, node.dtype, product(node.shape), "shared")
            if is_in_bits(node, self.kernels[self.made_in[node]]):
                buffer.bits = 2 * self.panel["float32"]  # as many as a vector has bytes
            self.views[node] = whole(buffer, node.shape)
        return self.views[node]

    def _view(self, node: Node) -> None:
        """Set where a node's numbers stand, if they stand anywhere."""
        if node.gate is None:
            self._leaf(node)
        elif node.gate.name in VIEWS:
            source = self.views.get(node.inputs[0])
            if source is not None:
                self.views[node] = self._moved(node, source)
        elif node in self.kept:
            self._home(node)

    def _leaf(self, node: Node) -> None:
        if node.number is not None and node.shape:
            self._fill(node)
        elif node.is_constant and node.shape and node not in self.views:
            array = np.ascontiguousarray(node.source.array)
            size = product(node.shape)
            buffer = self._buffer(f"constant{node.place}", node.dtype, size, "constant", array)
            self.views[node] = whole(buffer, node.shape)

    def _fill(self, node: Node) -> None:
        """Room for a constant of one number that others read; nests know it without."""
        if any(each.gate is not None and each.gate.kind in _LIE for each in node.users):
            size = product(node.shape)
            view = whole(
                self._buffer(f"filled{node.place}", node.dtype, size, "shared"), node.shape
            )
            self.copies.append((-1, Nest(0, None, shape=node.shape, stores=[(node, view)])))
            self.filled[node] = view

    def _moved(self, node: Node, source: View) -> View:
        assert node.gate is not None
        if node.gate.name == "transpose":
            return source.transposed([each.factor for each in node.settings["axes"]])
        if node.gate.name == "take_slice":
            return source.sliced(node.settings["ranges"], node.shape)
        if node.gate.name == "broadcast_to":
            return source.broadcast(node.shape)
        return source.reshaped(node.shape) or self._copied(node, source)

    def _copied(self, node: Node, source: View) -> View:
        """A copy, for a reshape that no strides can say; made right after what it copies."""
        base = node.inputs[0]
        name = f"copy{node.place}"
        buffer = self._buffer(name, node.dtype, product(node.shape), "shared")
        axis_of = self.groups.axis_of
        axis = axis_of[base] if axis_of[node] is not None else None
        nest = Nest(self.groups.stage_of[node], axis, shape=source.shape)
        nest.loads[base] = source
        nest.stores.append((base, whole(buffer, source.shape)))
        self.copies.append((self.made_in[base] + 0.5, nest))
        return whole(buffer, node.shape)

    # Loads and stores ---------------------------------------------------------------------------

    def _connected(self) -> list[Kernel]:
        """The kernels, with the views that they read and write."""
        made: list[tuple[float, Kernel]] = []
        for place, kernel in enumerate(self.kernels):
            if isinstance(kernel, Gathering):
                made += [(place, each) for each in self._gathered(kernel)]
            else:
                self._connect(kernel)
                made.append((place, kernel))
        for at, nest in self.copies:
            nest.loads |= {n: self.views[n] for n, _ in nest.stores if n and n in self.views}
            made.append((at, nest))
        return [kernel for _, kernel in sorted(made, key=lambda pair: pair[0])]

    def _connect(self, kernel: Kernel) -> None:
        if isinstance(kernel, Nest):
            self._connect_nest(kernel)
        elif isinstance(kernel, Product):
            assert kernel.node is not None
            kernel.a, kernel.b = (self._read(each) for each in kernel.node.inputs)
            kernel.c = self.views[kernel.node]
            self._pack_privately(kernel)
        elif isinstance(kernel, Lookup):
            assert kernel.node is not None
            first, kernel.codes = (self._read(each) for each in kernel.node.inputs)
            home = self.views[kernel.node]
            kernel.table, kernel.rows = (first, home) if kernel.takes else (home, first)
        elif isinstance(kernel, Pack):
            assert kernel.source is not None
            kernel.b = self._read(kernel.source)
            kernel.packed = self._room_for(kernel)

    def _read(self, node: Node) -> View:
        return self.filled[node] if node in self.filled else self.views[node]

    def _connect_nest(self, nest: Nest) -> None:
        members = set(nest.nodes)
        for node in nest.nodes:
            for each in node.inputs:
                if each not in members and each in self.views:
                    nest.loads[each] = _under(self.views[each], node, nest.shape)
            if node in self.kept:
                nest.stores.append((node, self.views[node]))
        for node in nest.reductions:
            nest.results[node] = self.views[node]
            if node.gate is not None and node.gate.name == "matmul":
                self._connect_small(nest, node)
            elif node.inputs[0] not in members and node.inputs[0] in self.views:
                nest.loads[node.inputs[0]] = self.views[node.inputs[0]]

    def _connect_small(self, nest: Nest, node: Node) -> None:
        """x[m, k] and y[k, n] as views of (m, n, k)."""
        a, b = (self._read(each) for each in node.inputs)
        left = View(a.buffer, nest.shape, (a.strides[0], Size(0), a.strides[1]), a.offset)
        right = View(b.buffer, nest.shape, (Size(0), b.strides[1], b.strides[0]), b.offset)
        nest.pair = left, right

    def _gathered(self, kernel: Gathering) -> list[Kernel]:
        """The copies that a concatenation or a placing still needs."""
        node = kernel.node
        assert node is not None and node.gate is not None
        home = self.views[node]
        if node.gate.name == "place":
            zeros = Nest(kernel.stage, kernel.row_axis, shape=node.shape, stores=[(None, home)])
            piece = home.sliced(node.settings["ranges"], node.inputs[0].shape)
            return [zeros, self._copy(kernel, node.inputs[0], piece)]
        copies: list[Kernel] = []
        start, axis = Size(0), node.settings["axis"].factor
        for each in node.inputs:
            ranges = [(Size(0), size, ONE) for size in each.shape]
            ranges[axis] = (start, start, ONE)
            piece = home.sliced(ranges, each.shape)
            if each not in self.views or not self.views[each].is_same_as(piece):
                copies.append(self._copy(kernel, each, piece))
            start = Size(start.factor + each.shape[axis].factor, each.shape[axis].power)
        return copies

    def _copy(self, kernel: Kernel, node: Node, target: View) -> Nest:
        nest = Nest(kernel.stage, kernel.row_axis, shape=node.shape, stores=[(node, target)])
        if node in self.views:
            nest.loads[node] = self.views[node]
        return nest

    def _guard(self, kernels: list[Kernel], outputs: Mapping[str, Buffer]) -> None:
        """Watch the new weights and state for what is not finite."""
        kept = _kept(outputs)
        for kernel in kernels:
            if isinstance(kernel, Nest):
                kernel.guarded = {view.buffer for _, view in kernel.stores} & kept

    # Order --------------------------------------------------------------------------------------

    def _room_for(self, pack: Pack) -> Buffer:
        """Whole panels of a right side."""
        assert pack.b is not None
        inner, columns = pack.b.shape
        panel = self.panel[pack.b.dtype.name]
        size = inner.times(Size(-(-columns.factor // panel) * panel))
        return self._buffer(f"packed{len(self.buffers)}", pack.b.dtype, size, "shared")

    def _pack_privately(self, kernel: Product) -> None:
        """Room for each thread to pack a right side whose columns do not lie side by side."""
        assert kernel.b is not None
        inner, columns = kernel.b.shape[-2:]
        if kernel.packed is None and ONE not in (columns, kernel.b.strides[-1]):
            panel = self.panel[kernel.b.dtype.name]
            size = inner.times(Size(columns.factor + panel, columns.power))
            name = f"private{len(self.buffers)}"
            kernel.private = self._buffer(name, kernel.b.dtype, size, "private")


def _kept(outputs: Mapping[str, Buffer]) -> set[Buffer]:
    """The buffers of floats that a step hands to the next."""
    return {
        buffer
        for name, buffer in outputs.items()
        if (name == "weights" or name.startswith("state.")) and buffer.dtype.kind == "f"
    }


def _under(view: View, node: Node, shape: Sizes) -> View:
    """A view broadcast to the shape of a nest; labels of a one_hot get an axis at their end."""
    if node.gate is not None and node.gate.name == "one_hot":
        view = View(view.buffer, (*view.shape, ONE), (*view.strides, Size(0)), view.offset)
    return view.broadcast(shape)
