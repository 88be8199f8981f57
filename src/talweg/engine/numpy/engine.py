"""The interpreter as an engine."""

from __future__ import annotations

from talweg.engine.numpy.interpreter import Interpreter
from talweg.engine.run.engine import Engine
from talweg.graph import Graph


class NumpyEngine(Engine):
    """Runs each graph node by node on NumPy."""

    def function(self, graph: Graph) -> Interpreter:
        return Interpreter(graph)


ENGINE = NumpyEngine
