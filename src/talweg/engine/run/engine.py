"""The interface of an engine: it runs programs and graphs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from talweg.engine.run.blas_threads import blas_threads
from talweg.engine.run.loop import Loop
from talweg.engine.run.outcome import Control, Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.rows import Rows
from talweg.engine.run.steps import GraphFunction, GraphFunctions
from talweg.gates import Array, Gate
from talweg.graph import Graph, Recorded, Tensor

Runner = Callable[[Program, Array, Rows, Rows | None, Control], Outcome]
"""(program, weights, training rows, validation rows, control) -> outcome: trains from the weights;
neither they nor the rows are changed. The program has the graphs that the runner was made from.
"""


ReplicaRule = Callable[[Gate, Sequence[Tensor], Mapping[str, Any]], Tensor]
"""(gate, inputs with the replicas along their last axis, settings) -> the result of each replica,
also along the last axis."""


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do, as the table of engines lists it without importing the engine."""

    compiles: bool = False
    """It compiles programs, and a run reports the compile time."""
    any_rows: bool = False
    """It compiles a graph once for any number of rows, and needs `Recorded.pair` for that."""
    replicas: bool = False
    """It runs many programs as replicas of one."""
    side_by_side: bool = False
    """Its runs leave Python free, so several runs at once are faster."""
    predicts: bool = False
    """It serves predictions."""
    dtypes: tuple[str, ...] = ("float32", "float64")
    """Of the networks that it trains."""


class AnyRows(Protocol):
    """A graph as a function of arrays of any number of rows.

    With `has_independent_rows`, results do not depend on how rows are cut into calls, and a call
    with many rows needs no more memory than the rows and their results.
    """

    has_independent_rows: bool

    def __call__(self, **arrays: Any) -> dict[str, Array]:
        """The outputs by name, for inputs by name."""
        ...

    def bound(
        self, inputs: dict[str, Array], outputs: dict[str, Array], rows: int
    ) -> Callable[[], None]:
        """A call that reads and writes these very arrays."""
        ...


class Engine(ABC):
    """Runs graphs and programs.

    An engine must make functions of graphs; programs then run by `Loop`. It is listed in
    `talweg.engine.registry`.
    """

    name: str
    capabilities: Capabilities

    def why_missing(self) -> str:
        """Why the engine is not available; empty if it is."""
        return ""

    @abstractmethod
    def function(self, graph: Graph) -> GraphFunction:
        """The graph as a function of arrays of the recorded shapes."""

    def function_of_rows(self, graph: Recorded) -> AnyRows:
        """The graph as a function of any number of rows; only if `capabilities.any_rows`."""
        raise NotImplementedError

    def vector_width(self, itemsize: int) -> int:
        """How many numbers of this size fit into a vector register."""
        return 1

    def replica_rule(self, gate: Gate) -> ReplicaRule | None:
        """How one node of a gate computes many replicas; None if replicas cannot share it."""
        return None

    def begin(self, weights: Iterable[Array]) -> None:  # noqa: B027 - most engines have nothing to do
        """Start background work that all programs of networks with such weights need."""

    def prepare(self, program: Program) -> Runner:
        """A runner for this program and every other one with the same graphs."""
        return LoopRunner(self, program).run


class LoopRunner:
    """Runs programs by the loop in Python, over an engine's functions."""

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
        validation_rows: Rows | None,
        control: Control,
    ) -> Outcome:
        """Train from `weights` on `rows`; neither is changed."""
        control.begin()
        with np.errstate(all="ignore"), blas_threads(program.limits.threads or 1):
            outcome = Loop(self.graphs, program, weights, rows, validation_rows, control).run()
        return replace(outcome, compile_seconds=self.seconds)
