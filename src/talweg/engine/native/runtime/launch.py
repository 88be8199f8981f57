"""A whole run on the native engine: compiled, then run by calls of the program, one after another.

A call ends if a snapshot is due, or if its room for the history is full.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from talweg.engine.native import control_block as c
from talweg.engine.native.build import Build, build, load
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.llvm.compiler import Compiled, host
from talweg.engine.native.runtime.call import Caller
from talweg.engine.native.runtime.changing_settings import ChangingSettings
from talweg.engine.native.runtime.history import History
from talweg.engine.native.runtime.replay import diagnose, go_back
from talweg.engine.native.runtime.run_memory import RunMemory, too_large
from talweg.engine.native.runtime.thread_choice import chooser_for
from talweg.engine.run.outcome import BadStep, Control, Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.rows import Rows
from talweg.engine.run.session import Position, RunArrays, Session
from talweg.gates import Array

HISTORY_ROWS = 65536
"""Rows of the history that one call of the program can record."""


@dataclass(frozen=True)
class Prepared:
    """A compiled program, ready to run with other settings, seeds, epochs and initial weights."""

    build: Build
    code: Compiled
    seconds: float
    memory: Callable[[Program, RunPlans, Array, Rows, Rows | None], RunMemory] = RunMemory
    """Lays out the arrays of a run."""

    def run(
        self,
        program: Program,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> Outcome:
        """Train from `weights` on `rows`; neither is changed. `program` has the same graphs."""
        control.begin()
        outcome = NativeSession(self, program, weights, rows, validation, control).run()
        return replace(outcome, compile_seconds=self.seconds)


def prepare(program: Program) -> Prepared:
    """Plan and compile a run."""
    start = time.perf_counter()
    built = build(program, host())
    code = load(built)
    return Prepared(built, code, time.perf_counter() - start)


def run(
    program: Program, weights: Array, rows: Rows, validation: Rows | None, control: Control
) -> Outcome:
    """Compile a run, and train from `weights` on `rows`; neither is changed."""
    return prepare(program).run(program, weights, rows, validation, control)


class NativeSession(Session):
    """A run on the native engine: its memory, its history and its position."""

    def __init__(
        self,
        prepared: Prepared,
        program: Program,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> None:
        super().__init__(program, len(rows), control)
        plans = prepared.build.plans
        held_out = validation or (rows if program.evaluation else None)
        try:
            self.memory = prepared.memory(program, plans, weights, rows, held_out)
        except MemoryError as error:
            raise too_large(program, plans, weights) from error
        self.words = self.memory.words
        chooser = chooser_for(program, plans, self.memory.threads, self.steps_per_epoch)
        self.caller = Caller(prepared.code, self.memory, chooser)
        self.records = History(plans, validates=validation is not None)
        self.settings = ChangingSettings(program, self.steps_per_epoch)
        self.seconds_per_epoch = math.inf
        if control.checkpointer and control.checkpointer.start:
            for part in (self.memory, self.records, self.settings):
                part.resume(control.checkpointer.start)

    @property
    def position(self) -> Position:
        epoch, step, best = map(int, self.words[[c.EPOCH, c.STEP, c.BEST_EPOCH]])
        return Position(epoch, step, best)

    @property
    def halted(self) -> int | str | None:
        words = self.words
        if words[c.NON_FINITE]:
            return "non_finite"
        if words[c.STATUS]:
            return int(words[c.STATUS]) - c.RULE
        if words[c.STOP]:
            return "interrupted" if words[c.STOP] == c.INTERRUPTED else "time_budget"
        return None

    def advance(self) -> None:
        """Call the program once, and take over the rows that it recorded."""
        start = self.position
        epochs = min(self.program.limits.epochs - start.epoch, self._most_epochs(start.epoch))
        self.memory.record_into(
            *self.records.begin_call(start.epoch, epochs, epochs * self.steps_per_epoch)
        )
        if self.program.schedule.changing:
            table = self.settings.table(start.epoch, epochs)
            self.memory.read_settings(table, start.epoch * self.settings.rows)
        began, budget = time.perf_counter(), self.program.limits.time_budget
        self.caller.run(self.control, budget, self.records.measures_of)
        end = self.position
        if self.program.schedule.plateaus:
            self.settings.record_plateaus(table, end.epoch - start.epoch)
        self.records.end_call(end.epoch - start.epoch, end.step - start.step)
        self.seconds_per_epoch = (time.perf_counter() - began) / max(1, end.epoch - start.epoch)

    def _most_epochs(self, epoch: int) -> int:
        """Epochs of the next call: as many as the history has room for, or until a snapshot is due.

        A program can pause before any step, but ends only with an epoch.
        """
        by_steps = self.program.graphs.watch_steps or self.program.schedule.by_step
        most = max(1, HISTORY_ROWS // self.steps_per_epoch) if by_steps else HISTORY_ROWS
        checkpointer = self.control.checkpointer
        return (
            min(most, checkpointer.epochs_until(epoch, self.seconds_per_epoch))
            if checkpointer
            else most
        )

    def arrays(self) -> RunArrays:
        memory = self.memory
        best_loss = float(memory.reals[c.BEST_LOSS])
        return RunArrays(memory.weights, memory.state, memory.best, best_loss, memory.rule_states)

    def history(self) -> dict[str, Array]:
        return self.records.measures()

    def watched(self) -> dict[str, Array]:
        return self.records.watched()

    def rewind(self) -> None:
        epoch = self.position.epoch
        self._go_back(epoch, epoch * self.steps_per_epoch)

    def bad_step(self) -> BadStep | None:
        """Go back to the weights before the bad step, and find the node that made it so."""
        if not self.words[c.NON_FINITE]:
            return None
        position = self.position
        self._go_back(position.epoch, position.step)
        self.words[c.NON_FINITE] = 1
        return diagnose(self.program, self.memory.rows, self.memory, self.settings)

    def _go_back(self, epochs: int, steps: int) -> None:
        go_back(self.caller, self.settings, epochs, steps)
