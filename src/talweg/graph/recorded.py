"""A graph recorded for an unknown number of rows: once for two numbers that follow each other.

Sizes, settings and numbers that differ between the two graphs hold the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from talweg.errors import TalwegError
from talweg.graph.graph import Graph


@dataclass(frozen=True)
class Recorded:
    """The graph for `rows` rows and, where its sizes are to be known for any number of rows, the
    `pair` of graphs for `smaller` rows and for one more.
    """

    graph: Graph
    rows: int
    pair: tuple[Graph, Graph] | None = None

    @property
    def smaller(self) -> int:
        """The rows of the first of the pair: at least 2, since a size of 1 could be broadcast."""
        return max(self.rows, 2)

    def map(self, change: Callable[[Graph], Graph]) -> Recorded:
        """The same with each graph changed."""
        graph = change(self.graph)
        if self.pair is None:
            return Recorded(graph, self.rows)
        first, second = self.pair
        changed = graph if first is self.graph else change(first)
        return Recorded(graph, self.rows, (changed, change(second)))


def recorded(record: Callable[[int], Graph], rows: int) -> Recorded:
    """The graph that `record` gives, for any number of rows where it can be recorded for others."""
    once = Recorded(record(rows), rows)
    try:
        first = once.graph if once.smaller == rows else record(once.smaller)
        return Recorded(once.graph, rows, (first, record(once.smaller + 1)))
    except TalwegError:
        return once
