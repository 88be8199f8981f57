"""Which nodes are computed together: each node of a graph is given to a kernel.

Elementwise nodes of one shape that follow each other share a nest of loops, so what only they need
is never stored. A reduction joins the nest of what it reduces.
"""

from __future__ import annotations

import math

from talweg.engine.native.plan.kernel import Gathering, Kernel, Lookup, Nest, Pack, Product
from talweg.engine.native.plan.row_analysis import VIEWS, stages
from talweg.engine.native.plan.symbolic_shapes import Node, Outline, Size
from talweg.engine.run.program import WATCHED
from talweg.errors import EngineError

SMALL = 256
"""A product of at most so many multiplications a row is written out as a nest."""
ALONE, SMALL_ALONE = 2, 4096
"""With so few rows, so many: a step of 64-32-10 on single rows fell by a quarter, since a call of
the product costs as much as 100 multiplications; from 8 rows on its tiles win."""
FEW = 16
"""Rows in a batch from which it pays to lay out the right sides of products beforehand."""
LARGE = 16_384
"""Numbers in the right side of a product from which it is packed: 64 KB, a first cache and more."""


class Grouping:
    """The kernels of a graph, and for each node the one that makes it.

    `kept` nodes are stored, since another kernel reads them. `rows` are those of a usual batch.
    """

    def __init__(self, graph: Outline, rows: int) -> None:
        self.graph, self.packs = graph, rows >= FEW
        self.small = SMALL_ALONE if rows <= ALONE else SMALL
        self.stage_of, self.axis_of = stages(graph)
        self.kernels: list[Kernel] = []
        self.made_in: dict[Node, int] = {}  # views: where what they are a view of is made
        self.kept: set[Node] = set()
        self.watched = _watched(graph)
        self.order = sorted(graph.nodes, key=lambda node: (self.stage_of[node], node.place))
        for node in self.order:
            self._assign(node)
        for node in graph.outputs.values():
            self._keep(node)

    # Kernels ------------------------------------------------------------------------------

    def _assign(self, node: Node) -> None:
        if node.gate is None:
            self.made_in[node] = -1
        elif node.gate.name in VIEWS:
            self.made_in[node] = self.made_in[node.inputs[0]]
            self._keep(node.inputs[0])
        elif node.gate.kind == "elementwise" or node.gate.name in ("cast", "one_hot", "uniform"):
            self._refuse_without_code(node)
            self._put(node, self._nest_for(node))
        elif node.gate.name in ("reduce_sum", "reduce_max", "argmax"):
            self._reduce(node)
        elif node.gate.name == "matmul":
            self._multiply(node)
        elif node.gate.kind == "index":
            for each in node.inputs:
                self._keep(each)
            self._new(Lookup(self.stage_of[node], self.axis_of[node], node=node), node)
        elif node.gate.name in ("concatenate", "place"):
            for each in node.inputs:
                self._keep(each)
            # a last kernel that reads nothing, so that it stands in the order; pieces fill it in
            self._new(Gathering(self.stage_of[node], self.axis_of[node], node=node), node)
        else:
            raise EngineError(f"the native engine does not know the gate {node.gate.name!r}")

    def _refuse_without_code(self, node: Node) -> None:
        assert node.gate is not None
        if node.gate.kind == "elementwise" and node.gate.native is None:
            raise EngineError(
                f"the gate {node.gate.name!r} ({node.source.line}) has no native code: give it "
                "`native=`, or run with engine='numpy'"
            )

    def _put(self, node: Node, place: int) -> None:
        nest = self.kernels[place]
        assert isinstance(nest, Nest)
        nest.nodes.append(node)
        self.made_in[node] = place
        for each in node.inputs:
            if not self._is_in(each, place):
                self._keep(each)

    def _is_in(self, node: Node, place: int) -> bool:
        """Whether a node is computed element by element in this very nest."""
        kernel = self.kernels[place] if self.made_in[node] == place >= 0 else None
        return isinstance(kernel, Nest) and node in kernel.nodes

    def _keep(self, node: Node) -> None:
        """Note that a node, or what it is a view of, must be stored."""
        while node.gate is not None and node.gate.name in VIEWS:
            node = node.inputs[0]
        self.kept.add(node)

    def _nest_for(self, node: Node) -> int:
        """The nest that an elementwise node joins: that of what it needs and nothing else stores,
        or the last one that fits.
        """
        needed = [
            self.made_in[each]
            for each in node.inputs
            if self._is_in(each, self.made_in[each]) and each not in self.kept
        ]
        if needed and self._may_join(node, max(needed)):
            return max(needed)
        for place in range(len(self.kernels) - 1, -1, -1):
            if not isinstance(self.kernels[place], Nest):
                break
            if self._may_join(node, place):
                return place
        return self._new(Nest(self.stage_of[node], self.axis_of[node], shape=node.shape))

    def _may_join(self, node: Node, place: int) -> bool:
        nest = self.kernels[place]
        return (
            isinstance(nest, Nest)
            and nest.shape == node.shape
            and nest.stage == self.stage_of[node]
            and nest.row_axis == self.axis_of[node]
            and (self._sums_with(node, nest) or (node in self.watched and not nest.reductions))
            and all(
                self.made_in[each] < place
                or (self._is_in(each, place) and each.shape == node.shape)
                for each in node.inputs
            )
        )

    def _sums_with(self, node: Node, nest: Nest) -> bool:
        """Whether a node may share a nest that sums: what is only watched may not share others',
        since how sums are added up depends on their nest, and watching changes no bit.
        """
        inside = [*nest.nodes, *nest.reductions]
        return all(each in self.watched for each in inside) == (node in self.watched)

    def _reduce(self, node: Node) -> None:
        """A reduction joins the nest of what it reduces, if their rows go together."""
        (source,) = node.inputs
        axes = _axes(node)
        place = self.made_in[source]
        joins = False
        if self._is_in(source, place) and node.gate is not None and node.gate.name != "argmax":
            nest = self.kernels[place]
            assert isinstance(nest, Nest)
            joins = (
                nest.stage == self.stage_of[node]
                and nest.reduced in ((), axes)
                and not _has_argmax(nest)
                and self._sums_with(node, nest)
                and (nest.row_axis is None or nest.row_axis not in axes)
            )
        if not joins:
            self._keep(source)
            place = self._nest_to_reduce(node)
        nest = self.kernels[place]
        assert isinstance(nest, Nest)
        nest.reduced = axes
        nest.reductions.append(node)
        self.made_in[node] = place
        self.kept.add(node)

    def _nest_to_reduce(self, node: Node) -> int:
        """The last nest that reduces numbers of the same shape over the same axes, or a new one."""
        (source,) = node.inputs
        axis = self.axis_of[node]
        if axis is not None:  # counted in the axes of what is reduced
            axis = self.axis_of[source]
        wanted = self.stage_of[node], axis, source.shape, _axes(node)
        for place in range(len(self.kernels) - 1, self.made_in[source], -1):
            nest = self.kernels[place]
            if not isinstance(nest, Nest):
                break
            found = nest.stage, nest.row_axis, nest.shape, nest.reduced
            alike = found == wanted and self._sums_with(node, nest)
            if alike and not _has_argmax(nest) and _name(node) != "argmax":
                return place
        return self._new(Nest(self.stage_of[node], axis, shape=source.shape))

    def _multiply(self, node: Node) -> None:
        a, b = node.inputs
        for each in (a, b):
            self._keep(each)
        stage, axis = self.stage_of[node], self.axis_of[node]
        inner = a.shape[-1]
        flat = len(a.shape) == len(b.shape) == 2
        if flat and self._is_small(node, inner):
            shape = (*node.shape, inner)
            self._new(Nest(stage, axis, shape=shape, reduced=(2,), reductions=[node]), node)
            return
        kernel = Product(stage, axis, node=node)
        if flat and self.packs and self._pays_to_pack(b, axis is not None):
            # where it does not follow the rows it is laid out once a step
            stage = max(0, self.stage_of[b] + self.stage_of[b] % 2)
            kernel.pack = Pack(stage, None, source=b)
            self._new(kernel.pack)
        self._new(kernel, node)

    def _is_small(self, node: Node, inner: Size) -> bool:
        """Whether a product is small whatever the rows are."""
        known = [each.factor for each in (*node.shape, inner) if each.is_known]
        return len(known) >= 2 and math.prod(known) <= self.small

    def _pays_to_pack(self, b: Node, by_rows: bool) -> bool:
        """A right side that is transposed must be turned; a large one lies better in panels, and
        one whose rows are a power of two apart, which share their places in the cache.
        """
        inner, columns = b.shape
        if not by_rows:
            return inner.power == 1 and columns.is_known and columns.factor % 256 == 0
        if not (inner.is_known and columns.is_known):
            return False
        is_turned = b.gate is not None and b.gate.name == "transpose"
        return is_turned or inner.factor * columns.factor >= LARGE

    def _new(self, kernel: Kernel, node: Node | None = None) -> int:
        self.kernels.append(kernel)
        if node is not None:
            self.made_in[node] = len(self.kernels) - 1
            self.kept.add(node)
        return len(self.kernels) - 1


def _watched(graph: Outline) -> set[Node]:
    """The nodes that nothing but what is watched needs."""
    needed: set[Node] = set()
    rest = [node for name, node in graph.outputs.items() if not name.startswith(WATCHED)]
    while rest:
        node = rest.pop()
        if node not in needed:
            needed.add(node)
            rest += node.inputs
    return set(graph.nodes) - needed


def _axes(node: Node) -> tuple[int, ...]:
    """The axes that a reduction takes away, as positions."""
    assert node.gate is not None
    if node.gate.name == "argmax":
        return (node.settings["axis"].factor,)
    return tuple(each.factor for each in node.settings["axes"])


def _name(node: Node) -> str:
    assert node.gate is not None
    return node.gate.name


def _has_argmax(nest: Nest) -> bool:
    return any(node.gate is not None and node.gate.name == "argmax" for node in nest.reductions)
