"""The native engine: whole runs, graphs and predictions in machine code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from talweg.engine.native.build import begin_products
from talweg.engine.native.function import CompiledGraph
from talweg.engine.native.llvm import compiler
from talweg.engine.native.lowering.table import replica_rule
from talweg.engine.native.runtime import launch
from talweg.engine.run.engine import Engine, ReplicaRule, Runner
from talweg.engine.run.program import Program
from talweg.gates import Array, Gate
from talweg.graph import Graph, Recorded
from talweg.pool import Pool


class NativeEngine(Engine):
    """Compiles a whole run to one program. A `Program.method` trains on compiled graphs instead."""

    def why_missing(self) -> str:
        return compiler.why_unavailable()

    def prepare(self, program: Program) -> Runner:
        return super().prepare(program) if program.method else launch.prepare(program).run

    def function(self, graph: Graph) -> GraphInOrder:
        return GraphInOrder(graph)

    def function_of_rows(self, graph: Recorded) -> CompiledGraph:
        return CompiledGraph(graph)

    def vector_width(self, itemsize: int) -> int:
        return compiler.host().vector_bytes // itemsize

    def replica_rule(self, gate: Gate) -> ReplicaRule | None:
        return replica_rule(gate)

    def begin(self, weights: Iterable[Array]) -> None:
        begin_products(weights)


ENGINE = NativeEngine


class GraphInOrder:
    """A compiled graph that takes and gives arrays in order; several threads may call it."""

    def __init__(self, graph: Graph) -> None:
        # an output that has the name of an input would be written over it
        outputs = {f"after.{name}": node for name, node in graph.outputs.items()}
        renamed = Graph(graph.inputs, outputs)
        self.buffers = Pool(partial(_Buffers, CompiledGraph(renamed), renamed))

    def run(self, *arrays: Array) -> list[Any]:
        buffers = self.buffers.take()
        results = buffers.run(arrays)
        self.buffers.give_back(buffers)
        return results


class _Buffers:
    """The arrays that a compiled graph is called on.

    `CompiledGraph` checks each array that it is given, which took 150 us of a step of 200.
    """

    def __init__(self, compiled: CompiledGraph, graph: Graph) -> None:
        self.inputs = [np.zeros(node.shape, node.dtype) for node in graph.inputs.values()]
        self.outputs = [np.zeros(node.shape, node.dtype) for node in graph.outputs.values()]
        inputs = dict(zip(graph.inputs, self.inputs, strict=True))
        outputs = dict(zip(graph.outputs, self.outputs, strict=True))
        self.call = compiled.bound(inputs, outputs, 1)
        self.last: list[Any] = [None] * len(self.inputs)

    def run(self, arrays: Sequence[Array]) -> list[Any]:
        for index, array in enumerate(arrays):
            if array is not self.last[index]:
                self.inputs[index][...] = array
        self.last[:] = arrays
        self.call()
        return [output.copy() for output in self.outputs]
