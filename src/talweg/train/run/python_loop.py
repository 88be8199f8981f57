"""Runs whose steps Python takes one by one, over graphs that are compiled or interpreted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from talweg.engine.numpy.loop import Graphs, Loop, interpreted
from talweg.engine.numpy.threads import blas_threads
from talweg.engine.run.program import Control, Outcome, Program, Rows
from talweg.gates import Array
from talweg.graph import Graph

if TYPE_CHECKING:
    from talweg.engine.native.function import CompiledGraph


@dataclass(frozen=True)
class Prepared:
    """The graphs of a program, ready to be run with from other weights, by a loop of its own."""

    loop: type[Loop]
    graphs: Graphs
    seconds: float

    def run(
        self, program: Program, weights: Array, rows: Rows, held: Rows | None, control: Control
    ) -> Outcome:
        """Train from `weights` on `rows`; neither is changed. `program` has the same graphs."""
        control.begin()
        with np.errstate(all="ignore"), blas_threads(program.threads or 1):
            outcome = self.loop(self.graphs, program, weights, rows, held, control).run()
        return replace(outcome, compile_seconds=self.seconds)


def prepare(loop: type[Loop], engine: str, program: Program) -> Prepared:
    """What runs the graphs of a program in a loop, compiled for the native engine."""
    start = time.perf_counter()
    graphs = interpreted(program) if engine == "numpy" else _compiled(program)
    return Prepared(loop, graphs, time.perf_counter() - start if engine == "native" else 0.0)


def _compiled(program: Program) -> Graphs:
    others = (program.evaluate, program.unwatched_step)
    return Graphs(_InOrder(program.step), *(_InOrder(each) if each else None for each in others))


class _InOrder:
    """A compiled graph that is called as the interpreter is; runs of a sweep share it."""

    def __init__(self, graph: Graph) -> None:
        from talweg.engine.native.function import CompiledGraph
        from talweg.engine.native.plan.arena import Spares

        # an output that has the name of an input would be written over it
        outputs = {f"after.{name}": node for name, node in graph.outputs.items()}
        renamed = Graph(graph.inputs, outputs)
        self.desks = Spares(partial(_Desk, CompiledGraph(renamed), renamed))

    def run(self, *arrays: Array) -> list[Any]:
        desk = self.desks.take()
        found = desk.run(arrays)
        self.desks.give_back(desk)
        return found


class _Desk:
    """The buffers that a compiled graph is called on.

    `CompiledGraph` looks at each array that it is given, which took 150 us of a step of 200.
    """

    def __init__(self, compiled: CompiledGraph, graph: Graph) -> None:
        self.inputs = [np.zeros(node.shape, node.dtype) for node in graph.inputs.values()]
        self.outputs = [np.zeros(node.shape, node.dtype) for node in graph.outputs.values()]
        given = dict(zip(graph.inputs, self.inputs, strict=True))
        found = dict(zip(graph.outputs, self.outputs, strict=True))
        self.call = compiled.bound(given, found, 1)
        self.last: list[Any] = [None] * len(given)

    def run(self, arrays: Sequence[Array]) -> list[Any]:
        for place, array in enumerate(arrays):
            if array is not self.last[place]:
                self.inputs[place][...] = array
        self.last[:] = arrays
        self.call()
        return [each.copy() for each in self.outputs]
