"""The plans of a run's graphs, and the columns of the history that it records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talweg.engine.native.control_block import FIRST_BUFFER
from talweg.engine.native.ir.view import Buffer
from talweg.engine.native.plan.plan import Plan
from talweg.engine.run.program import Program

LONG = 300_000
"""Operations of a step (some 10 us) from which the code around its kernels does not matter."""


@dataclass(frozen=True)
class RunPlans:
    """The plans of a program's graphs. `unwatched_step` is `step` without what is watched.

    `rules` gives a flag for each stopping rule: `stop.0`, `stop.1`, ...
    """

    program: Program
    step: Plan
    unwatched_step: Plan | None
    evaluate: Plan | None
    rules: Plan | None

    @property
    def all(self) -> list[Plan]:
        """The plans with buffers of their own; an unwatched step has those of the step."""
        return [plan for plan in (self.step, self.evaluate, self.rules) if plan is not None]

    @property
    def slots(self) -> int:
        """Entries of the table of pointers."""
        return FIRST_BUFFER + sum(len(plan.buffers) for plan in self.all)

    @property
    def buffers(self) -> list[Buffer]:
        """The buffers of all plans."""
        return [buffer for plan in self.all for buffer in plan.buffers]

    @property
    def summed(self) -> list[str]:
        """The outputs that are summed over the steps of an epoch."""
        program = self.program
        return [*program.graphs.measures, *([] if program.graphs.watch_steps else program.watched)]

    @property
    def columns(self) -> int:
        """Numbers in one row of the history: those of the steps, then those of the evaluation."""
        evaluated: Sequence[str] = self.program.graphs.measures if self.evaluate else ()
        return (len(self.summed) + len(evaluated)) * self.program.graphs.replicas

    @property
    def step_columns(self) -> dict[str, int]:
        """The column of each measure of the steps; that of the first replica."""
        names = self.program.graphs.measures
        return {name: index * self.program.graphs.replicas for index, name in enumerate(names)}

    @property
    def evaluation_columns(self) -> dict[str, int]:
        """The column of each measure of the evaluation."""
        first = len(self.summed) * self.program.graphs.replicas
        names = [f"val_{name}" for name in self.program.graphs.measures]
        return {name: first + index for index, name in enumerate(names)}

    def is_long(self, rows: int) -> bool:
        """Whether a step takes so long that the code around its kernels does not matter."""
        return self.operations(rows) >= LONG

    def operations(self, rows: int) -> int:
        """The operations of a step of this many rows."""
        return sum(kernel.operations().of(rows) for kernel in self.step.kernels)
