"""A whole run on the native engine: compiled, then run by calls of the program, one after another.

A call ends where a snapshot is due, where its room for the history is full, or where threads that
were sent away are called back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from talweg.engine.native import control as c
from talweg.engine.native.build import Build, build, load
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.llvm.compiler import Compiled, host
from talweg.engine.native.runtime.call import Call
from talweg.engine.native.runtime.changing_settings import ChangingSettings
from talweg.engine.native.runtime.history import History
from talweg.engine.native.runtime.replay import diagnose, go_back
from talweg.engine.native.runtime.run_memory import Memory, too_large
from talweg.engine.run.program import BadStep, Control, Outcome, Program, Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.gates import Array

HISTORY_ROWS = 65536
"""Rows of the history that one call of the program can record."""


@dataclass(frozen=True)
class Prepared:
    """A compiled program, ready to run with other settings, seeds, epochs and initial weights."""

    build: Build
    code: Compiled
    seconds: float
    memory: Callable[[Program, RunPlans, Array, Rows, Rows | None], Memory] = Memory
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
        outcome = _Run(self, program, weights, rows, validation, control).run()
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


class _Run:
    """A run under way: its memory, its history, and how far it is."""

    def __init__(
        self,
        prepared: Prepared,
        program: Program,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> None:
        self.program, self.code, self.control = program, prepared.code, control
        self.rows, plans = rows, prepared.build.plans
        held_out = validation or (rows if program.record_evaluation else None)
        try:
            self.memory = prepared.memory(program, plans, weights, rows, held_out)
        except MemoryError as error:
            raise too_large(program, plans, weights) from error
        self.words = self.memory.words
        self.steps = -(-len(rows) // program.batch_size)  # of one epoch
        self.history = History(plans, validates=validation is not None)
        self.settings = ChangingSettings(program, self.steps)
        self.pace = math.inf  # seconds that an epoch takes
        if control.keeper and control.keeper.start:
            for part in (self.memory, self.history, self.settings):
                part.resume(control.keeper.start)

    def run(self) -> Outcome:
        while self._goes_on():
            self._call()
            self._keep_if_due()
        if self.words[c.BAD]:
            return self._outcome(self._diagnosed())
        outcome = self._outcome()
        return self._kept_at_end(outcome) if self.control.keeper else outcome

    @property
    def epoch(self) -> int:
        """Whole epochs that are done."""
        return int(self.words[c.EPOCH])

    @property
    def step(self) -> int:
        """Steps that are done."""
        return int(self.words[c.STEP])

    def _goes_on(self) -> bool:
        words = self.words
        is_over = words[c.STATUS] or words[c.BAD] or words[c.STOP]
        return not is_over and self.epoch < self.program.epochs

    def _call(self) -> None:
        """Call the program once, and keep what it recorded."""
        epoch, step = self.epoch, self.step
        epochs = min(self.program.epochs - epoch, self._most_epochs())
        self.memory.record_into(*self.history.begin_call(epoch, epochs, epochs * self.steps))
        if self.program.changing:
            table = self.settings.table(epoch, epochs)
            self.memory.read_settings(table, epoch * self.settings.rows)
        start, budget = time.perf_counter(), self.program.time_budget
        Call(self.code, self.memory, self.control, budget, self.history.measures_of).run()
        if self.program.plateaus:
            self.settings.keep(table, self.epoch - epoch)
        self.history.end_call(self.epoch - epoch, self.step - step)
        self.pace = (time.perf_counter() - start) / max(1, self.epoch - epoch)

    def _most_epochs(self) -> int:
        """Epochs of the next call: as many as the history has room for, or until a snapshot is due.

        A call's threads cannot be told to end it, since some might be an epoch ahead.
        """
        by_steps = self.program.watch_steps or self.program.changes_each_step
        most = max(1, HISTORY_ROWS // self.steps) if by_steps else HISTORY_ROWS
        keeper = self.control.keeper
        return min(most, keeper.epochs_until(self.epoch, self.pace)) if keeper else most

    # Snapshots ----------------------------------------------------------------------------------

    def _keep_if_due(self) -> None:
        keeper = self.control.keeper
        if keeper and self._goes_on() and keeper.is_due(self.epoch, int(self.words[c.BEST_EPOCH])):
            keeper.keep(self._snapshot())

    def _kept_at_end(self, outcome: Outcome) -> Outcome:
        """Keep a snapshot of the end of the last whole epoch."""
        assert self.control.keeper is not None
        if outcome.steps > outcome.epochs * self.steps:  # the run was cut within the next epoch
            state = {name: array.copy() for name, array in self.memory.state.items()}
            outcome = replace(outcome, weights=outcome.weights.copy(), state=state)
            self._go_back(outcome.epochs, outcome.epochs * self.steps)
        self.control.keeper.keep(self._snapshot())
        return outcome

    def _snapshot(self) -> Snapshot:
        """The run between two calls, in arrays that the next one changes."""
        memory, status = self.memory, int(self.words[c.STATUS])
        rows = self.step if self.program.watch_steps else self.epoch
        return Snapshot(
            weights=memory.weights,
            state=memory.state,
            rules=memory.remembered,
            best=memory.best,
            best_loss=float(memory.reals[c.BEST_LOSS]),
            best_epoch=int(self.words[c.BEST_EPOCH]),
            epoch=self.epoch,
            step=self.step,
            seconds=time.perf_counter() - self.control.started,
            history=self.history.measures(),
            watched={name: column[:rows] for name, column in self.history.watched().items()},
            stopped_by=status - c.RULE if status else None,
        )

    # The end ------------------------------------------------------------------------------------

    def _outcome(self, bad_step: BadStep | None = None) -> Outcome:
        memory, best_epoch = self.memory, int(self.words[c.BEST_EPOCH])
        restored_epoch = best_epoch or None if self.program.keep_best else None
        return Outcome(
            weights=memory.weights if restored_epoch is None else memory.best,
            history=self.history.measures(),
            watched=self.history.watched(),
            state=memory.state,
            stopped_by=self._stopped_by(),
            restored_epoch=restored_epoch,
            epochs=self.epoch,
            steps=self.step,
            seconds=time.perf_counter() - self.control.started,
            bad_step=bad_step,
        )

    def _stopped_by(self) -> int | str:
        words = self.words
        if words[c.BAD]:
            return "non_finite"
        if words[c.STATUS]:
            return int(words[c.STATUS]) - c.RULE
        if words[c.STOP]:
            return "interrupted" if words[c.STOP] == 1 else "time_budget"
        return "epochs"

    def _diagnosed(self) -> BadStep:
        """Go back to the weights before the step that went wrong, and find what did."""
        self._go_back(self.epoch, self.step)
        self.words[c.BAD] = 1
        return diagnose(self.program, self.rows, self.memory, self.settings)

    def _go_back(self, epochs: int, steps: int) -> None:
        go_back(self.code, self.memory, self.settings, epochs, steps)
