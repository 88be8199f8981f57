"""Training the members of a table whose rows follow one another in time.

Half of the members stop by the last rows, which they do not learn from. The others learn from all
rows, for as many epochs as were best for the first half; so the latest rows are learned from too,
and how long to train was still decided by rows that came after those learned from.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from talweg.data.model.learning import Learned, Members, Team, are_interrupted
from talweg.data.model.network import Blueprint
from talweg.data.model.recipe import Recipe
from talweg.data.split.deal import DealtRows
from talweg.train.run.run import Run
from talweg.train.run.stopping import MaxEpochs
from talweg.train.search.sweep import sweep


def learn_in_time(
    dealt: DealtRows,
    blueprint: Blueprint,
    recipe: Recipe,
    settings: dict[str, Any],
    *,
    seed: int,
    deadline: float | None,
) -> Learned:
    """Train the members on rows in the order of time; rows that judge are not looked at.

    A single member learns from all rows, after another one has found for how long.
    """
    start = time.perf_counter()
    team = _TeamInTime(dealt, blueprint, recipe, settings, seed, deadline)
    team.deadline = deadline and (start + deadline) / 2
    bins, runs = team.tried()
    if not are_interrupted(runs):
        runs |= team.trained(bins, range(len(runs), team.stopping))
    best = [run.best_epoch for run in runs.values() if run.best_epoch and run.failure is None]
    team.deadline = deadline
    if best and not are_interrupted(runs):
        runs |= team.taught_all(bins, median_low(best))
    last = sorted(runs)[-recipe.n_estimators :]
    return team.learned(bins, {place: runs[place] for place in last}, start)


@dataclass(eq=False)
class _TeamInTime(Team):
    """Members of which the first ones, `stopping` of them, stop by the last rows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stopping = max(1, self.recipe.n_estimators // 2)
        self.on_trial = min(self.on_trial, self.stopping)

    def taught_all(self, bins: int, epochs: int) -> Members:
        """The other members, which learn from all rows for so many epochs."""
        stops = [MaxEpochs(epochs), *self.stops()[1:]]
        count = self.dealt.learnable.stop
        if self.recipe.n_estimators == 1:
            return {1: self.alone(bins, count, None, stops)}
        places = range(self.stopping, self.recipe.n_estimators)
        weights = self.dealt.weights
        swept = sweep(
            self.net,
            self.dealt.x[:count],
            self.dealt.y[:count],
            sample_weight=None if weights is None else weights[:count],
            over={"bins": [bins], "seed": [self.seeds[each] for each in places]},
            stop=stops,
            **self.fit_settings() | {"progress": self.bar},
        )
        found: list[Run] = swept.runs
        return dict(zip(places, found, strict=False))
