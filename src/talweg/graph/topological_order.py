"""Topological order: every node after its inputs.

Nodes are numbered as they are made, and a node is made after its inputs, so the order of the
numbers is a topological order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

_numbers = itertools.count()


class Numbered(Protocol):
    """A node, as far as the order of nodes is concerned."""

    number: int

    @property
    def inputs(self) -> Sequence[Any]: ...


N = TypeVar("N", bound=Numbered)


def next_number() -> int:
    """The number of the next node; every node made from now on has a larger one."""
    return next(_numbers)


def ancestors(outputs: Iterable[N]) -> list[N]:
    """The outputs and every node that they depend on, inputs before users."""
    return made_since(outputs, 0)


def made_since(outputs: Iterable[N], number: int) -> list[N]:
    """The ancestors of `outputs` whose number is `number` or larger."""
    nodes: dict[int, N] = {}
    pending = [node for node in outputs if node.number >= number]
    while pending:
        node = pending.pop()
        if node.number not in nodes:
            nodes[node.number] = node
            pending.extend(source for source in node.inputs if source.number >= number)
    return [nodes[key] for key in sorted(nodes)]
