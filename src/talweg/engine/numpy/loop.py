"""A whole run on the interpreter: epochs of steps, evaluation, best weights, stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from talweg.engine.numpy.interpreter import Interpreter, origin_of_non_finite
from talweg.engine.numpy.threads import blas_threads
from talweg.engine.run.batches import Batch, evaluation_batches, filled_up, training_batches
from talweg.engine.run.program import BadStep, Control, Epoch, Outcome, Program, Rows
from talweg.engine.run.snapshot import Snapshot, flat, nested
from talweg.gates import Array


def run(
    program: Program, weights: Array, rows: Rows, validation: Rows | None, control: Control
) -> Outcome:
    """Train from `weights` on `rows`; neither is changed."""
    with np.errstate(all="ignore"), blas_threads(program.threads or 1):
        return Loop(interpreted(program), program, weights, rows, validation, control).run()


class Runs(Protocol):
    """What runs a graph: on arrays in the order of its inputs, to a list in that of its outputs."""

    @property
    def run(self) -> Callable[..., list[Any]]: ...


class Graphs(NamedTuple):
    """What runs the graphs of a program."""

    step: Runs
    evaluate: Runs | None
    unwatched_step: Runs | None = None


def interpreted(program: Program) -> Graphs:
    evaluate = Interpreter(program.evaluate) if program.evaluate else None
    unwatched = Interpreter(program.unwatched_step) if program.unwatched_step else None
    return Graphs(Interpreter(program.step), evaluate, unwatched)


class Loop:
    """The state of a run between its steps."""

    def __init__(
        self,
        graphs: Graphs,
        program: Program,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> None:
        self.program, self.control = program, control
        self.rows, self.validation = rows, validation
        self.step, self.evaluate, self.unwatched_step = graphs
        self.measured, self.watched = program.measures, program.watched
        self.weights = weights.copy()
        self.state = [np.array(each) for each in program.state.values()]
        self.steps = -(-len(rows) // program.batch_size)  # of an epoch
        self.plateaus = {name: (rule, rule.init()) for name, rule in program.plateaus.items()}
        self._adjust(0)
        self.rules = [(rule, rule.init()) for rule in program.rules]
        prefixes = [""] if validation is None else ["", "val_"]
        self.history: dict[str, list[float]] = {
            prefix + name: [] for prefix in prefixes for name in self.measured
        }
        self.seen: list[Sequence[float]] = []  # what was watched, a row at a time
        self.best = (math.inf, 0, self.weights)
        self.stopped_by: int | None = None  # the rule that held
        self.bad_step: BadStep | None = None
        is_whole = program.batch_size >= len(rows)  # then each step sees all rows, in their order
        count = len(rows) * rows.mean_weight
        self.whole = [filled_up(rows, slice(None), len(rows), count)] if is_whole else None
        if control.keeper and control.keeper.start:
            self._go_on_from(control.keeper.start)
        self.closed = self.control.step, self.weights, self.state  # at the last epoch's end

    def run(self) -> Outcome:
        stopped_by: int | str | None = self.stopped_by
        last = self.program.epochs if stopped_by is None else 0
        for epoch in range(self.control.epoch + 1, last + 1):
            means = self._train(epoch)
            if means is None:
                stopped_by = self._why_now()
                break
            self._close_epoch(epoch, means)
            stopped_by = self.stopped_by = self._rule_that_stops(epoch)
            if stopped_by is None and self._must_stop():
                stopped_by = self._why_now()
            if stopped_by is not None:
                break
            if epoch < last:
                self._keep_if_due()
        if self.control.keeper and not self.bad_step:
            self.control.keeper.keep(self._snapshot())
        return self._outcome("epochs" if stopped_by is None else stopped_by)

    # One epoch ----------------------------------------------------------------------------

    def _train(self, epoch: int) -> list[float] | None:
        """The steps of one epoch: the mean of each measure over its batches, and of what is watched
        over those that are; None if it was cut.
        """
        found: list[list[float]] = []
        for number, batch in enumerate(self._batches(epoch)):
            if self.program.changing and (number == 0 or self.program.changes_each_step):
                self._adjust(epoch - 1 + number / self.steps)
            if self._must_stop() or not self._step(epoch, batch, found):
                return None
        count = len(self.measured)
        watched = [each[count:] for each in found if len(each) > count]
        return _means([each[:count] for each in found]) + _means(watched)

    def _adjust(self, done: float) -> None:
        """Take the settings as they are when so many epochs are done."""
        settings = self.program.settings_at(done)
        settings |= {name: state["value"] for name, (_, state) in self.plateaus.items()}
        self.settings = [np.asarray(each) for each in settings.values()]

    def _batches(self, epoch: int) -> Iterable[Batch]:
        return self.whole or training_batches(self.program, self.rows, epoch)

    def _step(self, epoch: int, batch: Batch, found: list[list[float]]) -> bool:
        """One step, whose measures go to `found`; False, and nothing changed, if it went wrong."""
        is_plain = self.unwatched_step is not None and len(found) % self.program.watch_every
        step = self.unwatched_step if self.unwatched_step and is_plain else self.step
        results = step.run(self.weights, *self.state, *self.settings, *batch)
        count = len(self.measured) + (0 if is_plain else len(self.watched))
        measures, after = results[:count], results[count:]
        if not (math.isfinite(measures[0]) and all(map(_is_finite, after))):
            inputs = [self.weights, *self.state, *self.settings, *batch]
            skip = [*self.measured[1:], *self.watched]
            node = origin_of_non_finite(self.program.step, inputs, skip=skip)
            settings = dict(zip(self.program.settings, self.settings, strict=True))
            self.bad_step = BadStep(epoch, self.control.step + 1, node, settings)
            return False
        self.weights, self.state = after[0], after[1:]
        found.append(measures)
        if self.program.watch_steps:
            self.seen.append(measures[len(self.measured) :])
        self.control.step += 1
        return True

    def _close_epoch(self, epoch: int, means: list[float]) -> None:
        measures = dict(zip(self.measured, means, strict=False))
        if not self.program.watch_steps:
            self.seen.append(means[len(self.measured) :])
        if self.validation is not None:
            found = self._evaluated(self.validation)
            measures |= {f"val_{name}": value for name, value in found.items()}
        for name, value in measures.items():
            self.history[name].append(value)
        self.control.epoch, self.control.measures = epoch, measures
        self.closed = self.control.step, self.weights, self.state
        if self.program.keep_best:
            self._keep_if_best(epoch, measures)

    def _keep_if_best(self, epoch: int, measures: dict[str, float]) -> None:
        loss = measures.get("val_loss")
        if loss is None:
            loss = self._evaluated(self.rows)["loss"]
        if loss < self.best[0] or self.best[1] == 0:
            self.best = loss, epoch, self.weights
            self.control.best_epoch = epoch

    def _evaluated(self, rows: Rows) -> dict[str, float]:
        """Loss and metrics over all rows, a batch at a time."""
        assert self.evaluate is not None
        sums = np.zeros(len(self.measured))
        for batch in evaluation_batches(rows, self.program.evaluation_size):
            sums += self.evaluate.run(self.weights, *batch)
        return dict(zip(self.measured, map(float, sums), strict=True))

    # Stopping -----------------------------------------------------------------------------

    def _seconds(self) -> float:
        return time.perf_counter() - self.control.started

    def _must_stop(self) -> bool:
        budget = self.program.time_budget
        return self.control.stop or (budget is not None and self._seconds() >= budget)

    def _why_now(self) -> str:
        if self.bad_step:
            return "non_finite"
        return "interrupted" if self.control.stop else "time_budget"

    def _rule_that_stops(self, number: int) -> int | None:
        epoch = Epoch(number, self._seconds(), self.control.measures)
        for name, (plateau, before) in self.plateaus.items():
            self.plateaus[name] = plateau, plateau.update(before, epoch)[0]
        stopping = None
        for place, (rule, state) in enumerate(self.rules):
            state, stop = rule.update(state, epoch)
            self.rules[place] = rule, state
            if stop and stopping is None:
                stopping = place
        return stopping

    # Snapshots ----------------------------------------------------------------------------

    def _keep_if_due(self) -> None:
        keeper = self.control.keeper
        if keeper and keeper.is_due(self.control.epoch, self.best[1]):
            keeper.keep(self._snapshot())

    def _snapshot(self) -> Snapshot:
        """The run at the end of its last whole epoch."""
        step, weights, state = self.closed
        rules: dict[str, Array] = {}
        for place, (_, remembered) in enumerate(self.rules):
            rules |= flat(f"rule.{place}", remembered)
        for name, (_, remembered) in self.plateaus.items():
            rules |= flat(f"plateau.{name}", remembered)
        rows = step if self.program.watch_steps else self.control.epoch
        return Snapshot(
            weights=weights,
            state=dict(zip(self.program.state, state, strict=True)),
            rules=rules,
            best=self.best[2],
            best_loss=self.best[0],
            best_epoch=self.best[1],
            epoch=self.control.epoch,
            step=step,
            seconds=self._seconds(),
            history=self._history(),
            watched={name: each[:rows] for name, each in self._columns().items()},
            stopped_by=self.stopped_by,
        )

    def _go_on_from(self, start: Snapshot) -> None:
        self.weights, self.state = start.weights, [start.state[name] for name in self.program.state]
        self.best = start.best_loss, start.best_epoch, start.best
        self.history = {name: each.tolist() for name, each in start.history.items()}
        self.seen = list(zip(*(start.watched[name] for name in self.watched), strict=True))
        for place, (rule, first) in enumerate(self.rules):
            self.rules[place] = rule, nested(f"rule.{place}", first, start.rules)
        for name, (plateau, first) in self.plateaus.items():
            self.plateaus[name] = plateau, nested(f"plateau.{name}", first, start.rules)
        self.stopped_by = start.stopped_by

    # Ending -------------------------------------------------------------------------------

    def _outcome(self, stopped_by: int | str) -> Outcome:
        _, best_epoch, best_weights = self.best
        restored_epoch = best_epoch if self.program.keep_best and best_epoch else None
        return Outcome(
            weights=self.weights if restored_epoch is None else best_weights,
            history=self._history(),
            stopped_by=stopped_by,
            restored_epoch=restored_epoch,
            epochs=self.control.epoch,
            steps=self.control.step,
            seconds=self._seconds(),
            bad_step=self.bad_step,
            watched=self._columns(),
            state=dict(zip(self.program.state, self.state, strict=True)),
        )

    def _history(self) -> dict[str, Array]:
        return {name: np.array(values, np.float64) for name, values in self.history.items()}

    def _columns(self) -> dict[str, Array]:
        seen = np.array(self.seen, np.float64).reshape(len(self.seen), len(self.watched))
        return dict(zip(self.watched, seen.T, strict=True))


def _means(rows: Sequence[Sequence[Any]]) -> list[float]:
    """The mean of each column."""
    return [sum(map(float, values)) / len(rows) for values in zip(*rows, strict=True)]


def _is_finite(x: Array) -> bool:
    """Whether all elements are: their sum tells at no cost of memory, unless it overflows."""
    return math.isfinite(x.sum()) or bool(np.isfinite(x).all())
