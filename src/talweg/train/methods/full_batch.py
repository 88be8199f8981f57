"""Runs of methods that take their own passes over all rows: one step of a search an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from talweg.engine.numpy.interpreter import origin_of_non_finite
from talweg.engine.numpy.loop import Loop
from talweg.engine.run.batches import Batch
from talweg.engine.run.program import BadStep, Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.errors import SettingError
from talweg.graph import Graph, constant, gradients, simplify
from talweg.nn import Loss, Metric, Module
from talweg.nn.forward_pass import TrainingStep
from talweg.optim.full_batch import FullBatch, Point, Search, Vector
from talweg.train.run.parameter_slices import joined
from talweg.train.run.recording import forward_pass

VALUE, GRADIENT = "state.value", "state.gradient"
"""The outputs of a pass beside the measures: what training lowers, and its gradient (W)."""


# What is recorded ---------------------------------------------------------------------------------


def refuse_settings(
    rule: FullBatch, net: Module, settings: Mapping[str, Any], rows: int, batch_size: int
) -> None:
    """A SettingError for what goes with steps alone."""
    name, count = type(rule).__name__, net.weights.flat.size
    if batch_size < rows:
        raise SettingError(
            f"fit: {name} looks at all {rows} rows at once, not at {batch_size}; give "
            "batch_size=None"
        )
    for setting in ("watch", "lr_multipliers"):
        if settings.get(setting):
            raise SettingError(
                f"fit: {setting} goes with rules that take one step a batch, as tw.Adam, not with "
                f"{name}; leave it out"
            )
    if rule.most_weights is not None and count > rule.most_weights:
        raise SettingError(
            f"fit: {name} keeps a matrix of {count} by {count} numbers for so many weights, and "
            f"stops at {rule.most_weights}; take tw.LBFGS(), which keeps a few vectors"
        )


def pass_graph(
    net: Module,
    rows: Rows,
    loss: Loss,
    metrics: Sequence[Metric],
    rule: FullBatch,
    batch_size: int,
) -> Graph:
    """A pass over all rows: the measures, what is forward_pass, and its gradient; see `Program`."""
    part = forward_pass(net, rows, loss, metrics, batch_size, constant(0.0))
    _refuse_steps(rule, part.training)
    outputs = {**part.measures, VALUE: part.objective}
    if rule.uses_gradient:
        outputs[GRADIENT] = joined(gradients(part.objective, list(part.views.values())))
    return simplify(Graph({"weights": part.flat, **part.batch}, outputs))


def _refuse_steps(rule: FullBatch, training: TrainingStep) -> None:
    """What a net asks of each step: that makes of each pass another loss."""
    reasons = {
        "draws random numbers in training (dropout, noise)": training.streams,
        "keeps weights within limits (max_norm)": training.limits,
        "learns from each step beside its gradient (BatchNorm; LayerNorm does not)": (
            training.assigned
        ),
    }
    for what, there in reasons.items():
        if there:
            raise SettingError(
                f"fit: the net {what}, but {type(rule).__name__} needs the same loss at each pass; "
                "leave that out, or take a rule such as tw.Adam()"
            )


# How it is run ------------------------------------------------------------------------------------


class Searching(Loop):
    """A run whose steps are those of a search."""

    search: Search | None = None

    def _step(self, epoch: int, batch: Batch, found: list[list[float]]) -> bool:
        if self.search is None and not self._begin(batch):
            return False
        assert self.search is not None
        before = self.search.point
        noted = self.search.step()
        self.weights = self.search.point.weights.astype(self.weights.dtype)
        found.append([*before.measures, *noted.values()])
        self.control.step += 1
        return True

    def _begin(self, batch: Batch) -> bool:
        """Look at the start; whether it is finite."""
        program, dtype = self.program, self.weights.dtype
        assert program.search is not None
        names = list(program.step.outputs)
        place, count = names.index(VALUE), len(self.measured)

        def landscape(weights: Vector) -> Point:
            rounded = weights.astype(dtype)
            results = self.step.run(rounded, *batch)
            gradient = results[place + 1] if place + 1 < len(results) else np.zeros(0)
            return Point(
                rounded.astype(np.float64),
                float(results[place]),
                gradient.astype(np.float64),
                [float(each) for each in results[:count]],
            )

        start = landscape(self.weights.astype(np.float64))
        if not start.is_finite:
            node = origin_of_non_finite(program.step, [self.weights, *batch], self.measured[1:])
            self.bad_step = BadStep(1, 1, node)
            return False
        self.search = program.search.begin(
            start, landscape, seed=program.seed, epochs=program.epochs
        )
        return True

    def _snapshot(self) -> Snapshot:
        state = self.search.state() if self.search else {}
        return replace(
            super()._snapshot(), state={name: np.array(each) for name, each in state.items()}
        )

    def _go_on_from(self, start: Snapshot) -> None:
        super()._go_on_from(start)
        if start.epoch and self.whole and self._begin(self.whole[0]):
            assert self.search is not None
            self.search.restore(start.state)

    def _must_stop(self) -> bool:
        return super()._must_stop() or self._has_ended()

    def _why_now(self) -> str:
        return "no_descent" if self._has_ended() else super()._why_now()

    def _has_ended(self) -> bool:
        return self.search is not None and self.search.ended
