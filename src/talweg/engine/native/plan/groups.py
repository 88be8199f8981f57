"""Groups: which nodes are computed together.

Elementwise nodes of one shape that follow each other share a nest of loops, so what only they use
is never stored. A reduction joins the nest of its input. Any other node is a group of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from talweg.engine.native.ir.node import (
    AssemblyForm,
    ContractionForm,
    KernelForm,
    MapForm,
    Node,
    ReductionForm,
    ViewForm,
)
from talweg.engine.native.ir.size import ONE, Size, Sizes
from talweg.engine.native.ir.symbolic_graph import SymbolicGraph
from talweg.engine.native.plan.row_analysis import FIRST, Phase, RowAnalysis, analyze_rows
from talweg.engine.run.program import WATCHED

SMALL_PRODUCT = 256
"""A matrix product of at most this many multiplications per row is a nest."""
FEW_ROWS, SMALL_PRODUCT_OF_FEW_ROWS = 2, 4096
"""The limit for batches of at most FEW_ROWS. A step of 64-32-10 on single rows fell by a
quarter, since a call of GEMM costs as much as 100 multiplications; from 8 rows on its tiles win."""
MIN_ROWS_TO_PACK = 16
"""Rows in a batch from which it pays to pack the right sides of products beforehand."""
LARGE = 16_384
"""Numbers in the right side of a product from which it is packed: 64 KB, above a first cache."""


@dataclass(frozen=True, eq=False)
class Group:
    """The base of groups: when its nodes are computed, and the axis of the rows if by rows."""

    phase: Phase
    row_axis: int | None


@dataclass(frozen=True, eq=False)
class NestGroup(Group):
    """Elementwise nodes over one shape, and reductions over the axes `reduced` of that shape.

    A small matrix product is one reduction of the shape (m, n, k).
    """

    shape: Sizes
    nodes: tuple[Node, ...]
    reduced: tuple[int, ...]
    reductions: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class PackGroup(Group):
    """The packing of the right side of a product for all threads."""

    source: Node


@dataclass(frozen=True, eq=False)
class ProductGroup(Group):
    """A large matrix product; `pack` lays out its right side, if that pays."""

    node: Node
    pack: PackGroup | None


@dataclass(frozen=True, eq=False)
class NodeGroup(Group):
    """One node that is put together from pieces, or that has a kernel of its own kind."""

    node: Node


@dataclass(frozen=True)
class Groups:
    """The groups of a graph, each after those that it reads within its phase.

    `index_of` says which group computes a node, or the node that it is a view of; -1 is an input or
    a constant. `stored` are the nodes that another group reads.
    """

    graph: SymbolicGraph
    analysis: RowAnalysis
    order: tuple[Node, ...]
    groups: tuple[Group, ...]
    index_of: Mapping[Node, int]
    stored: frozenset[Node]

    def nest_of(self, node: Node) -> NestGroup | None:
        """The nest that computes a node element by element, if one does."""
        index = self.index_of[node]
        group = self.groups[index] if index >= 0 else None
        return group if isinstance(group, NestGroup) and node in group.nodes else None


def groups_of(graph: SymbolicGraph, rows: int) -> Groups:
    """The groups of a graph, for batches of usually this many rows."""
    builder = _Builder(graph, rows)
    order = sorted(graph.nodes, key=lambda node: (builder.analysis.phases[node], node.position))
    for node in order:
        builder.add(node)
    for node in graph.outputs.values():
        builder.store(node)
    groups = tuple(x.closed() if isinstance(x, _OpenNest) else x for x in builder.groups)
    stored = frozenset(builder.stored)
    return Groups(graph, builder.analysis, tuple(order), groups, builder.index_of, stored)


@dataclass
class _OpenNest:
    """A nest that nodes may still join."""

    phase: Phase
    row_axis: int | None
    shape: Sizes
    nodes: list[Node] = field(default_factory=list)
    reduced: tuple[int, ...] = ()
    reductions: list[Node] = field(default_factory=list)

    @property
    def needs_index(self) -> bool:
        return any(_needs_index(node) for node in self.reductions)

    def closed(self) -> NestGroup:
        nodes, reductions = tuple(self.nodes), tuple(self.reductions)
        return NestGroup(self.phase, self.row_axis, self.shape, nodes, self.reduced, reductions)


class _Builder:
    """Gives each node of a graph to a group."""

    def __init__(self, graph: SymbolicGraph, rows: int) -> None:
        self.packs = rows >= MIN_ROWS_TO_PACK
        self.small = SMALL_PRODUCT_OF_FEW_ROWS if rows <= FEW_ROWS else SMALL_PRODUCT
        self.analysis = analyze_rows(graph)
        self.groups: list[_OpenNest | Group] = []
        self.index_of: dict[Node, int] = {}
        self.stored: set[Node] = set()
        self.watched = _watched(graph)

    def add(self, node: Node) -> None:
        """Give a node to a group, by its form."""
        form = node.form
        if node.gate is None:
            self.index_of[node] = -1
        elif isinstance(form, ViewForm):
            self.index_of[node] = self.index_of[node.inputs[0]]
            self.store(node.inputs[0])
        elif isinstance(form, MapForm):
            self._join_map(node)
        elif isinstance(form, ReductionForm):
            self._join_reduction(node, form.axes(node))
        elif isinstance(form, ContractionForm):
            self._add_product(node)
        else:
            assert isinstance(form, AssemblyForm | KernelForm)
            self._store_inputs(node)
            self._append(NodeGroup(*self._when(node), node), node)

    def store(self, node: Node) -> None:
        """Note that a node, or the node that it is a view of, must be stored."""
        while node.is_view:
            node = node.inputs[0]
        self.stored.add(node)

    def _store_inputs(self, node: Node) -> None:
        for source in node.inputs:
            self.store(source)

    def _when(self, node: Node) -> tuple[Phase, int | None]:
        return self.analysis.phases[node], self.analysis.axes[node]

    def _append(self, group: _OpenNest | Group, node: Node | None = None) -> int:
        """Add a group, which computes and stores a node; returns its index."""
        self.groups.append(group)
        if node is not None:
            self.index_of[node] = len(self.groups) - 1
            self.stored.add(node)
        return len(self.groups) - 1

    # Elementwise nodes --------------------------------------------------------------------------

    def _join_map(self, node: Node) -> None:
        index = self._nest_for(node)
        self._nest(index).nodes.append(node)
        self.index_of[node] = index
        for source in node.inputs:
            if not self._is_in(source, index):
                self.store(source)

    def _nest(self, index: int) -> _OpenNest:
        nest = self.groups[index]
        assert isinstance(nest, _OpenNest)
        return nest

    def _is_in(self, node: Node, index: int) -> bool:
        """Whether a node is computed element by element in this very nest."""
        group = self.groups[index] if self.index_of[node] == index >= 0 else None
        return isinstance(group, _OpenNest) and node in group.nodes

    def _nest_for(self, node: Node) -> int:
        """The nest that an elementwise node joins: that of an input which need not be stored then,
        or the last one that fits, or a new one.
        """
        needed = [
            self.index_of[source]
            for source in node.inputs
            if self._is_in(source, self.index_of[source]) and source not in self.stored
        ]
        if needed and self._may_join(node, max(needed)):
            return max(needed)
        for index in range(len(self.groups) - 1, -1, -1):
            if not isinstance(self.groups[index], _OpenNest):
                break
            if self._may_join(node, index):
                return index
        return self._append(_OpenNest(*self._when(node), node.shape))

    def _may_join(self, node: Node, index: int) -> bool:
        nest = self.groups[index]
        return (
            isinstance(nest, _OpenNest)
            and nest.shape == node.shape
            and (nest.phase, nest.row_axis) == self._when(node)
            and (self._sums_with(node, nest) or (node in self.watched and not nest.reductions))
            and all(
                self.index_of[source] < index
                or (self._is_in(source, index) and source.shape == node.shape)
                for source in node.inputs
            )
        )

    def _sums_with(self, node: Node, nest: _OpenNest) -> bool:
        """Whether a node may share a nest that sums. Nodes that are only watched share none with
        others: the order of a sum depends on its nest, and watching must not change a bit.
        """
        inside = [*nest.nodes, *nest.reductions]
        return all(member in self.watched for member in inside) == (node in self.watched)

    # Reductions ---------------------------------------------------------------------------------

    def _join_reduction(self, node: Node, axes: tuple[int, ...]) -> None:
        """A reduction joins the nest of its input, if their rows are computed together."""
        (source,) = node.inputs
        index = self.index_of[source]
        if not (self._is_in(source, index) and self._may_reduce(node, axes, self._nest(index))):
            self.store(source)
            index = self._nest_to_reduce(node, axes)
        nest = self._nest(index)
        nest.reduced = axes
        nest.reductions.append(node)
        self.index_of[node] = index
        self.stored.add(node)

    def _may_reduce(self, node: Node, axes: tuple[int, ...], nest: _OpenNest) -> bool:
        return (
            not _needs_index(node)
            and nest.phase == self.analysis.phases[node]
            and nest.reduced in ((), axes)
            and not nest.needs_index
            and self._sums_with(node, nest)
            and (nest.row_axis is None or nest.row_axis not in axes)
        )

    def _nest_to_reduce(self, node: Node, axes: tuple[int, ...]) -> int:
        """The last nest that reduces numbers of the same shape over the same axes, or a new one."""
        (source,) = node.inputs
        phase, row_axis = self._when(node)
        if row_axis is not None:  # counted in the axes of what is reduced
            row_axis = self.analysis.axes[source]
        wanted = phase, row_axis, source.shape, axes
        for index in range(len(self.groups) - 1, self.index_of[source], -1):
            nest = self.groups[index]
            if not isinstance(nest, _OpenNest):
                break
            is_alike = (nest.phase, nest.row_axis, nest.shape, nest.reduced) == wanted
            needs_index = nest.needs_index or _needs_index(node)
            if is_alike and self._sums_with(node, nest) and not needs_index:
                return index
        return self._append(_OpenNest(phase, row_axis, source.shape))

    # Products -----------------------------------------------------------------------------------

    def _add_product(self, node: Node) -> None:
        """A matrix product: a nest if it is small, else a call, which may need a packed side."""
        a, b = node.inputs
        self._store_inputs(node)
        phase, row_axis = self._when(node)
        inner = a.shape[-1]
        is_flat = len(a.shape) == len(b.shape) == 2
        if is_flat and self._is_small(node, inner):
            shape = (*node.shape, inner)
            nest = _OpenNest(phase, row_axis, shape, reduced=(2,), reductions=[node])
            self._append(nest, node)
            return
        pack = None
        if is_flat and self.packs and self._pays_to_pack(b, row_axis is not None):
            # a right side that does not follow the rows is packed once a step
            pack = PackGroup(max(FIRST, self.analysis.phases[b].reaching(by_rows=False)), None, b)
            self._append(pack)
        self._append(ProductGroup(phase, row_axis, node, pack), node)

    def _is_small(self, node: Node, inner: Size) -> bool:
        """Whether a product is small whatever the rows are, or a matrix times a vector.

        Of a panel of GEMM, a vector would fill one column.
        """
        if ONE in (node.shape[-1], inner):
            return True
        known = [size.factor for size in (*node.shape, inner) if size.is_known]
        return len(known) >= 2 and math.prod(known) <= self.small

    def _pays_to_pack(self, b: Node, by_rows: bool) -> bool:
        """Whether to pack a right side: one that is transposed or large, or whose rows lie a
        multiple of 256 numbers apart, since these share sets of the cache.
        """
        inner, columns = b.shape
        if not by_rows:
            return inner.power == 1 and columns.is_known and columns.factor % 256 == 0
        if not (inner.is_known and columns.is_known):
            return False
        form = b.form
        is_transposed = isinstance(form, ViewForm) and form.exchanges_axes
        return is_transposed or inner.factor * columns.factor >= LARGE


def _needs_index(node: Node) -> bool:
    return isinstance(node.form, ReductionForm) and node.form.accumulator.needs_index


def _watched(graph: SymbolicGraph) -> set[Node]:
    """The nodes that only watched outputs need."""
    needed: set[Node] = set()
    rest = [node for name, node in graph.outputs.items() if not name.startswith(WATCHED)]
    while rest:
        node = rest.pop()
        if node not in needed:
            needed.add(node)
            rest += node.inputs
    return set(graph.nodes) - needed
