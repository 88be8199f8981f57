"""The loop over epochs and steps in Python, for engines that run graphs and no whole programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.engine.run.batches import training_batches
from talweg.engine.run.graph_steps import GraphSteps
from talweg.engine.run.outcome import BadStep, Control
from talweg.engine.run.program import Epoch, Program
from talweg.engine.run.rows import Batch, Rows, evaluation_batches, whole_batch
from talweg.engine.run.session import Position, RunArrays, Session
from talweg.engine.run.snapshot import Snapshot, flat, nested
from talweg.engine.run.steps import GraphFunctions, Steps
from talweg.gates import Array


@dataclass(frozen=True)
class _Best:
    """The weights with the lowest loss so far."""

    loss: float
    epoch: int
    weights: Array


class Loop(Session):
    """A run whose steps Python takes one by one."""

    def __init__(
        self,
        graphs: GraphFunctions,
        program: Program,
        weights: Array,
        rows: Rows,
        validation_rows: Rows | None,
        control: Control,
    ) -> None:
        super().__init__(program, len(rows), control)
        self.graphs, self.method = graphs, program.method
        self.rows, self.validation_rows = rows, validation_rows
        self.steps = self._make_steps(weights)
        self.measures = program.graphs.measures
        self.plateaus = {n: (rule, rule.init()) for n, rule in program.schedule.plateaus.items()}
        self.rules = [(rule, rule.init()) for rule in program.limits.rules]
        self.settings = self._settings(0)
        self.whole = [whole_batch(rows)] if program.schedule.batch_size >= len(rows) else None
        prefixes = [""] if validation_rows is None else ["", "val_"]
        self.columns: dict[str, list[float]] = {
            prefix + name: [] for prefix in prefixes for name in self.measures
        }
        self.watched_rows: list[Sequence[float]] = []
        self.noted: list[Mapping[str, Array]] = []  # one entry for each epoch
        self.best = _Best(math.inf, 0, self.steps.weights)
        self._halted: int | str | None = None
        self._bad_step: BadStep | None = None
        if control.checkpointer and control.checkpointer.start:
            self._resume(control.checkpointer.start)
        self.closed = control.step, self.steps.weights, self.steps.state  # at the last epoch's end

    def _make_steps(self, weights: Array) -> Steps:
        if self.method is not None:
            return self.method.steps(self.program, self.graphs, weights, self.rows)
        return GraphSteps(self.program, self.graphs, weights)

    # One epoch ----------------------------------------------------------------------------------

    def advance(self) -> None:
        epoch = self.control.epoch + 1
        means = self._train(epoch)
        if means is None:
            self._halted = self._why_cut()
            return
        self._close_epoch(epoch, means)
        self._halted = self._rule_that_holds(epoch)
        if self._halted is None and self._must_stop():
            self._halted = self._why_cut()

    def _train(self, epoch: int) -> list[float] | None:
        """Take the steps of one epoch; None if it was cut short.

        Returns the mean of each measure over all steps, and of each watched output over the
        watched steps.
        """
        values: list[Sequence[float]] = []
        for number, batch in enumerate(self._batches(epoch)):
            if self.program.schedule.changing and (number == 0 or self.program.schedule.by_step):
                self.settings = self._settings(epoch - 1 + number / self.steps_per_epoch)
            if self._must_stop() or not self._step(epoch, batch, values):
                return None
        count = len(self.measures)
        watched = [row[count:] for row in values if len(row) > count]
        return _means([row[:count] for row in values]) + _means(watched)

    def _batches(self, epoch: int) -> Iterable[Batch]:
        if self.method is not None:
            return self.method.batches(self.program, self.rows, epoch, self.steps)
        return self.whole or training_batches(self.program, self.rows, epoch)

    def _settings(self, done: float) -> dict[str, Array]:
        """The settings after `done` epochs."""
        settings = self.program.schedule.settings_at(done)
        settings |= {name: state["value"] for name, (_, state) in self.plateaus.items()}
        return {name: np.asarray(value) for name, value in settings.items()}

    def _step(self, epoch: int, batch: Batch, values: list[Sequence[float]]) -> bool:
        """Take a step and append its measures to `values`; False if it failed, without changes."""
        is_watched = len(values) % self.program.graphs.watch_every == 0
        row = self.steps.take(batch, self.settings, is_watched=is_watched)
        if row is None:
            node = self.steps.origin_of_failure(batch, self.settings)
            self._bad_step = BadStep(epoch, self.control.step + 1, node, self.settings)
            return False
        values.append(row)
        if self.program.graphs.watch_steps:
            self.watched_rows.append(row[len(self.measures) :])
        self.control.step += 1
        return True

    def _close_epoch(self, epoch: int, means: list[float]) -> None:
        measures = dict(zip(self.measures, means, strict=False))
        if not self.program.graphs.watch_steps:
            self.watched_rows.append(means[len(self.measures) :])
        if self.method is not None:
            self.noted.append(self.method.noted(self.steps.state))
        if self.validation_rows is not None:
            evaluated = self._evaluated(self.validation_rows)
            measures |= {f"val_{name}": value for name, value in evaluated.items()}
        for name, value in measures.items():
            self.columns[name].append(value)
        self.control.epoch, self.control.measures = epoch, measures
        self.closed = self.control.step, self.steps.weights, self.steps.state
        if self.program.limits.restore_best:
            self._keep_if_best(epoch, measures)

    def _keep_if_best(self, epoch: int, measures: Mapping[str, float]) -> None:
        loss = measures.get("val_loss")
        if loss is None:
            loss = self._evaluated(self.rows)["loss"]
        if loss < self.best.loss or self.best.epoch == 0:
            self.best = _Best(loss, epoch, self.steps.weights)
            self.control.best_epoch = epoch

    def _evaluated(self, rows: Rows) -> dict[str, float]:
        """Loss and metrics over all rows, a batch at a time."""
        assert self.graphs.evaluation is not None
        sums = np.zeros(len(self.measures))
        for batch in evaluation_batches(rows, self.program.schedule.evaluation_size):
            sums += self.graphs.evaluation.run(self.steps.weights, *batch)
        return dict(zip(self.measures, map(float, sums), strict=True))

    # Why it ends --------------------------------------------------------------------------------

    def _must_stop(self) -> bool:
        budget = self.program.limits.time_budget
        is_late = budget is not None and self.seconds >= budget
        return self.control.stop or is_late or self.steps.has_ended

    def _why_cut(self) -> str:
        if self.steps.has_ended:
            return "no_descent"
        if self._bad_step:
            return "non_finite"
        return "interrupted" if self.control.stop else "time_budget"

    def _rule_that_holds(self, number: int) -> int | None:
        """The position of the first stopping rule that holds at the end of an epoch."""
        epoch = Epoch(number, self.seconds, self.control.measures)
        for name, (plateau, before) in self.plateaus.items():
            self.plateaus[name] = plateau, plateau.update(before, epoch)[0]
        holding = None
        for index, (rule, state) in enumerate(self.rules):
            state, holds = rule.update(state, epoch)
            self.rules[index] = rule, state
            if holds and holding is None:
                holding = index
        return holding

    # Where it stands ----------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        return Position(self.control.epoch, self.control.step, self.best.epoch)

    @property
    def halted(self) -> int | str | None:
        return self._halted

    def bad_step(self) -> BadStep | None:
        return self._bad_step

    def rewind(self) -> None:
        self.control.step, weights, state = self.closed
        self.steps.restore(weights, state, self.control.epoch)

    def arrays(self) -> RunArrays:
        states: dict[str, Array] = {}
        for index, (_, state) in enumerate(self.rules):
            states |= flat(f"rule.{index}", state)
        for name, (_, state) in self.plateaus.items():
            states |= flat(f"plateau.{name}", state)
        best = self.best
        return RunArrays(self.steps.weights, self.steps.state, best.weights, best.loss, states)

    def history(self) -> dict[str, Array]:
        return {name: np.array(values, np.float64) for name, values in self.columns.items()}

    def watched(self) -> dict[str, Array]:
        names, rows = self.program.watched, self.watched_rows
        table = np.array(rows, np.float64).reshape(len(rows), len(names))
        columns = dict(zip(names, table.T, strict=True))
        noted = self.noted[0] if self.noted else {}
        return columns | {name: np.array([notes[name] for notes in self.noted]) for name in noted}

    def _resume(self, start: Snapshot) -> None:
        self.steps.restore(start.weights, start.state, start.epoch)
        self.best = _Best(start.best_loss, start.best_epoch, start.best)
        self.columns = {name: values.tolist() for name, values in start.history.items()}
        names = self.program.watched
        self.watched_rows = list(zip(*(start.watched[name] for name in names), strict=True))
        for index, (rule, first) in enumerate(self.rules):
            self.rules[index] = rule, nested(f"rule.{index}", first, start.rules)
        for name, (plateau, first) in self.plateaus.items():
            self.plateaus[name] = plateau, nested(f"plateau.{name}", first, start.rules)
        self._halted = start.stopped_by


def _means(rows: Sequence[Sequence[Any]]) -> list[float]:
    """The mean of each column."""
    return [sum(map(float, values)) / len(rows) for values in zip(*rows, strict=True)]
