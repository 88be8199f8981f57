"""Graphs for any number of rows, recorded for two numbers of rows in succession.

Sizes, settings and constants that differ between the two graphs depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from talweg.errors import TalwegError
from talweg.graph.graph import Graph


@dataclass(frozen=True)
class Recorded:
    """The graph for `rows` rows, and the `pair` of graphs for `smaller` rows and for one row more.

    There is no pair if the function cannot be recorded for other numbers of rows.
    """

    graph: Graph
    rows: int
    pair: tuple[Graph, Graph] | None = None

    @property
    def smaller(self) -> int:
        """The rows of the pair's first graph: at least 2, since a size of 1 could be broadcast."""
        return max(self.rows, 2)

    def map(self, change: Callable[[Graph], Graph]) -> Recorded:
        """Apply a change to each graph."""
        graph = change(self.graph)
        if self.pair is None:
            return Recorded(graph, self.rows)
        first, second = self.pair
        changed = graph if first is self.graph else change(first)
        return Recorded(graph, self.rows, (changed, change(second)))


def recorded(record: Callable[[int], Graph], rows: int) -> Recorded:
    """The graph that `record` gives for `rows` rows, and if possible the pair for other numbers."""
    once = Recorded(record(rows), rows)
    try:
        first = once.graph if once.smaller == rows else record(once.smaller)
        return Recorded(once.graph, rows, (first, record(once.smaller + 1)))
    except TalwegError:
        return once
