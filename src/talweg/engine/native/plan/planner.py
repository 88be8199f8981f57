"""From groups to a plan: where each node is stored, and what each kernel reads and writes.

Views cost nothing. A result is written right where it is needed: to the buffer of an output, or to
its piece of an array that is assembled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np

from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.nest import Nest
from talweg.engine.native.ir.node import (
    AssemblyForm,
    ContractionForm,
    KernelForm,
    MapForm,
    Node,
    ReductionForm,
    ViewForm,
)
from talweg.engine.native.ir.product import Pack, Product
from talweg.engine.native.ir.size import ONE, Size, element_count
from talweg.engine.native.ir.symbolic_graph import SymbolicGraph
from talweg.engine.native.ir.view import Buffer, Kind, View, whole
from talweg.engine.native.plan.arenas import arenas_of
from talweg.engine.native.plan.groups import (
    Group,
    NestGroup,
    NodeGroup,
    PackGroup,
    ProductGroup,
    groups_of,
)
from talweg.engine.native.plan.hazards import may_overwrite, readings
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import regions_of
from talweg.engine.native.plan.row_analysis import FIRST, Phase


def planned(
    graph: SymbolicGraph,
    *,
    rows: int,
    vector_bytes: int,
    first: int = 0,
    guards: bool = True,
) -> Plan:
    """The plan of a graph.

    `rows` is the size of a usual batch, though the plan serves any. `vector_bytes` is the size of a
    vector register, and `first` is the slot of the first buffer in the table of pointers.
    `guards`: whether to notice NaN and infinity in new weights and state.
    """
    return _Planner(graph, rows, vector_bytes, first, guards).plan()


class _Planner:
    """Gives nodes their views and groups their kernels; `views` has the nodes that are placed."""

    def __init__(
        self,
        graph: SymbolicGraph,
        rows: int,
        vector_bytes: int,
        first: int,
        guards: bool,
    ) -> None:
        self.groups = groups_of(graph, rows)
        self.graph, self.vector_bytes, self.first = graph, vector_bytes, first
        self.guards = guards
        self.guarded: frozenset[Buffer] = frozenset()
        self.buffers: list[Buffer] = []
        self.views: dict[Node, View] = {}
        self.filled: dict[Node, View] = {}  # constants of one number that kernels read from memory
        self.fills: list[tuple[Phase, Kernel]] = []
        self.copies: dict[int, list[tuple[Phase, Kernel]]] = {}  # by the group that they follow
        self.packs: dict[PackGroup, Pack] = {}

    def plan(self) -> Plan:
        inputs = {name: self._input(name, node) for name, node in self.graph.inputs.items()}
        outputs, copied = self._place_outputs(inputs)
        if self.guards:
            self.guarded = _guarded(outputs)
        for node in reversed(self.groups.order):
            self._place_pieces(node)
        for node in self.groups.order:
            self._view(node)
        regions = regions_of([*self._kernels(), *self._final_copies(copied)])
        arenas = arenas_of(regions, set(outputs.values()))
        return Plan(self.graph, regions, tuple(self.buffers), inputs, outputs, arenas)

    # Buffers ------------------------------------------------------------------------------------

    def _buffer(
        self, name: str, node: Node, size: Size | None = None, kind: Kind = "shared", **more: Any
    ) -> Buffer:
        """A new buffer for numbers of a node's dtype, as many as it has unless `size` is given."""
        slot = self.first + len(self.buffers)
        buffer = Buffer(slot, name, node.dtype, size or element_count(node.shape), kind, **more)
        self.buffers.append(buffer)
        return buffer

    def _input(self, name: str, node: Node) -> Buffer:
        buffer = self._buffer(name, node, kind="input")
        self.views[node] = whole(buffer, node.shape)
        return buffer

    def _home(self, node: Node) -> View:
        """The view of a stored node, in a new buffer if it has none."""
        if node not in self.views:
            assert node.gate is not None
            in_bits = self._is_in_bits(node)
            buffer = self._buffer(f"{node.gate.name}{node.position}", node, in_bits=in_bits)
            self.views[node] = whole(buffer, node.shape)
        return self.views[node]

    def _is_in_bits(self, node: Node) -> bool:
        """Whether a flat array of booleans is computed and read in whole, and by nests alone."""
        is_flat = len(node.shape) == 1 and node.shape[0].is_known and node.dtype == np.bool_
        is_made = is_flat and self.groups.nest_of(node) is not None
        return is_made and all(_reads_bits(user, node) for user in node.users)

    # Outputs and pieces -------------------------------------------------------------------------

    def _place_outputs(
        self, inputs: Mapping[str, Buffer]
    ) -> tuple[dict[str, Buffer], list[tuple[Node, View]]]:
        """The buffer of each output, and the nodes that must be copied there at the end.

        An output overwrites the input of its name if nothing else still reads it. Others, such as
        measures, get a buffer of their own.
        """
        outputs, copied = {}, []
        for name, node in self.graph.outputs.items():
            old = self.graph.inputs.get(name)
            if node is old:
                outputs[name] = inputs[name]  # unchanged
                continue
            target = inputs[name] if old else self._buffer(name, node)
            home = whole(target, node.shape)
            if self._may_be_placed(node) and (not old or self._may_replace(node, home, old)):
                self.views[node] = home
            else:
                copied.append((node, home))
            outputs[name] = target
        return outputs, copied

    def _may_be_placed(self, node: Node) -> bool:
        """Whether a node is computed, and has no view yet."""
        return node.gate is not None and not node.is_view and node not in self.views

    def _may_replace(self, node: Node, home: View, old: Node) -> bool:
        """Whether a node, or each piece of an assembled one, may overwrite an input."""
        form = node.form
        if node.shape != old.shape:
            return False
        pieces = [(node, home)]
        if isinstance(form, AssemblyForm):
            if not form.covers or len(node.shape) != 1 or not node.shape[0].is_known:
                return False
            pieces = list(zip(node.inputs, form.pieces(node, home), strict=True))
        old_readings = list(readings(old, self.views[old], self.groups))
        return all(
            source is not None and may_overwrite(source, piece, old_readings, self.groups)
            for source, piece in (self._origin(*pair) for pair in pieces)
        )

    def _origin(self, node: Node, view: View) -> tuple[Node | None, View]:
        """The node that `node` is a reshape of, and its view if `node` is to have this `view`;
        None if no strides can express it.
        """
        form = node.form
        while isinstance(form, ViewForm) and form.keeps_order:
            node = node.inputs[0]
            before = view.reshaped(node.shape)
            if before is None:
                return None, view
            view, form = before, node.form
        return node, view

    def _place_pieces(self, node: Node) -> None:
        """Let the pieces of an assembly be computed in place, if they have no view yet."""
        form = node.form
        if not isinstance(form, AssemblyForm) or not form.covers:
            return
        pieces = form.pieces(node, self._home(node))
        for part, view in zip(node.inputs, pieces, strict=True):
            source, piece = self._origin(part, view)
            if source and self._may_be_placed(source) and piece.dtype == source.dtype:
                self.views[source] = piece

    # Views --------------------------------------------------------------------------------------

    def _view(self, node: Node) -> None:
        """Give a node its view, if it is stored."""
        form = node.form
        if node.gate is None:
            self._leaf(node)
        elif isinstance(form, ViewForm):
            source = self.views.get(node.inputs[0])
            if source is not None:
                self.views[node] = form.move(node, source) or self._copied(node, source)
        elif node in self.groups.stored:
            self._home(node)

    def _leaf(self, node: Node) -> None:
        is_stored = bool(node.shape) or _is_read_from_memory(node)
        if node.value is not None and is_stored:
            self._fill(node)
        elif node.is_constant and is_stored and node not in self.views:
            array = np.ascontiguousarray(node.source.array)
            buffer = self._buffer(f"constant{node.position}", node, kind="constant", array=array)
            self.views[node] = whole(buffer, node.shape)

    def _fill(self, node: Node) -> None:
        """A buffer for a constant of one number; nests have the number in their code instead."""
        if _is_read_from_memory(node):
            view = whole(self._buffer(f"filled{node.position}", node), node.shape)
            self.fills.append((FIRST, self._copy(None, node, view)))
            self.filled[node] = view

    def _copied(self, node: Node, source: View) -> View:
        """A copy for a reshape that no strides can express, right after what it copies."""
        base = node.inputs[0]
        buffer = self._buffer(f"copy{node.position}", node)
        analysis = self.groups.analysis
        axis = analysis.axes[base] if analysis.axes[node] is not None else None
        nest = self._copy(axis, base, whole(buffer, source.shape))
        self.copies.setdefault(self.groups.index_of[base], []).append((analysis.phases[node], nest))
        return whole(buffer, node.shape)

    def _read(self, node: Node) -> View:
        """The view of a node that a kernel reads from memory."""
        return self.filled[node] if node in self.filled else self.views[node]

    # Kernels ------------------------------------------------------------------------------------

    def _kernels(self) -> Iterator[tuple[Phase, Kernel]]:
        """The kernels of all groups, each group followed by the copies of what it computes."""
        yield from self.fills
        yield from self.copies.get(-1, [])
        for index, group in enumerate(self.groups.groups):
            yield from ((group.phase, kernel) for kernel in self._kernels_of(group))
            yield from self.copies.get(index, [])

    def _final_copies(self, copied: list[tuple[Node, View]]) -> Iterator[tuple[Phase, Kernel]]:
        """Copies of outputs that could not be computed in place."""
        last = max((group.phase for group in self.groups.groups), default=FIRST)
        for node, target in copied:
            yield last.reaching(by_rows=False), self._copy(None, node, target)

    def _kernels_of(self, group: Group) -> list[Kernel]:
        if isinstance(group, NestGroup):
            return [self._nest(group)]
        if isinstance(group, PackGroup):
            self.packs[group] = self._pack(group)
            return [self.packs[group]]
        if isinstance(group, ProductGroup):
            return [self._product(group)]
        assert isinstance(group, NodeGroup)
        form = group.node.form
        if isinstance(form, AssemblyForm):
            return list(self._assembly(group, form))
        assert isinstance(form, KernelForm)
        inputs = [self._read(source) for source in group.node.inputs]
        return [form.make(group.node, group.row_axis, inputs, self.views[group.node])]

    def _nest(self, group: NestGroup) -> Nest:
        members = set(group.nodes)
        loads: dict[Node, View] = {}
        for node in group.nodes:
            for source in node.inputs:
                if source not in members and source in self.views:
                    loads[source] = _loaded(self.views[source], node, group)
        for node in group.reductions:
            source = node.inputs[0]
            is_contracted = isinstance(node.form, ContractionForm)
            if not is_contracted and source not in members and source in self.views:
                loads[source] = self.views[source]
        stores = [(n, self.views[n]) for n in group.nodes if n in self.groups.stored]
        return Nest(
            group.row_axis,
            group.shape,
            group.nodes,
            group.reduced,
            group.reductions,
            loads,
            tuple(stores),
            {node: self.views[node] for node in group.reductions},
            {node: _terms(node, members) for node in group.reductions},
            self._pair(group),
            frozenset(view.buffer for _, view in stores) & self.guarded,
        )

    def _pair(self, group: NestGroup) -> tuple[View, View] | None:
        """The factors x[m, k] and y[k, n] of a small product, as views of (m, n, k)."""
        if not any(isinstance(node.form, ContractionForm) for node in group.reductions):
            return None
        a, b = (self._read(source) for source in group.reductions[0].inputs)
        left = View(a.buffer, group.shape, (a.strides[0], Size(0), a.strides[1]), a.offset)
        right = View(b.buffer, group.shape, (Size(0), b.strides[1], b.strides[0]), b.offset)
        return left, right

    def _copy(self, row_axis: int | None, node: Node, target: View) -> Nest:
        """A nest that stores a node, or a constant number, in another view."""
        loads = {node: self.views[node]} if node in self.views else {}
        guarded = frozenset({target.buffer}) & self.guarded
        return Nest(row_axis, target.shape, loads=loads, stores=((node, target),), guarded=guarded)

    def _assembly(self, group: NodeGroup, form: AssemblyForm) -> Iterator[Nest]:
        """Zeros if the pieces do not cover all, and a copy of each piece that is not in place."""
        node, row_axis = group.node, group.row_axis
        home = self.views[node]
        if not form.covers:
            yield Nest(row_axis, node.shape, stores=((None, home),))
        for source, piece in zip(node.inputs, form.pieces(node, home), strict=True):
            if source not in self.views or not self.views[source].is_same_as(piece):
                yield self._copy(row_axis, source, piece)

    # Products -----------------------------------------------------------------------------------

    def _pack(self, group: PackGroup) -> Pack:
        """The packing of a right side in whole panels."""
        b = self._read(group.source)
        inner, columns = b.shape
        panel = self._panel_columns(b)
        size = inner.times(Size(-(-columns.factor // panel) * panel))
        return Pack(None, b, self._buffer(f"packed{len(self.buffers)}", group.source, size))

    def _panel_columns(self, b: View) -> int:
        """The columns of a packed panel: two vectors, as `emit.gemm.tiles.panel_width` has it."""
        return 2 * self.vector_bytes // b.dtype.itemsize

    def _product(self, group: ProductGroup) -> Product:
        a, b = (self._read(source) for source in group.node.inputs)
        c = self.views[group.node]
        if group.pack is not None:
            return Product(group.row_axis, a, b, c, packed=self.packs[group.pack].packed)
        return Product(group.row_axis, a, b, c, private=self._private(b, group.node))

    def _private(self, b: View, node: Node) -> Buffer | None:
        """Room for each thread to pack a right side whose rows are not contiguous."""
        inner, columns = b.shape[-2:]
        if ONE in (columns, b.strides[-1]):
            return None
        panel = self._panel_columns(b)
        size = inner.times(Size(columns.factor + panel, columns.power))
        return self._buffer(f"private{len(self.buffers)}", node, size, "private")


def _is_read_from_memory(node: Node) -> bool:
    """Whether a kernel reads a node that is not a nest of elementwise nodes or reductions."""
    return any(isinstance(user.form, ContractionForm | KernelForm) for user in node.users)


def _reads_bits(user: Node, node: Node) -> bool:
    """Whether a user of a flat array, or of a reshape of it, reads all of it in a nest."""
    form = user.form
    if element_count(user.shape) != node.shape[0]:
        return False
    if isinstance(form, ViewForm) and form.keeps_order:
        return all(_reads_bits(reader, node) for reader in user.users)
    return isinstance(form, MapForm) and form.reads_bits


def _guarded(outputs: Mapping[str, Buffer]) -> frozenset[Buffer]:
    """The buffers of floats that a step hands to the next: its weights and its state."""
    return frozenset(
        buffer
        for name, buffer in outputs.items()
        if (name == "weights" or name.startswith("state.")) and buffer.dtype.kind == "f"
    )


def _terms(node: Node, members: Set[Node]) -> tuple[Node, ...]:
    """The terms of a reduction: the factors, if it sums a product that nothing else uses."""
    source, form = node.inputs[0], node.form
    is_sum = isinstance(form, ReductionForm) and form.accumulator.adds
    is_product = isinstance(source.form, MapForm) and source.form.is_product
    is_fused = is_sum and is_product and source in members and source.users == [node]
    return source.inputs if is_fused else node.inputs


def _loaded(view: View, node: Node, group: NestGroup) -> View:
    """A view broadcast to the shape of a nest, with the new axes of the node that reads it."""
    form = node.form
    if isinstance(form, MapForm) and form.new_axes:
        new = form.new_axes
        view = View(
            view.buffer,
            (*view.shape, *(ONE,) * new),
            (*view.strides, *(Size(0),) * new),
            view.offset,
        )
    return view.broadcast(group.shape)
