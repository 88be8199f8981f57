"""Full-batch methods: each epoch is one step of a search, which may take several passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.engine.run.program import WATCHED, Program
from talweg.engine.run.rows import Batch, Rows, whole_batch
from talweg.engine.run.steps import GraphFunction, GraphFunctions, Steps
from talweg.engine.run.values import origin_of_non_finite
from talweg.errors import SettingError
from talweg.gates import Array
from talweg.graph import Graph, constant, gradients, simplify
from talweg.nn.forward_pass import TrainingStep
from talweg.optim.full_batch import FullBatch, Point, Search, Vector
from talweg.train.run.parameter_slices import joined
from talweg.train.run.recording import Recipe, forward_pass
from talweg.train.run.training_step import StepMethod

VALUE, GRADIENT = "state.value", "state.gradient"
"""The outputs of a pass after the measures: the objective and its gradient (W)."""


@dataclass(frozen=True)
class PassMethod(StepMethod):
    """Training with a full-batch rule, whose steps are passes over all rows."""

    rule: FullBatch

    @property
    def needs_gradients(self) -> bool:
        return self.rule.uses_gradient

    @property
    def method(self) -> Searching:
        return Searching(self.rule)

    def refuse(self, recipe: Recipe, rows: int, settings: Mapping[str, Any]) -> None:
        name, count = type(self.rule).__name__, recipe.net.weights.flat.size
        batch_size = settings["batch_size"]
        if batch_size is not None and batch_size < rows:
            raise SettingError(
                f"fit: {name} uses all {rows} rows in each step, but "
                f"batch_size={batch_size} was given; give batch_size=None"
            )
        for setting in ("watch", "lr_multipliers"):
            if settings.get(setting):
                raise SettingError(
                    f"fit: {setting} needs an optimizer that makes one step per batch, such as "
                    f"tw.Adam, not {name}; leave it out"
                )
        if self.rule.max_parameters is not None and count > self.rule.max_parameters:
            raise SettingError(
                f"fit: {name} would store a matrix of {count} by {count} numbers, but "
                f"max_parameters is {self.rule.max_parameters}; use tw.LBFGS(), which stores "
                "only a few vectors"
            )

    def record_step(self, recipe: Recipe, batch_size: int) -> Graph:
        """A pass over all rows: the measures, the objective and its gradient."""
        part = forward_pass(recipe, batch_size, constant(0.0))
        _refuse_changing_loss(self.rule, part.training)
        outputs = {**part.measures, VALUE: part.objective}
        if self.rule.uses_gradient:
            outputs[GRADIENT] = joined(gradients(part.objective, list(part.views.values())))
        return simplify(Graph({"weights": part.flat, **part.batch}, outputs))


def _refuse_changing_loss(rule: FullBatch, training: TrainingStep) -> None:
    """Raise a SettingError if the loss of the net changes from pass to pass."""
    reasons = {
        "draws random numbers in training (dropout, noise)": training.streams,
        "keeps weights within limits (max_norm)": training.limits,
        "learns from each step beside its gradient (BatchNorm; LayerNorm does not)": (
            training.assigned
        ),
    }
    for reason, holds in reasons.items():
        if holds:
            raise SettingError(
                f"fit: the network {reason}, but {type(rule).__name__} needs a loss that is the "
                "same in every evaluation; remove the cause, or use an optimizer such as "
                "tw.Adam()"
            )


@dataclass(frozen=True, repr=False)
class Searching:
    """Trains by the steps of a search over all rows."""

    rule: FullBatch

    def __repr__(self) -> str:
        return repr(self.rule)  # part of the identity of a run in a checkpoint

    @property
    def name(self) -> str:
        return type(self.rule).__name__

    def watched(self, step: Graph) -> list[str]:
        return [WATCHED + name for name in self.rule.watched]

    def batches(self, program: Program, rows: Rows, epoch: int, steps: Steps) -> Iterable[Batch]:
        return [whole_batch(rows)]

    def steps(
        self, program: Program, functions: GraphFunctions, weights: Array, rows: Rows
    ) -> Steps:
        return SearchSteps(self.rule, program, functions.step, weights, whole_batch(rows))

    def noted(self, state: Mapping[str, Array]) -> Mapping[str, Array]:
        return {}


class SearchSteps:
    """The steps of a search, which begins with the first one."""

    def __init__(
        self, rule: FullBatch, program: Program, step: GraphFunction, weights: Array, batch: Batch
    ) -> None:
        self.rule, self.program, self.step, self.batch = rule, program, step, batch
        self.weights = weights.copy()
        self.search: Search | None = None

    @property
    def state(self) -> Mapping[str, Array]:
        state = self.search.state() if self.search else {}
        return {name: np.array(value) for name, value in state.items()}

    @property
    def has_ended(self) -> bool:
        return self.search is not None and self.search.ended

    def take(
        self, batch: Batch, settings: Mapping[str, Array], *, is_watched: bool
    ) -> Sequence[Any] | None:
        search = self.search or self._begun()
        if search is None:
            return None
        before = search.point
        noted = search.step()
        self.weights = search.point.weights.astype(self.weights.dtype)
        return [*before.measures, *noted.values()]

    def origin_of_failure(self, batch: Batch, settings: Mapping[str, Array]) -> Any:
        skip = self.program.graphs.measures[1:]
        return origin_of_non_finite(self.program.step, [self.weights, *batch], skip)

    def restore(self, weights: Array, state: Mapping[str, Array], epoch: int) -> None:
        self.weights = weights
        search = self._begun() if epoch else None  # which begins with the first step
        if search is not None:
            search.restore(state)

    def _begun(self) -> Search | None:
        """A search from the current weights; None if the loss is not finite there."""
        start = self._pass(self.weights.astype(np.float64))
        if start.is_finite:
            seed, epochs = self.program.schedule.seed, self.program.limits.epochs
            self.search = self.rule.begin(start, self._pass, seed=seed, epochs=epochs)
        return self.search

    def _pass(self, weights: Vector) -> Point:
        """A pass over all rows at weights rounded to the dtype of the net."""
        rounded = weights.astype(self.weights.dtype)
        results = dict(
            zip(self.program.step.outputs, self.step.run(rounded, *self.batch), strict=True)
        )
        gradient = results.get(GRADIENT, np.zeros(0))
        return Point(
            rounded.astype(np.float64),
            float(results[VALUE]),
            gradient.astype(np.float64),
            [float(results[name]) for name in self.program.graphs.measures],
        )
