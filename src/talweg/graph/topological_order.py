"""The order in which a graph is computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talweg.graph.tensor import Tensor


def ancestors(outputs: Iterable[Tensor]) -> list[Tensor]:
    """Every node that `outputs` were made from, and they themselves, inputs before users.

    Nodes are numbered as they are made, and a node is made after its inputs, so the order of
    their numbers is a topological order.
    """
    found = {}
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting.extend(node.inputs)
    return [found[number] for number in sorted(found)]


def made_since(outputs: Iterable[Tensor], mark: int) -> list[Tensor]:
    """Those ancestors of `outputs` that were numbered `mark` or later."""
    found = {}
    waiting = [node for node in outputs if node.number >= mark]
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting.extend(each for each in node.inputs if each.number >= mark)
    return [found[number] for number in sorted(found)]
