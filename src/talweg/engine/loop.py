"""A whole run on the interpreter: epochs of steps, evaluation, best weights, stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import numpy as np

from talweg.engine.interpreter import Interpreter, first_non_finite
from talweg.engine.program import BadStep, Control, Epoch, Outcome, Program, Rows
from talweg.engine.random import row_order
from talweg.engine.threads import blas_threads
from talweg.gates import Array

Batch = tuple[Array, Array, Array, Array]
"""x, y, row weights and count: the values of `BATCH_INPUTS`."""


def run(
    program: Program, weights: Array, rows: Rows, validation: Rows | None, control: Control
) -> Outcome:
    """Train from `weights` on `rows`; neither is changed."""
    with np.errstate(all="ignore"), blas_threads(program.threads):
        return _Run(program, weights, rows, validation, control).run()


class _Run:
    """The state of a run between its steps."""

    def __init__(
        self,
        program: Program,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> None:
        self.program, self.rows, self.validation, self.control = (
            program,
            rows,
            validation,
            control,
        )
        self.step = Interpreter(program.step)
        self.evaluate = Interpreter(program.evaluate) if program.evaluate else None
        self.measured = [
            name
            for name in program.step.outputs
            if name != "weights" and not name.startswith("state.")
        ]
        self.mean_weight = float(rows.weights.mean())
        is_whole = program.batch_size >= len(rows)  # then each step sees all rows, in their order
        self.whole = _batch(rows, slice(None), len(rows), self.mean_weight) if is_whole else None
        self.weights = weights.copy()
        self.state = [np.array(each) for each in program.state.values()]
        self.settings = [np.asarray(each) for each in program.settings.values()]
        self.rules = [(rule, rule.init()) for rule in program.rules]
        prefixes = [""] if validation is None else ["", "val_"]
        self.history: dict[str, list[float]] = {
            prefix + name: [] for prefix in prefixes for name in self.measured
        }
        self.best = (math.inf, 0, self.weights)
        self.closed_step = 0  # steps done when the last whole epoch ended
        self.bad_step: BadStep | None = None

    def run(self) -> Outcome:
        stopped_by: int | str = "epochs"
        for epoch in range(1, self.program.epochs + 1):
            means = self._train(epoch)
            if self.bad_step or self._must_stop():
                stopped_by = self._why_mid_epoch()
                break
            self._close_epoch(epoch, means)
            rule = self._rule_that_stops(epoch)
            if rule is not None:
                stopped_by = rule
                break
        return self._outcome(stopped_by)

    # One epoch ----------------------------------------------------------------------------

    def _train(self, epoch: int) -> list[float]:
        """The steps of one epoch; gives the mean of each measure over its batches."""
        found: list[list[float]] = []
        for batch in self._batches(epoch):
            if self._must_stop():
                break
            results = self.step.run(self.weights, *self.state, *self.settings, *batch)
            measures, weights = results[: len(self.measured)], results[len(self.measured)]
            if not (math.isfinite(measures[0]) and np.isfinite(weights).all()):
                self._note_bad_step(epoch, batch)
                break
            self.weights, self.state = weights, results[len(self.measured) + 1 :]
            found.append(measures)
            self.control.step += 1
        return [sum(map(float, values)) / len(found) for values in zip(*found, strict=True)]

    def _batches(self, epoch: int) -> Iterable[Batch]:
        """The rows of an epoch in its order, a batch at a time, the last one filled up."""
        size, count = self.program.batch_size, len(self.rows)
        if self.whole is not None:
            return [self.whole]
        shuffled = self.program.shuffle
        order = row_order(self.program.seed, epoch, count) if shuffled else np.arange(count)
        return (
            _batch(self.rows, order[start : start + size], size, self.mean_weight)
            for start in range(0, count, size)
        )

    def _close_epoch(self, epoch: int, means: list[float]) -> None:
        measures = dict(zip(self.measured, means, strict=True))
        if self.validation is not None:
            found = self._evaluated(self.validation)
            measures |= {f"val_{name}": value for name, value in found.items()}
        for name, value in measures.items():
            self.history[name].append(value)
        self.control.epoch, self.control.measures = epoch, measures
        self.closed_step = self.control.step
        if self.program.keep_best:
            self._keep_if_best(epoch, measures)

    def _keep_if_best(self, epoch: int, measures: dict[str, float]) -> None:
        loss = measures.get("val_loss")
        if loss is None:
            loss = self._evaluated(self.rows)["loss"]
        if loss < self.best[0]:
            self.best = loss, epoch, self.weights

    def _evaluated(self, rows: Rows) -> dict[str, float]:
        """Loss and metrics over all rows, a batch at a time."""
        assert self.evaluate is not None
        size, total = self.program.evaluation_size, float(rows.weights.sum())
        sums = np.zeros(len(self.measured))
        for start in range(0, len(rows), size):
            places = np.arange(start, min(start + size, len(rows)))
            x, y, weights, _ = _batch(rows, places, size, 1.0)
            count = np.asarray(total, dtype=weights.dtype)
            sums += self.evaluate.run(self.weights, x, y, weights, count)
        return dict(zip(self.measured, map(float, sums), strict=True))

    # Stopping -----------------------------------------------------------------------------

    def _seconds(self) -> float:
        return time.perf_counter() - self.control.started

    def _out_of_time(self) -> bool:
        budget = self.program.time_budget
        return budget is not None and self._seconds() >= budget

    def _must_stop(self) -> bool:
        return self.control.stop or self._out_of_time()

    def _why_mid_epoch(self) -> str:
        if self.bad_step:
            return "non_finite"
        return "interrupted" if self.control.stop else "time_budget"

    def _rule_that_stops(self, number: int) -> int | None:
        epoch = Epoch(number, self._seconds(), self.control.measures)
        stopping = None
        for place, (rule, state) in enumerate(self.rules):
            state, stop = rule.update(state, epoch)
            self.rules[place] = rule, state
            if stop and stopping is None:
                stopping = place
        return stopping

    def _note_bad_step(self, epoch: int, batch: Batch) -> None:
        inputs = [self.weights, *self.state, *self.settings, *batch]
        node = first_non_finite(self.program.step, inputs)
        self.bad_step = BadStep(epoch, self.control.step + 1, node)

    def _outcome(self, stopped_by: int | str) -> Outcome:
        _, kept_epoch, weights = self.best
        kept_step = None
        if not self.program.keep_best or kept_epoch == 0:
            kept_epoch, weights = self.control.epoch, self.weights
            kept_step = self.control.step if self.control.step > self.closed_step else None
        return Outcome(
            weights=weights,
            history={name: np.array(values) for name, values in self.history.items()},
            stopped_by=stopped_by,
            kept_epoch=kept_epoch,
            kept_step=kept_step,
            epochs=self.control.epoch,
            steps=self.control.step,
            seconds=self._seconds(),
            bad_step=self.bad_step,
        )


def _batch(rows: Rows, places: Array | slice, size: int, mean_weight: float) -> Batch:
    """The rows at `places`, filled up to `size` with copies of the first, which weigh nothing."""
    x, y, weights = rows.x[places], rows.y[places], rows.weights[places]
    count = len(x)
    weight = np.asarray(count * mean_weight, dtype=weights.dtype)
    missing = size - count
    if missing:
        x = np.concatenate([x, np.repeat(x[:1], missing, axis=0)])
        y = np.concatenate([y, np.repeat(y[:1], missing, axis=0)])
        weights = np.concatenate([weights, np.zeros(missing, weights.dtype)])
    return x, y, weights, weight
