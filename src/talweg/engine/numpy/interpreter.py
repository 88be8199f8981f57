"""The interpreter: it runs a graph node by node on NumPy. Slow, simple, and the oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from talweg.errors import EngineError
from talweg.gates import Array, Spec
from talweg.graph import Graph, Tensor


class Interpreter:
    """Runs a graph on arrays of the shapes and dtypes that were recorded.

    The graph becomes a Python function with one line per node (`source`), which saves a walk over
    the nodes at every step. Values that do not depend on the inputs are constants since the
    recording.

    >>> from talweg.graph import record
    >>> interpreter = Interpreter(record(lambda x, y: x * y + 1.0, 2.0, 3.0))
    >>> interpreter(x=np.array(4.0), y=np.array(5.0))["output"].item()
    21.0
    >>> print(interpreter.source)
    def run(v0, v1):
        v2 = multiply_2(v0, v1); del v0, v1
        v4 = add_4(v2, c3); del v2
        return [v4]
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._names = {
            node.number: f"{'v' if node.recorded else 'c'}{index}"
            for index, node in enumerate(graph.nodes)
        }
        self.source = self._written()
        scope: dict[str, Any] = {
            self._name(node): node.array for node in graph.nodes if not node.recorded
        }
        scope |= {self._call(node): _function(node) for node in graph.nodes if _runs(node)}
        exec(compile(self.source, "<talweg graph>", "exec"), scope)
        # like a call, but with inputs and outputs in order, and without checks
        self.run: Callable[..., list[Any]] = scope["run"]

    def __call__(self, **arrays: Array) -> dict[str, Any]:
        """The outputs by name for inputs by name, whose shapes and dtypes are checked."""
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        self._check(arrays)
        with np.errstate(all="ignore"):
            results = self.run(*(arrays[name] for name in self.graph.inputs))
        return dict(zip(self.graph.outputs, results, strict=True))

    def __reduce__(self) -> Any:
        return Interpreter, (self.graph,)  # the function is written again

    def every_value(self, arrays: Sequence[Array]) -> Iterable[tuple[Tensor, Any]]:
        """Each node with its value, in the order of computation."""
        given = zip(self.graph.inputs.values(), arrays, strict=True)
        values = {node.number: array for node, array in given}
        for node in self.graph.nodes:
            if _runs(node):
                sources = [values[source.number] for source in node.inputs]
                with np.errstate(all="ignore"):
                    values[node.number] = _function(node)(*sources)
            yield node, values.setdefault(node.number, node.array)

    def _name(self, node: Tensor) -> str:
        return self._names[node.number]

    def _call(self, node: Tensor) -> str:
        assert node.gate is not None
        return f"{node.gate.name}_{self._name(node)[1:]}"

    def _written(self) -> str:
        """The graph as a Python function that forgets each value after its last use."""
        used = {node.number for node in self.graph.outputs.values()}
        lines = []
        for node in filter(_runs, reversed(self.graph.nodes)):
            sources = [self._name(source) for source in node.inputs]
            line = f"    {self._name(node)} = {self._call(node)}({', '.join(sources)})"
            last = {x.number: x for x in node.inputs if x.recorded and x.number not in used}
            used.update(last)
            frees = ", ".join(self._name(source) for source in last.values())
            lines.append(line + (f"; del {frees}" if frees else ""))
        inputs = ", ".join(self._name(node) for node in self.graph.inputs.values())
        outputs = ", ".join(self._name(node) for node in self.graph.outputs.values())
        return "\n".join([f"def run({inputs}):", *reversed(lines), f"    return [{outputs}]"])

    def _check(self, arrays: Mapping[str, Array]) -> None:
        if set(arrays) != set(self.graph.inputs):
            expected = ", ".join(self.graph.inputs)
            raise EngineError(f"the graph's inputs are {expected}, but {', '.join(arrays)} came")
        for name, node in self.graph.inputs.items():
            spec = Spec(arrays[name].shape, arrays[name].dtype)
            if spec != node.spec:
                raise EngineError(f"input {name!r} was recorded as {node.spec}, but is {spec}")


def _runs(node: Tensor) -> bool:
    return node.recorded and node.gate is not None


def _function(node: Tensor) -> Callable[..., Any]:
    assert node.gate is not None
    rule = node.gate.on_numpy
    return partial(rule, **node.settings) if node.settings else rule


def origin_of_non_finite(
    graph: Graph, arrays: Sequence[Array], skip: Sequence[str] = ()
) -> Tensor | None:
    """The node that made the first NaN or infinity of an output when run on `arrays`.

    The search starts at the first output that is not finite, but for those to `skip`, and follows
    inputs that are not finite: so an infinity that did not reach the output is not blamed.
    """
    values = {node.number: value for node, value in Interpreter(graph).every_value(arrays)}
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
