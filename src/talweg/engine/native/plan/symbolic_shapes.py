"""The symbolic graph: a graph whose number of rows N is unknown, from which a program is compiled.

A graph is recorded with the sizes of its examples. Recorded twice, with N and with N + 1 rows, it
shows which sizes, settings and numbers hold the rows: those that differ. So one program serves
every batch, the shorter last one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np

from talweg.errors import EngineError
from talweg.gates import Gate
from talweg.graph import Graph, Recorded, Tensor


class Size(NamedTuple):
    """A size: `factor` times the number of rows to the `power`."""

    factor: int
    power: int = 0

    def times(self, other: Size) -> Size:
        return Size(self.factor * other.factor, self.power + other.power if self.factor else 0)

    @property
    def is_known(self) -> bool:
        return self.power == 0

    def of(self, rows: int) -> int:
        """The size for so many rows."""
        return int(self.factor * rows**self.power)

    def __str__(self) -> str:
        rows = {0: "", 1: "N"}.get(self.power, f"N^{self.power}")
        return f"{self.factor}" if not rows else (f"{self.factor} {rows}").removeprefix("1 ")


ONE = Size(1)
Sizes = tuple[Size, ...]


def element_count(sizes: Sizes) -> Size:
    """How many elements a shape has."""
    return Size(prod(size.factor for size in sizes), sum(size.power for size in sizes))


@dataclass(eq=False)
class Node:
    """A node whose sizes may depend on the number of rows N; `source` is the recorded tensor.

    `position` is its index in the graph. A constant that depends on N, such as the 1/N of a mean,
    is `value` times N to the `power`; if it has a shape, every element is that number.
    """

    position: int
    source: Tensor
    inputs: tuple[Node, ...]
    shape: Sizes
    settings: Mapping[str, Any]
    power: int = 0
    value: float | None = None
    users: list[Node] = field(default_factory=list)

    @property
    def gate(self) -> Gate | None:
        return self.source.gate

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def is_constant(self) -> bool:
        return not self.source.recorded

    def __repr__(self) -> str:
        return f"%{self.position}"


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


class HoldsRowsError(EngineError):
    """The graph depends on the number of rows in a way that no size can say."""


def symbolic_graph(recorded: Recorded) -> SymbolicGraph:
    """The graph for any number of rows; for the recorded number alone if no size can say how it
    depends on them, or if it was not recorded for others.
    """
    if recorded.pair is not None:
        with suppress(HoldsRowsError):
            return _zipped(*recorded.pair, recorded.smaller)
    return _zipped(recorded.graph, recorded.graph, None, recorded.rows)


def fixed_graph(graph: Graph) -> SymbolicGraph:
    """A graph without rows: all its sizes are fixed."""
    return _zipped(graph, graph, None)


def _zipped(
    one: Graph, two: Graph, first: int | None, fixed_rows: int | None = None
) -> SymbolicGraph:
    if len(one.nodes) != len(two.nodes):
        raise HoldsRowsError(f"{len(one.nodes)} nodes for {first} rows, one more: {len(two.nodes)}")
    made: dict[int, Node] = {}
    twins: dict[int, int] = {}
    for position, (a, b) in enumerate(zip(one.nodes, two.nodes, strict=True)):
        twins[a.number] = b.number
        same = [twins[x.number] for x in a.inputs] == [x.number for x in b.inputs]
        if a.gate is not b.gate or not same:
            raise HoldsRowsError(f"another gate for one more row: {a.describe()}")
        made[a.number] = _node(position, a, b, tuple(made[x.number] for x in a.inputs), first)
    inputs = {name: made[node.number] for name, node in one.inputs.items()}
    outputs = {name: made[node.number] for name, node in one.outputs.items()}
    return SymbolicGraph(list(made.values()), inputs, outputs, fixed_rows)


def _node(position: int, a: Tensor, b: Tensor, inputs: tuple[Node, ...], first: int | None) -> Node:
    shape = _merged(a.shape, b.shape, first)
    settings = {name: _merged(a.settings[name], b.settings[name], first) for name in a.settings}
    node = Node(position, a, inputs, shape, settings)
    if node.is_constant and a is not b:
        _hold_number(node, a.array, b.array, first)
    for source in inputs:
        source.users.append(node)
    return node


def _merged(a: Any, b: Any, first: int | None) -> Any:
    """A size or setting from its two recordings: whole numbers as `Size`, others if equal."""
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return tuple(_merged(x, y, first) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or not isinstance(a, int):
        if a is b or a == b:
            return a
        raise HoldsRowsError(f"a setting is {a!r}, and for one more row {b!r}")
    return _size(a, b, first)


def _size(a: int, b: int, first: int | None) -> Size:
    if a == b or first is None:
        return Size(a)
    for power in (1, 2):
        factor, rest = divmod(a, first**power)
        if not rest and b == factor * (first + 1) ** power:
            return Size(factor, power)
    raise HoldsRowsError(f"a size is {a} for {first} rows, {b} for one more")


def _hold_number(node: Node, a: Any, b: Any, first: int | None) -> None:
    """Note a number that grows or falls with the rows; equal arrays are left as they are."""
    if np.array_equal(a, b, equal_nan=True):
        return
    filled = a.size and b.size and a.ndim and (a == a.flat[0]).all() and (b == b.flat[0]).all()
    if filled:  # one number, in a shape that may hold the rows
        a, b = a.flat[0], b.flat[0]
        if np.array_equal(a, b):
            node.value = a.item()
            return
    if first is not None and a.ndim == 0:
        for power in (1, -1):
            factor = float(a) / float(first) ** power
            if np.isclose(float(b), factor * float(first + 1) ** power, rtol=1e-6, atol=0):
                node.value, node.power = _plain(factor, a.dtype), power
                return
    raise HoldsRowsError(f"{node.source.describe()} differs for one more row")


def _plain(factor: float, dtype: np.dtype[Any]) -> float:
    """A factor without its rounding error, such as the 1 of 1/N: six digits, if they suffice."""
    short = float(f"{factor:.6g}")
    near = 4 * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    return short if abs(short - factor) <= near * abs(factor) else factor
