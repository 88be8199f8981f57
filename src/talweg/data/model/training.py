"""From a table that can be learned to networks and what they are worth: at random, or in time.

In the order of time, the last quarter of the rows judges networks that learned from those before,
and the quarter before that says how much the score varies from one period to the next. The
networks that remain are trained again in the same way, now on all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.model.decision import Decision
from talweg.data.model.intervals import ErrorScale
from talweg.data.model.learnable import Learnable
from talweg.data.model.learning import Learned, NothingBegun, TrainingPlan, learn
from talweg.data.model.learning_in_time import learn_in_time
from talweg.data.model.out_of_fold import Judged, decision_for, judged
from talweg.data.model.recipe import FOLDS
from talweg.data.model.scores import log_losses, scores_of
from talweg.data.model.target import Coding
from talweg.data.model.trained_table import HeldOut, Unseen, blueprint_for
from talweg.data.split.deal import Deal, dealt_in_time, dealt_table
from talweg.data.split.periods import AlongTime, InTime, Period
from talweg.data.split.timeline import Timeline
from talweg.train.run.progress import Whole

JUDGING = 2  # of FOLDS blocks: a quarter of the rows
_MEMBERS_JUDGED, _MEMBERS_BEFORE = 4, 2  # whose mean is judged in the last period, and before it
_SHARES = (0.3, 0.9, 1.0)  # of a time budget, after: judging, the networks that remain, and all

FEWEST_CHECKED, MOST_CHECKED = 40, 100_000  # rows, for a check along the time
_WORSE = 1.2  # times the loss: what a network may lose that learns from fewer rows
_SURE = 3.0  # standard errors

Settings = dict[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Time:
    """A time budget in seconds, if there is one, from `started` on."""

    started: float
    budget: float | None

    def at(self, share: float) -> float | None:
        """When so much of it is used up."""
        return None if self.budget is None else self.started + share * self.budget


@dataclass(frozen=True, eq=False)
class Trained:
    """The networks that remain, with the deal that they learned from; what was `judged`, of which
    `parts` says how many rows were learned from, stopped and judged; and what is in `unseen` rows.
    """

    deal: Deal
    learned: Learned
    judged: Judged
    unseen: Unseen
    parts: tuple[int, int, int]
    decision: Decision | None
    error_scale: ErrorScale | None = None
    in_time: InTime | None = None
    along_time: AlongTime | None = None


def trained(
    seen: Learnable, given: Mapping[str, Any], fitting: Settings, seed: int, started: float
) -> Trained:
    """Train and judge as the table wants it; `fitting` are further settings of `fit`, of which the
    time budget began when it was `started`.
    """
    time = _Time(started, given["time_budget"])
    if seen.ruling_time is not None:
        return _Rolling(seen, given, fitting, seed, seen.ruling_time, time).trained()
    deal = dealt_table(seen, given, seed)
    blueprint, deadline = blueprint_for(deal.coding, deal.encoder, deal.recipe), time.at(1.0)
    if seen.timeline:
        deadline = time.at(_SHARES[1])
    learned = learn(TrainingPlan(deal.rows, blueprint, deal.recipe, fitting, seed, deadline))
    found = judged(learned, deal.coding, deal.rows)
    decision = decision_for(given["threshold"], learned, deal.coding, deal.rows)
    unseen = found.unseen(seen.kept, deal)
    result = Trained(deal, learned, found, unseen, _parts(deal), decision, found.error_scale)
    return replace(result, along_time=_along_time(seen, given, fitting, seed, time, result))


def _parts(deal: Deal) -> tuple[int, int, int]:
    """How many rows a member learns from, stops by and is judged on: the first one."""
    stop, judge = deal.rows.rows(-2), deal.rows.rows(-1)
    return stop.start, stop.stop - stop.start, judge.stop - judge.start


@dataclass(frozen=True, eq=False)
class _Origin:
    """Networks that learned from the rows up to some moment, and what they say of later ones."""

    deal: Deal
    learned: Learned
    judged: Judged


@dataclass(frozen=True, eq=False)
class _Rolling:
    """Training on rows that follow one another along a `line` of time."""

    seen: Learnable
    given: Mapping[str, Any]
    fitting: Settings
    seed: int
    line: Timeline
    time: _Time

    def trained(self) -> Trained:
        """Judge first, then learn from all rows, then look at the period before.

        After Ctrl-C, what has been learned by then remains.
        """
        last = self.origin(FOLDS - JUDGING, _MEMBERS_JUDGED, _SHARES[0])
        decision = self.decision(last)
        found = Trained(
            last.deal,
            last.learned,
            last.judged,
            last.judged.unseen(self.seen.kept, last.deal),
            _parts(last.deal),
            decision,
        )
        periods = [*self.periods(last, decision)]
        with suppress(NothingBegun):
            if not last.learned.is_interrupted:
                deal, learned = self.learned(FOLDS, 0, None, _SHARES[1], last.learned.bins)
                found = replace(found, deal=deal, learned=learned)
            if not found.learned.is_interrupted:
                before = self.origin(FOLDS - 2 * JUDGING, _MEMBERS_BEFORE, _SHARES[2])
                periods = [*self.periods(before, self.decision(before)), *periods]
        scale = last.judged.errors_in(found.deal, [*found.learned.blueprint.embeddings])
        learned = replace(found.learned, seconds=perf_counter() - self.time.started)
        in_time = InTime(self.line.names, tuple(periods))
        return replace(found, learned=learned, error_scale=scale, in_time=in_time)

    def origin(self, blocks: int, members: int | None, share: float) -> _Origin:
        """Learn from the first `blocks`, and judge by the next ones."""
        deal, learned = self.learned(blocks, JUDGING, members, share, None)
        return _Origin(deal, learned, judged(learned, deal.coding, deal.rows))

    def learned(
        self, blocks: int, judging: int, members: int | None, share: float, bins: int | None
    ) -> tuple[Deal, Learned]:
        """Networks that learned from the first blocks: at most so many, with so many bins."""
        deal = dealt_in_time(self.seen, self.given, self.line, blocks, judging)
        recipe = deal.recipe
        count = min(recipe.n_estimators, members or recipe.n_estimators)
        recipe = replace(recipe, n_estimators=count, bins=recipe.bins if bins is None else bins)
        deal = replace(deal, recipe=recipe)
        blueprint, deadline = blueprint_for(deal.coding, deal.encoder, recipe), self.time.at(share)
        plan = TrainingPlan(deal.rows, blueprint, recipe, self.fitting, self.seed, deadline)
        return deal, learn_in_time(plan)

    def decision(self, origin: _Origin) -> Decision | None:
        deal = origin.deal
        return decision_for(self.given["threshold"], origin.learned, deal.coding, deal.rows)

    def periods(self, origin: _Origin, decision: Decision | None) -> Iterator[Period]:
        """The score of each of the blocks that judged, by itself."""
        deal, found = origin.deal, origin.judged
        block = np.searchsorted(self.line.ends, found.rows, side="right")
        for each in np.unique(block):
            rows = found.rows[block == each]
            score = _first_score(deal.coding, found.held_out, block == each, decision)
            first, last = (self.line.at(self.seen.kept, deal.order[rows[at]]) for at in (0, -1))
            yield Period(first, last, len(rows), score.name, score.network, score.trivial)


def _first_score(
    coding: Coding, held: HeldOut, rows: NDArray[np.bool_], decision: Decision | None
) -> Any:
    """The first score on some of the rows that judged."""
    parts = held.true[rows], held.outputs[rows], held.prior, held.weights[rows]
    return scores_of(coding, *parts, decision=decision, names=coding.names)[0]


# Dates of rows that are in no order -------------------------------------------------------------


def _along_time(
    seen: Learnable,
    given: Mapping[str, Any],
    fitting: Settings,
    seed: int,
    time: _Time,
    found: Trained,
) -> AlongTime | None:
    """How scores of rows dealt at random look from the time that a column tells; None without one.

    The last rows judge one network that learned from those before them.
    """
    if seen.timeline is None or found.learned.is_interrupted or len(seen.kept) < FEWEST_CHECKED:
        return None
    rows, some = found.deal.order[found.judged.rows], seen.some(MOST_CHECKED)
    line = some.timeline or seen.timeline
    one = {**given, "n_estimators": 1, "bins": found.learned.bins}
    quiet = {**fitting, "progress": Whole(False)}
    try:
        later = _Rolling(some, one, quiet, seed, line, time).origin(FOLDS - JUDGING, 1, _SHARES[2])
    except NothingBegun:
        return None
    begin = line.times[line.order[line.ends[-1 - JUDGING]]]
    same, held = seen.timeline.times[rows] >= begin, found.judged.held_out
    if not same.any():
        return None
    errors = _errors(held)[np.argsort(seen.timeline.times[rows], kind="stable")]
    correlation = float((errors[1:] * errors[:-1]).sum() / max((errors**2).sum(), 1e-300))
    score = _first_score(found.deal.coding, held, same, found.decision)
    late = later.judged.held_out
    every = np.ones(len(late.true), bool)
    return AlongTime(
        names=line.names,
        rows=len(late.true),
        score=score.name,
        at_random=score.network,
        in_time=_first_score(later.deal.coding, late, every, found.decision).network,
        autocorrelation=correlation,
        flatters=_is_worse(_losses(late), _losses(held)[same], correlation),
    )


def _errors(held: HeldOut) -> Floats:
    """How far off each row is (N, K), with its sign: for each target, or each class."""
    outputs = held.outputs.reshape(len(held.true), -1)
    if held.true.ndim == 1 and held.true.dtype.kind == "i":
        return np.asarray(np.eye(outputs.shape[1])[held.true] - outputs)
    true = held.true.reshape(len(held.true), -1)
    return np.asarray((true - outputs) / true.std(axis=0).clip(min=1e-300))


def _losses(held: HeldOut) -> Floats:
    """The loss of each row (N,)."""
    if held.true.dtype.kind == "i":
        return log_losses(held.true, held.outputs)
    return np.asarray((_errors(held) ** 2).mean(axis=1))


def _is_worse(late: Floats, random: Floats, correlation: float) -> bool:
    """Whether the losses of rows in time are clearly larger than those of rows at random: by more
    than learning from fewer rows explains, and more than chance, which is larger where neighbours
    err alike.
    """
    alike = min(max(correlation, 0.0), 0.99)
    inflation = (1 + alike) / (1 - alike)
    error = np.sqrt(inflation * (late.var() / len(late) + random.var() / len(random)))
    return bool(late.mean() > max(_WORSE * random.mean(), random.mean() + _SURE * error))
