"""From an inspected table to trained networks and their scores, split at random or in time.

In chronological order, the last quarter of the rows tests networks that learned from the rows
before, and the quarter before that shows how much the score varies from one period to the next. The
networks of the model are then trained in the same way, on all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from talweg.data.model.decision import Decision
from talweg.data.model.held_out import HeldOut, Unseen
from talweg.data.model.inspected import InspectedTable
from talweg.data.model.intervals import ErrorScale
from talweg.data.model.learning import Learned, NothingBegun, TrainingPlan, learn
from talweg.data.model.learning_in_time import learn_in_time
from talweg.data.model.out_of_fold import OutOfFold, decision_for, predict_out_of_fold
from talweg.data.model.scores import Score
from talweg.data.model.targets.base import Array, Predicted, Target
from talweg.data.model.trained_table import blueprint_for
from talweg.data.model.training_data import TrainingData, split_at_random, split_in_time
from talweg.data.split.folds import FOLDS
from talweg.data.split.periods import InTime, Period
from talweg.data.split.timeline import Timeline

TEST_BLOCKS = 2  # of FOLDS: a quarter of the rows
_TESTED, _TESTED_BEFORE = 4, 2  # networks whose mean is tested on the last period, and before it
_SHARES = (0.3, 0.9, 1.0)  # of a time budget used after the test, after the model, and in the end

Settings = dict[str, Any]


@dataclass(frozen=True)
class TimeLimit:
    """A time budget in seconds that runs from `started` on; None means no limit."""

    started: float
    budget: float | None

    def at(self, share: float) -> float | None:
        """The time at which this share of it is used up."""
        return None if self.budget is None else self.started + share * self.budget


@dataclass(frozen=True, eq=False)
class Request:
    """What `fit` was asked for: the settings of the model and those of `fit`, seed and time."""

    given: Mapping[str, Any]
    fit_settings: Settings
    seed: int
    time: TimeLimit


@dataclass(frozen=True, eq=False)
class Trained:
    """The networks of the model, with the data that they learned from, and how they were tested.

    `parts` are the numbers of training, validation and test rows.
    """

    data: TrainingData
    learned: Learned
    tested: OutOfFold
    unseen: Unseen
    parts: tuple[int, int, int]
    decision: Decision | None
    error_scale: ErrorScale | None = None
    in_time: InTime | None = None


def train(inspected: InspectedTable, request: Request) -> Trained:
    """Train and test, with a random split or in chronological order."""
    if inspected.split_time is not None:
        return RollingOrigin(inspected, request, inspected.split_time).train()
    data = split_at_random(inspected, request.given, request.seed)
    # If a column holds the time, `check_along_time` needs the rest of the budget.
    deadline = request.time.at(_SHARES[1] if inspected.timeline else 1.0)
    learned = learn(_plan(data, data.recipe, request, deadline))
    tested = predict_out_of_fold(learned, data.target, data.rows)
    decision = decision_for(request.given["threshold"], learned, data.target, data.rows)
    unseen = tested.unseen(inspected.kept, data)
    return Trained(data, learned, tested, unseen, _parts(data), decision, tested.error_scale)


def _plan(
    data: TrainingData, recipe: Any, request: Request, deadline: float | None
) -> TrainingPlan:
    blueprint = blueprint_for(data.target, data.encoder, recipe)
    return TrainingPlan(data.rows, blueprint, recipe, request.fit_settings, request.seed, deadline)


def _parts(data: TrainingData) -> tuple[int, int, int]:
    """The numbers of training, validation and test rows of the first network."""
    validation, test = data.rows.rows(-2), data.rows.rows(-1)
    return validation.start, validation.stop - validation.start, test.stop - test.start


@dataclass(frozen=True, eq=False)
class Origin:
    """Networks that learned from the rows up to some time, tested on later ones."""

    data: TrainingData
    learned: Learned
    tested: OutOfFold


@dataclass(frozen=True, eq=False)
class RollingOrigin:
    """Trains on rows in chronological order, and tests on the rows that follow."""

    inspected: InspectedTable
    request: Request
    timeline: Timeline

    def train(self) -> Trained:
        """Test first, then learn from all rows, then test on the period before.

        Ctrl-C ends this early, and the result so far is kept.
        """
        last = self.origin(FOLDS - TEST_BLOCKS, _TESTED, _SHARES[0])
        decision = self._decision(last)
        unseen = last.tested.unseen(self.inspected.kept, last.data)
        parts = _parts(last.data)
        trained = Trained(last.data, last.learned, last.tested, unseen, parts, decision)
        periods = [*self._periods(last, decision)]
        with suppress(NothingBegun):
            if not last.learned.is_interrupted:
                data, learned = self._learn(FOLDS, 0, None, _SHARES[1], last.learned.bins)
                trained = replace(trained, data=data, learned=learned)
            if not trained.learned.is_interrupted:
                before = self.origin(FOLDS - 2 * TEST_BLOCKS, _TESTED_BEFORE, _SHARES[2])
                periods = [*self._periods(before, self._decision(before)), *periods]
        scale = last.tested.errors_in(trained.data, [*trained.learned.blueprint.embeddings])
        seconds = perf_counter() - self.request.time.started
        learned = replace(trained.learned, seconds=seconds)
        in_time = InTime(self.timeline.names, tuple(periods))
        return replace(trained, learned=learned, error_scale=scale, in_time=in_time)

    def origin(self, blocks: int, networks: int | None, share: float) -> Origin:
        """Learn from the first `blocks`, and test on the next ones."""
        data, learned = self._learn(blocks, TEST_BLOCKS, networks, share, None)
        return Origin(data, learned, predict_out_of_fold(learned, data.target, data.rows))

    def _learn(
        self, blocks: int, test_blocks: int, networks: int | None, share: float, bins: int | None
    ) -> tuple[TrainingData, Learned]:
        """Train at most `networks` networks with `bins` bins on the first blocks."""
        data = split_in_time(self.inspected, self.request.given, self.timeline, blocks, test_blocks)
        recipe = data.recipe
        count = min(recipe.n_estimators, networks or recipe.n_estimators)
        recipe = replace(recipe, n_estimators=count, bins=recipe.bins if bins is None else bins)
        data = replace(data, recipe=recipe)
        plan = _plan(data, recipe, self.request, self.request.time.at(share))
        return data, learn_in_time(plan)

    def _decision(self, origin: Origin) -> Decision | None:
        threshold, data = self.request.given["threshold"], origin.data
        return decision_for(threshold, origin.learned, data.target, data.rows)

    def _periods(self, origin: Origin, decision: Decision | None) -> Iterator[Period]:
        """The score of each test block."""
        data, tested = origin.data, origin.tested
        block = np.searchsorted(self.timeline.ends, tested.rows, side="right")
        for number in np.unique(block):
            rows = tested.rows[block == number]
            score = first_score(data.target, tested.held_out, block == number, decision)
            first, last = (self._time_of(data, rows[at]) for at in (0, -1))
            yield Period(first, last, len(rows), score.name, score.network, score.trivial)

    def _time_of(self, data: TrainingData, row: int) -> str:
        return self.timeline.at(self.inspected.kept, data.order[row])


def first_score(target: Target, held_out: HeldOut, rows: Array, decision: Decision | None) -> Score:
    """The first score on some of the held-out rows."""
    parts = (held_out.true[rows], held_out.outputs[rows], held_out.prior, held_out.weights[rows])
    return target.scores(Predicted(*parts, decision))[0]
