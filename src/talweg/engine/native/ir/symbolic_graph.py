"""The symbolic graph: a graph whose number of rows N is unknown, from which a program is compiled.

A graph is recorded with the sizes of its examples. Recorded twice, with N and with N + 1 rows, it
shows which sizes, settings and numbers hold the rows: those that differ. So one program serves
every batch, the shorter last one too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from talweg.engine.native.ir.node import Lowering, Node
from talweg.engine.native.ir.size import Size
from talweg.errors import EngineError
from talweg.gates import Gate
from talweg.graph import Graph, Recorded, Tensor


@dataclass(frozen=True)
class SymbolicGraph:
    """A graph of `Node`s, whose sizes may depend on the number of rows N.

    `fixed_rows` is the one number of rows for which the graph holds. It is None for a graph that
    holds for any number, and for a graph without rows.
    """

    nodes: list[Node]
    inputs: Mapping[str, Node]
    outputs: Mapping[str, Node]
    fixed_rows: int | None = None


LoweringOf = Callable[[Gate], Lowering | None]
"""The lowering of a gate; None if there is none."""


class HoldsRowsError(EngineError):
    """The graph depends on the number of rows in a way that no size can say."""


def symbolic_graph(recorded: Recorded, lowering_of: LoweringOf) -> SymbolicGraph:
    """The graph for any number of rows; for the recorded number alone if no size can say how it
    depends on them, or if it was not recorded for others.
    """
    if recorded.pair is not None:
        with suppress(HoldsRowsError):
            return _Merger(recorded.smaller, lowering_of).graph(*recorded.pair)
    graph = fixed_graph(recorded.graph, lowering_of)
    return replace(graph, fixed_rows=recorded.rows)


def fixed_graph(graph: Graph, lowering_of: LoweringOf) -> SymbolicGraph:
    """A graph without rows: all its sizes are fixed."""
    return _Merger(None, lowering_of).graph(graph, graph)


class _Merger:
    """Merges the graphs of `rows` and of `rows` + 1 rows; None for a graph without rows."""

    def __init__(self, rows: int | None, lowering_of: LoweringOf) -> None:
        self.rows, self.lowering_of = rows, lowering_of

    def graph(self, one: Graph, two: Graph) -> SymbolicGraph:
        if len(one.nodes) != len(two.nodes):
            raise HoldsRowsError(
                f"{len(one.nodes)} nodes for {self.rows} rows, one more: {len(two.nodes)}"
            )
        made: dict[int, Node] = {}
        twins: dict[int, int] = {}
        for a, b in zip(one.nodes, two.nodes, strict=True):
            twins[a.number] = b.number
            same = [twins[x.number] for x in a.inputs] == [x.number for x in b.inputs]
            if a.gate is not b.gate or not same:
                raise HoldsRowsError(f"another gate for one more row: {a.describe()}")
            made[a.number] = self._node(len(made), a, b, tuple(made[x.number] for x in a.inputs))
        inputs = {name: made[node.number] for name, node in one.inputs.items()}
        outputs = {name: made[node.number] for name, node in one.outputs.items()}
        return SymbolicGraph(list(made.values()), inputs, outputs)

    def _node(self, position: int, a: Tensor, b: Tensor, inputs: tuple[Node, ...]) -> Node:
        shape = self._merged(a.shape, b.shape)
        settings = {name: self._merged(a.settings[name], b.settings[name]) for name in a.settings}
        lowering = self.lowering_of(a.gate) if a.gate else None
        node = Node(position, a, inputs, shape, settings, lowering)
        if node.is_constant and a is not b:
            self._merge_constants(node, a.array, b.array)
        for source in inputs:
            source.users.append(node)
        return node

    def _merged(self, a: Any, b: Any) -> Any:
        """A size or setting from its two recordings: whole numbers as `Size`, others if equal."""
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(self._merged(x, y) for x, y in zip(a, b, strict=True))
        if isinstance(a, bool) or not isinstance(a, int):
            if a is b or a == b:
                return a
            raise HoldsRowsError(f"a setting is {a!r}, and for one more row {b!r}")
        return self._size(a, b)

    def _size(self, a: int, b: int) -> Size:
        if a == b or self.rows is None:
            return Size(a)
        for power in (1, 2):
            factor, rest = divmod(a, self.rows**power)
            if not rest and b == factor * (self.rows + 1) ** power:
                return Size(factor, power)
        raise HoldsRowsError(f"a size is {a} for {self.rows} rows, {b} for one more")

    def _merge_constants(self, node: Node, a: Any, b: Any) -> None:
        """Note a number that grows or falls with the rows; equal arrays are left as they are."""
        if np.array_equal(a, b, equal_nan=True):
            return
        filled = a.size and b.size and a.ndim and (a == a.flat[0]).all() and (b == b.flat[0]).all()
        if filled:  # one number, in a shape that may hold the rows
            a, b = a.flat[0], b.flat[0]
            if np.array_equal(a, b):
                node.value = a.item()
                return
        if self.rows is not None and a.ndim == 0:
            for power in (1, -1):
                factor = float(a) / float(self.rows) ** power
                if np.isclose(float(b), factor * float(self.rows + 1) ** power, rtol=1e-6, atol=0):
                    node.value, node.power = _plain(factor, a.dtype), power
                    return
        raise HoldsRowsError(f"{node.source.describe()} differs for one more row")


def _plain(factor: float, dtype: np.dtype[Any]) -> float:
    """A factor without its rounding error, such as the 1 of 1/N: six digits, if they suffice."""
    short = float(f"{factor:.6g}")
    near = 4 * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    return short if abs(short - factor) <= near * abs(factor) else factor
