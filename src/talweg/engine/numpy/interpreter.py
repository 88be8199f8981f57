"""The interpreter runs a graph node by node on NumPy: slow, simple, and the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from talweg.engine.run.values import function_of, is_computed
from talweg.errors import EngineError
from talweg.gates import Array, Spec
from talweg.graph import Graph, Tensor


class Interpreter:
    """Runs a graph on arrays of the shapes and dtypes that were recorded.

    The graph becomes a Python function with one line per node (`source`), so that a step does not
    walk over the nodes. Values that do not depend on the inputs are constants, computed when the
    graph was recorded.

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
        self.source = self._as_python()
        scope: dict[str, Any] = {
            self._name(node): node.array for node in graph.nodes if not node.recorded
        }
        scope |= {self._call(node): function_of(node) for node in graph.nodes if is_computed(node)}
        exec(compile(self.source, "<talweg graph>", "exec"), scope)
        # like a call, but with inputs and outputs by position, and without checks
        self.run: Callable[..., list[Any]] = scope["run"]

    def __call__(self, **arrays: Array) -> dict[str, Any]:
        """The outputs by name for inputs by name, whose shapes and dtypes are checked."""
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        self._check(arrays)
        with np.errstate(all="ignore"):
            results = self.run(*(arrays[name] for name in self.graph.inputs))
        return dict(zip(self.graph.outputs, results, strict=True))

    def __reduce__(self) -> Any:
        return Interpreter, (self.graph,)  # which compiles the function again

    def _name(self, node: Tensor) -> str:
        return self._names[node.number]

    def _call(self, node: Tensor) -> str:
        assert node.gate is not None
        return f"{node.gate.name}_{self._name(node)[1:]}"

    def _as_python(self) -> str:
        """The graph as a Python function that frees each value after its last use."""
        used = {node.number for node in self.graph.outputs.values()}
        lines = []
        for node in filter(is_computed, reversed(self.graph.nodes)):
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
            raise EngineError(
                f"the graph has the inputs {expected}, but got {', '.join(arrays) or 'none'}"
            )
        for name, node in self.graph.inputs.items():
            spec = Spec(arrays[name].shape, arrays[name].dtype)
            if spec != node.spec:
                raise EngineError(
                    f"the input {name!r} was recorded as {node.spec}, but {spec} was given"
                )
