"""The NumPy interpreter: a graph, run node by node. Slow, plain, and the oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from talweg.errors import EngineError
from talweg.gates import Array, Spec
from talweg.graph import Graph, Tensor

Instruction = tuple[Callable[..., Any], tuple[int, ...], int, tuple[int, ...]]
"""What to call, the places of its inputs, the place of its result, the places free afterwards."""


class Interpreter:
    """Runs a graph on arrays of the shapes and dtypes that were recorded.

    What does not depend on the graph's inputs was computed while recording and is not computed
    again.

    >>> from talweg.graph import record
    >>> import numpy as np
    >>> Interpreter(record(lambda x, y: x * y + 1.0, 2.0, 3.0))(x=np.array(4.0), y=np.array(5.0))
    {'output': np.float64(21.0)}
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._places = {node.number: place for place, node in enumerate(graph.nodes)}
        self._template: list[Any] = [None if node.recorded else node.array for node in graph.nodes]
        self._inputs = [self._place(node) for node in graph.inputs.values()]
        self._outputs = [self._place(node) for node in graph.outputs.values()]
        self._instructions = self._with_frees([node for node in graph.nodes if _runs(node)])

    def __call__(self, **arrays: Array) -> dict[str, Array]:
        """The outputs by name, for inputs by name; checks the inputs' shapes and dtypes."""
        self._check(arrays)
        results = self.run([arrays[name] for name in self.graph.inputs])
        return dict(zip(self.graph.outputs, results, strict=True))

    def run(self, arrays: Sequence[Array]) -> list[Any]:
        """As calling it, in the order of the graph's inputs and outputs, without checks."""
        values = self._filled(arrays)
        with np.errstate(all="ignore"):
            for function, sources, place, frees in self._instructions:
                values[place] = function(*[values[source] for source in sources])
                for each in frees:
                    values[each] = None
        return [values[place] for place in self._outputs]

    def every_value(self, arrays: Sequence[Array]) -> Iterable[tuple[Tensor, Any]]:
        """Each node with its value, in the order of computing."""
        values = self._filled(arrays)
        for node in self.graph.nodes:
            if _runs(node):
                sources = [values[self._place(each)] for each in node.inputs]
                with np.errstate(all="ignore"):
                    values[self._place(node)] = _function(node)(*sources)
            yield node, values[self._place(node)]

    def _place(self, node: Tensor) -> int:
        return self._places[node.number]

    def _filled(self, arrays: Sequence[Array]) -> list[Any]:
        values = self._template.copy()
        for place, array in zip(self._inputs, arrays, strict=True):
            values[place] = array
        return values

    def _with_frees(self, nodes: list[Tensor]) -> list[Instruction]:
        """Instructions in order, each with the values that nobody reads after it."""
        kept = {*self._outputs, *(i for i, each in enumerate(self._template) if each is not None)}
        instructions: list[Instruction] = []
        for node in reversed(nodes):
            sources = tuple(self._place(each) for each in node.inputs)
            frees = tuple(set(sources) - kept)
            kept.update(sources)
            instructions.append((_function(node), sources, self._place(node), frees))
        return instructions[::-1]

    def _check(self, arrays: Mapping[str, Array]) -> None:
        if set(arrays) != set(self.graph.inputs):
            expected = ", ".join(self.graph.inputs)
            raise EngineError(f"the graph's inputs are {expected}, but {', '.join(arrays)} came")
        for name, node in self.graph.inputs.items():
            found = Spec(np.shape(arrays[name]), arrays[name].dtype)
            if found != node.spec:
                raise EngineError(f"input {name!r} was recorded as {node.spec}, but is {found}")


def _runs(node: Tensor) -> bool:
    return node.recorded and node.gate is not None


def _function(node: Tensor) -> Callable[..., Any]:
    assert node.gate is not None
    return partial(node.gate.value, **node.settings) if node.settings else node.gate.value


def first_non_finite(graph: Graph, arrays: Sequence[Array]) -> Tensor | None:
    """The first node of a graph that makes a NaN or an infinity when run on `arrays`."""
    for node, value in Interpreter(graph).every_value(arrays):
        if node.dtype.kind == "f" and not np.all(np.isfinite(value)):
            return node
    return None
