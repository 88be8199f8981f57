"""What an engine is: how it runs programs and graphs, and what it can do."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from talweg.engine.numpy.threads import blas_threads
from talweg.engine.run.loop import Loop
from talweg.engine.run.outcome import Control, Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.rows import Rows
from talweg.engine.run.steps import GraphFunction, GraphFunctions
from talweg.gates import Array
from talweg.graph import Graph, Recorded

Runner = Callable[[Program, Array, Rows, Rows | None, Control], Outcome]
"""(program, weights, training rows, validation rows, control) -> outcome: trains from the weights;
neither they nor the rows are changed. The program has the graphs that the runner was made from.
"""


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do; it holds without the engine being imported."""

    compiles: bool = False
    """It compiles what it runs, which takes time worth telling."""
    whole_runs: bool = False
    """It runs a whole program in code of its own, and does not need Python between steps."""
    any_rows: bool = False
    """It makes one function of a graph for any number of rows, so it wants `Recorded.pair`."""
    replicas: bool = False
    """It runs many programs as the replicas of one."""
    side_by_side: bool = False
    """Its runs leave Python free, so that several at once are faster."""
    predicts: bool = False
    """Its functions are worth their compiling for predictions."""
    same_bits_by_threads: bool = False
    """The number of threads does not change a bit."""
    dtypes: tuple[str, ...] = ("float32", "float64")


class AnyRows(Protocol):
    """A graph as a function of arrays of any number of rows."""

    def __call__(self, **arrays: Any) -> dict[str, Array]:
        """The outputs by name, for inputs by name."""
        ...

    def bound(
        self, inputs: dict[str, Array], outputs: dict[str, Array], rows: int
    ) -> Callable[[], None]:
        """A call that reads and writes these very arrays."""
        ...


class Engine(ABC):
    """Runs graphs and programs. It need only make functions of graphs: the loop is `Loop` then.

    An engine stands in the table of `talweg.engine.registry`.
    """

    name: str
    capabilities: Capabilities

    def why_missing(self) -> str:
        """Why the engine cannot be used here; empty where it can."""
        return ""

    @abstractmethod
    def function(self, graph: Graph) -> GraphFunction:
        """A graph made ready to run on arrays of the recorded shapes."""

    def function_of_rows(self, graph: Recorded) -> AnyRows:
        """A graph made ready for any number of rows, if `capabilities.any_rows`."""
        raise NotImplementedError

    def lanes(self, itemsize: int) -> int:
        """How many numbers of so many bytes one vector instruction takes."""
        return 1

    def begin(self, weights: Iterable[Array]) -> None:  # noqa: B027 - most have nothing to do
        """Begin, beside Python, what all programs of nets with such weights need."""

    def prepare(self, program: Program) -> Runner:
        """What runs a program, and every other one with the same graphs."""
        return LoopRunner(self, program).run


class LoopRunner:
    """Runs programs by the loop in Python over an engine's functions."""

    def __init__(self, engine: Engine, program: Program) -> None:
        start = time.perf_counter()
        step, others = program.step, (program.evaluation, program.graphs.unwatched_step)
        self.graphs = GraphFunctions(
            engine.function(step), *(engine.function(graph) if graph else None for graph in others)
        )
        self.seconds = time.perf_counter() - start if engine.capabilities.compiles else 0.0

    def run(
        self,
        program: Program,
        weights: Array,
        rows: Rows,
        held_out: Rows | None,
        control: Control,
    ) -> Outcome:
        """Train from `weights` on `rows`; neither is changed."""
        control.begin()
        with np.errstate(all="ignore"), blas_threads(program.limits.threads or 1):
            outcome = Loop(self.graphs, program, weights, rows, held_out, control).run()
        return replace(outcome, compile_seconds=self.seconds)
