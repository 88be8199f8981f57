"""The value of every node of a graph on NumPy, and the node that made a number non-finite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from talweg.gates import Array
from talweg.graph import Graph, Tensor


def is_computed(node: Tensor) -> bool:
    """Whether a run computes the node; inputs and constants are given."""
    return node.recorded and node.gate is not None


def function_of(node: Tensor) -> Callable[..., Any]:
    """The function on arrays that computes the node from its inputs."""
    assert node.gate is not None
    rule = node.gate.on_numpy
    return partial(rule, **node.settings) if node.settings else rule


def every_value(graph: Graph, arrays: Sequence[Array]) -> Iterable[tuple[Tensor, Any]]:
    """Each node with its value, in the order of computation; `arrays` are the inputs in order."""
    inputs = zip(graph.inputs.values(), arrays, strict=True)
    values = {node.number: array for node, array in inputs}
    for node in graph.nodes:
        if is_computed(node):
            sources = [values[source.number] for source in node.inputs]
            with np.errstate(all="ignore"):
                values[node.number] = function_of(node)(*sources)
        yield node, values.setdefault(node.number, node.array)


def origin_of_non_finite(
    graph: Graph, arrays: Sequence[Array], skip: Sequence[str] = ()
) -> Tensor | None:
    """The node that made the first NaN or infinity of an output when run on `arrays`.

    The search starts at the first non-finite output that is not in `skip`, and follows non-finite
    inputs, so an infinity that did not reach the output is not blamed.
    """
    values = {node.number: value for node, value in every_value(graph, arrays)}
    bad = {number for number, value in values.items() if not _is_finite(value)}
    ends = [node for name, node in graph.outputs.items() if name not in skip]
    waiting = [node for node in ends if node.number in bad][:1]
    origins: list[Tensor] = []
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        sources = [source for source in node.inputs if source.number in bad]
        if not sources:
            origins.append(node)
        waiting += [source for source in sources if source.number not in seen]
        seen.update(source.number for source in sources)
    return min(origins, key=lambda node: node.number, default=None)


def _is_finite(value: Any) -> bool:
    return np.asarray(value).dtype.kind != "f" or bool(np.all(np.isfinite(value)))
