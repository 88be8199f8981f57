"""Adaptive sampling: a sampler learns at each step how often to draw each group of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.engine.run.graph_steps import GraphSteps
from talweg.engine.run.program import WATCHED, Program
from talweg.engine.run.rows import Batch, Rows
from talweg.engine.run.steps import GraphFunctions, Steps
from talweg.errors import SettingError, ShapeError
from talweg.gates import Array, Spec
from talweg.graph import Graph, Tensor, gradients, run_input
from talweg.graph.functions import cast
from talweg.lazy import cached_property
from talweg.nn import Loss
from talweg.nn.forward_pass import TrainingStep
from talweg.optim import FullBatch
from talweg.optim.adaptive_sampling import AdaptiveSampling
from talweg.random import DRAWN_ROWS, generator
from talweg.train.run.parameter_slices import total
from talweg.train.run.recording import Forward, Recipe, with_penalties
from talweg.train.run.training_step import Addition, StepMethod

PREFIX = "sampling."
"""Prefix of the state and settings of a sampler."""
_SHARES = f"{PREFIX}shares"
SQUARE = "sampling/squared_norm"
SHARES = "sampling/shares"
"""What is watched: the mean of |d|^2 over the steps of an epoch, and the group probabilities at its
end, (epochs, K)."""


@dataclass(frozen=True, eq=False)
class Groups:
    """A sampler and the group, 0 to K - 1, of each training row (N)."""

    sampler: AdaptiveSampling
    group_of: Array

    @cached_property
    def sizes(self) -> Array:
        """The rows of each group, (K)."""
        return np.bincount(self.group_of)

    @cached_property
    def shares(self) -> Array:
        """p (K): the share of the rows that each group has."""
        return self.sizes / len(self.group_of)

    @cached_property
    def rows(self) -> Array:
        """All rows, group after group."""
        return np.argsort(self.group_of, kind="stable")

    @cached_property
    def starts(self) -> Array:
        """The index in `rows` at which each group begins."""
        return np.cumsum(self.sizes) - self.sizes

    def draw(self, shares: Array, luck: Array) -> tuple[Array, Array, Array]:
        """Row indices, their groups and p / q, (B) each, from uniform numbers `luck` (2, B).

        The first number chooses a group, the second a row in it.
        """
        reach = shares.cumsum()
        groups = np.minimum(reach.searchsorted(luck[0] * reach[-1], "right"), len(reach) - 1)
        inside = (luck[1] * self.sizes[groups]).astype(np.intp)
        return self.rows[self.starts[groups] + inside], groups, self.shares[groups] / shares[groups]

    # What is recorded with each step

    def first_state(self) -> dict[str, Any]:
        return _prefixed(self.sampler.init(self.shares))

    def settings(self) -> dict[str, float]:
        return _prefixed(self.sampler.run_settings())

    def recorded(
        self,
        part: Forward,
        loss: Loss,
        learning: Sequence[Tensor],
        settings: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
    ) -> Addition:
        """The state of the sampler after a step on drawn rows, whose groups are an input."""
        _refuse_assigned(part.training)
        drawn = run_input(Spec((len(part.batch["row_weights"]),), np.dtype(np.int64)), "groups")
        products = _products(part, loss, learning)
        sampler = self.sampler.with_tensors(_own(settings))
        after = sampler.update(_own(state), drawn, cast(products, "float64"))
        return Addition({"groups": drawn}, _prefixed(after), {SQUARE: products.sum()})


def _prefixed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {PREFIX + name: value for name, value in values.items()}


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(PREFIX): value
        for name, value in values.items()
        if name.startswith(PREFIX)
    }


def _products(part: Forward, loss: Loss, learning: Sequence[Tensor]) -> Tensor:
    """h_i . d for each row i of a batch (B): d is the gradient of the loss, h_i the part of row i.

    d is linear in the row weights, so h_i . d is the weight of row i times the derivative of
    |d|^2 / 2 by it. With one row it is |d|^2.
    """
    weights = part.batch["row_weights"]
    by_row = [penalty for penalty in part.training.penalties if penalty.ndim]
    objective = with_penalties(part.measures["loss"], by_row, part.batch, loss)
    squares = [total(slope * slope) for slope in gradients(objective, learning)]
    square = sum(squares[1:], squares[0])
    if weights.size == 1:
        return square.reshape(1)
    (slope,) = gradients(0.5 * square, [weights])
    return weights * slope


def _refuse_assigned(training: TrainingStep) -> None:
    """Raise a SettingError if rows of a batch affect each other in training."""
    if training.assigned:
        raise SettingError(
            "fit: the network normalizes over the rows of a batch (BatchNorm), so a sampler "
            "cannot weight rows independently; use LayerNorm instead, or leave the sampler out"
        )


def groups_of(sampler: Any, rows: Rows, loss: Loss) -> Groups:
    """The groups of training rows that a sampler draws from."""
    if not isinstance(sampler, AdaptiveSampling):
        raise SettingError(
            f"fit: sampler must be tw.AdaptiveSampling(...) or None, but {sampler!r} was given"
        )
    if isinstance(sampler.strata, str):
        labels = np.arange(len(rows)) if sampler.strata == "rows" else _classes(rows, loss)
    else:
        labels = _given(sampler.strata, len(rows))
    return Groups(sampler, np.unique(labels, return_inverse=True)[1])


def _classes(rows: Rows, loss: Loss) -> Array:
    """The class of each row."""
    instead = "give strata as an array with the stratum of each row"
    loss.targets.require_classes("fit: a sampler with strata='classes'", rows.y, instead)
    return loss.targets.classes(rows.y)


def _given(labels: Sequence[Any], count: int) -> Array:
    array = np.asarray(labels)
    if len(array) != count:
        raise ShapeError(
            f"fit: the sampler's strata have {len(array)} entries, but there are {count} "
            "training rows (rows of weight 0 and held-out rows do not count); give one entry "
            "for each training row, and validation as (X, y)"
        )
    return array


# The training method ------------------------------------------------------------------------------


@dataclass(frozen=True)
class SampledMethod(StepMethod):
    """Training steps on rows that a sampler draws with replacement."""

    groups: Groups

    @property
    def extension(self) -> Groups:
        return self.groups

    @property
    def method(self) -> Drawing:
        return Drawing(self.groups)

    @property
    def weights_rows(self) -> bool:
        return True

    def refuse(self, recipe: Recipe, rows: int, settings: Mapping[str, Any]) -> None:
        if isinstance(self.rule, FullBatch):
            raise SettingError(
                f"fit: {type(self.rule).__name__} uses all rows in each step, so a sampler has "
                "none to draw; leave the sampler out, or use a mini-batch optimizer such as "
                "tw.SGD()"
            )
        if not settings["shuffle"]:
            raise SettingError(
                "fit: a sampler draws rows at random, which contradicts shuffle=False; "
                "leave one of them out"
            )


@dataclass(frozen=True)
class Drawing:
    """Trains on drawn rows; the number of steps per epoch is that for all rows in order."""

    groups: Groups
    name = "a sampler"

    def watched(self, step: Graph) -> list[str]:
        return [name for name in step.outputs if name.startswith(WATCHED)]

    def batches(self, program: Program, rows: Rows, epoch: int, steps: Steps) -> Iterable[Batch]:
        schedule = program.schedule
        random = generator(schedule.seed, DRAWN_ROWS, epoch)
        for luck in random.random((schedule.steps_of(len(rows)), 2, schedule.batch_size)):
            yield self._batch(rows, steps.state[_SHARES], luck)

    def _batch(self, rows: Rows, shares: Array, luck: Array) -> Batch:
        """A batch of drawn rows, and their groups, which are one more input of the step."""
        indices, groups, ratio = self.groups.draw(shares, luck)
        weights = rows.weights[indices] * ratio.astype(rows.weights.dtype)
        count = np.asarray(len(indices) * rows.mean_weight, weights.dtype)
        return rows.x[indices], rows.y[indices], weights, count, groups  # type: ignore[return-value]

    def steps(
        self, program: Program, functions: GraphFunctions, weights: Array, rows: Rows
    ) -> Steps:
        return GraphSteps(program, functions, weights)

    def noted(self, state: Mapping[str, Array]) -> Mapping[str, Array]:
        return {WATCHED + SHARES: state[_SHARES]}
