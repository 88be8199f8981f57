"""Training the members of a table's network, each on other rows, and judging them on unseen ones.

The rows are dealt to eight folds. A member trains on six of them, keeps the weights of the epoch
that is best on the seventh, and is judged on the eighth; the next member leaves out others. So
every row is used, and each is judged by the one network that knows nothing of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.model.network import Blueprint
from talweg.data.model.recipe import BINS, FEWEST_BINS, Recipe
from talweg.data.split.deal import DealtRows
from talweg.nn import Module, Sequential
from talweg.nn.bins import Bins
from talweg.random import MEMBERS, generator
from talweg.train.run.engines import load_engine
from talweg.train.run.fit import fit
from talweg.train.run.progress import Whole
from talweg.train.run.run import Run
from talweg.train.run.stopping import EarlyStopping, Stop, TimeBudget
from talweg.train.search.executor import cores
from talweg.train.search.sweep import sweep

Array = NDArray[Any]
Members = dict[int, Run]
"""Runs by the place of the member, which says on which rows it trained."""

_TRIAL = 2  # members of either kind that are tried
_PLACES = 512  # that the bins of all columns may take: more cost more than they help
_LEAST_SECONDS = 1e-3  # of training, where reading the table took all the time that there was
_MOST_BINNED = 512  # columns: of more, even few bins each would be more weights than rows can tell
# What counts as better, of a loss that starts near 1: mushroom takes 40 epochs, not 242.
_LEAST = 1e-4
load_engine()  # with all else that training needs, not in the middle of it


class NothingBegun(KeyboardInterrupt):
    """Ctrl-C came before the first step."""


@dataclass(frozen=True, eq=False)
class Learned:
    """The members and their runs, what they were built by, and how long all of it took.

    `bins` is how many a column may have. `left_out` counts members whose numbers stopped being
    finite, where others did not.
    """

    blueprint: Blueprint
    bins: int
    runs: tuple[Run, ...]
    places: tuple[int, ...]
    left_out: int
    seconds: float

    @property
    def compile_seconds(self) -> float:
        return max(each.compile_seconds for each in self.runs)

    @property
    def stopped(self) -> Learned:
        """Those alone that rows stopped which they did not learn from, if there are such."""
        chosen = [at for at, run in enumerate(self.runs) if "val_loss" in run.history]
        if len(chosen) in (0, len(self.runs)):
            return self
        runs = tuple(self.runs[at] for at in chosen)
        places = tuple(self.places[at] for at in chosen)
        blueprint = replace(self.blueprint, members=len(runs))
        return replace(self, blueprint=blueprint, runs=runs, places=places)

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C ended any of them."""
        return any(run.stopped_by == "interrupted" for run in self.runs)

    @property
    def nets(self) -> list[Module]:
        return [each.net for each in self.runs]


def learn(
    dealt: DealtRows,
    blueprint: Blueprint,
    recipe: Recipe,
    settings: dict[str, Any],
    *,
    seed: int,
    deadline: float | None,
) -> Learned:
    """Train all members; `settings` are further ones of `fit`. `deadline` is by `perf_counter`:
    members that have not begun by then are left out.

    Where the recipe leaves open whether numbers go through bins, some members of either kind are
    trained first, and the kind with the lower loss on the rows that they stop by goes on.
    """
    start = time.perf_counter()
    team = Team(dealt, blueprint, recipe, settings, seed, deadline)
    bins, runs = team.tried()
    if not are_interrupted(runs):
        runs |= team.trained(bins, range(len(runs), recipe.n_estimators))
    return team.learned(bins, runs, start)


def _is_unbegun(run: Run) -> bool:
    """Whether a run was interrupted before its first step."""
    return run.stopped_by == "interrupted" and not run.steps


@dataclass(eq=False)
class Team:
    """The members in the making."""

    dealt: DealtRows
    blueprint: Blueprint
    recipe: Recipe
    settings: dict[str, Any]
    seed: int
    deadline: float | None

    def __post_init__(self) -> None:
        more = generator(self.seed, MEMBERS).integers(0, 2**32, self.recipe.n_estimators - 1)
        self.seeds = [self.seed, *more.tolist()]
        self.on_trial = 0 if self.recipe.bins is not None else min(_TRIAL, self.recipe.n_estimators)
        self.bins: dict[int, Bins | None] = {0: None}
        self.firsts: dict[int, Module] = {}  # a net of each kind, which the others start like
        self.codes = [*self.blueprint.embeddings]
        shown = self.settings.get("progress")
        self.bar = shown if isinstance(shown, Whole) else Whole(shown, thing="network")
        self.is_constant = np.delete(self.dealt.is_constant(), self.codes)

    def tried(self) -> tuple[int, Members]:
        """How many bins, and the members that are trained already."""
        if self.recipe.bins is not None:
            return self.recipe.bins, {}
        most = self._binned(BINS)
        if most is None:
            return 0, {}
        bins = min(BINS, max(FEWEST_BINS, _PLACES // len(most.edges)))
        rounds = _rounds(self.recipe.n_estimators + self.on_trial)
        self.bar.dropped = self.on_trial  # one kind of networks
        plain, binned = self._together([0, bins], range(self.on_trial), rounds)
        if len(plain) != len(binned):  # after Ctrl-C, those of which more had begun
            is_better = len(binned) > len(plain)
        else:
            spans = map(self.dealt.stopping, range(self.on_trial))
            rows = sum(span.stop - span.start for span in spans)
            is_better = _loss(binned) < (1 - _chance(rows)) * _loss(plain)
        return (bins, binned) if is_better else (0, plain)

    def trained(self, bins: int, members: range) -> Members:
        """These members; a single one of a table goes without copies of its rows."""
        if not len(members):
            return {}
        if self.recipe.n_estimators == 1:
            stop = self.dealt.rows(-2)
            return {0: self.alone(bins, stop.start, stop, self.stops())}
        if self.deadline is None:
            return self._together([bins], members)[0]
        return self._in_rounds(bins, members)

    def _in_rounds(self, bins: int, members: range) -> Members:
        """As many of these members as time allows, each round with its share of what is left."""
        found: Members = {}
        for first in members[:: cores()]:
            if first and self.left() <= 0:
                break
            rounds = _rounds(members.stop - first)
            some = range(first, min(first + cores(), members.stop))
            (more,) = self._together([bins], some, rounds)
            found |= more
            if len(more) < len(some) or are_interrupted(more):
                break
        return found

    def left(self) -> float:
        """Seconds until the deadline."""
        return math.inf if self.deadline is None else self.deadline - time.perf_counter()

    def learned(self, bins: int, runs: Members, start: float) -> Learned:
        """What the runs that went well have become since `start`."""
        runs = {place: run for place, run in runs.items() if not _is_unbegun(run)}
        if not runs:
            raise NothingBegun
        good = sorted(place for place in runs if runs[place].failure is None) or sorted(runs)
        found = replace(self.blueprint_with(bins), members=len(good))
        seconds, left_out = time.perf_counter() - start, len(runs) - len(good)
        of_good = tuple(runs[each] for each in good)
        return Learned(found, bins, of_good, tuple(good), left_out, seconds)

    def blueprint_with(self, bins: int) -> Blueprint:
        return replace(self.blueprint, bins=self._binned(bins))

    def _binned(self, bins: int) -> Bins | None:
        if bins not in self.bins:
            rows = self.dealt.inputs(_some(self.dealt.learnable.stop))
            if self.codes:  # which are no amounts
                rows = rows.copy()
                rows[:, self.codes] = 0
            self.bins[bins] = _bins_of(rows, bins)
        return self.bins[bins]

    def net(self, bins: int, seed: int) -> Module:
        """A network at its start; weights of inputs that training never varies are 0.

        Such an input (the place of a missing cell where none is missing) learns nothing, so a cell
        that meets it later must not add a random number.
        """
        blueprint, rows = self.blueprint_with(bins), self.dealt.inputs(slice(2))
        net = blueprint.net()
        first = self.firsts.setdefault(bins, net)
        net = net.init(rows, seed=seed) if net is first else net.init_as(first, rows, seed=seed)
        blueprint.first_weight(net)[: len(self.is_constant)][self.is_constant] = 0.0
        return net

    def _together(self, kinds: Sequence[int], members: range, rounds: int = 1) -> list[Members]:
        """These members of each kind, which is so many bins; after Ctrl-C, those that had begun.

        They are the first of so many `rounds` for which time is left.
        """
        folds = {self.dealt.fold(each): each for each in members}
        self.bar.later = self.recipe.n_estimators - members.stop
        swept = sweep(
            self.net,
            self.dealt.x,
            self.dealt.y,
            sample_weight=self.dealt.weights,
            over={
                "bins": [bins for bins in kinds for _ in members],
                "seed": [self.seeds[each] for each in members] * len(kinds),
                "validation": [*folds] * len(kinds),
            },
            sampling="paired",
            stop=self.stops(rounds),
            **self.fit_settings() | {"progress": self.bar},
        )
        found: dict[int, Members] = {bins: {} for bins in kinds}
        for point, run in zip(swept.points, swept.runs, strict=True):
            found[point["bins"]][folds[point["validation"]]] = run
        return [*found.values()]

    def alone(self, bins: int, count: int, validation: slice | None, stops: Sequence[Stop]) -> Run:
        """A run on the first so many rows."""
        x, y, weights = self.dealt.x, self.dealt.y, self.dealt.weights
        net, unpack = self.net(bins, self.seed), self.dealt.unpack
        held = None
        if validation is not None:
            parts = x[validation], y[validation]
            held = (*parts, None if weights is None else weights[validation])
        run = fit(
            net if unpack is None else Sequential(unpack, net),
            x[:count],
            y[:count],
            sample_weight=None if weights is None else weights[:count],
            validation=held,
            seed=self.seed,
            stop=stops,
            **self.fit_settings() | {"progress": self.bar.shows_bar},
        )
        if unpack is None:
            return run
        found = self.net(bins, self.seed)
        found.weights.flat[:] = run.net.weights.flat
        return replace(run, net=found)

    def fit_settings(self) -> dict[str, Any]:
        recipe = self.recipe
        return {
            **self.settings,
            "optimizer": recipe.optimizer,
            "epochs": recipe.epochs,
            "batch_size": recipe.batch_size,
        }

    def stops(self, rounds: int = 1) -> list[Stop]:
        stops: list[Stop] = [EarlyStopping(self.recipe.patience, min_delta=_LEAST)]
        if self.deadline is not None:
            stops.append(TimeBudget(max(self.left(), _LEAST_SECONDS) / rounds))
        return stops


def are_interrupted(runs: Members) -> bool:
    """Whether Ctrl-C ended any of them."""
    return any(run.stopped_by == "interrupted" for run in runs.values())


def _rounds(runs: int) -> int:
    """How many runs one core does of so many, side by side."""
    return -(-runs // cores())


def _bins_of(rows: Array, bins: int) -> Bins | None:
    """Bins of the columns that need some; None where there are none, or more than are tried."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    amounts = ((rows != low) & (rows != high)).any(axis=0)
    if not 0 < np.count_nonzero(amounts) <= _MOST_BINNED:
        return None
    return Bins.from_rows(rows, bins)


def _chance(rows: int) -> float:
    """By how much of itself the loss on so many rows may differ by chance.

    >>> _chance(800), _chance(10_000)
    (0.05, 0.02)
    """
    return min(0.05, 2 / math.sqrt(rows))


def _some(rows: int) -> slice:
    """At most some 100,000 of the rows, evenly from first to last."""
    return slice(0, rows, 1 + rows // 100_000)


def _loss(runs: Members) -> float:
    """The mean loss on the rows that the runs stopped by; infinite where one went wrong."""
    every = runs.values()
    losses = [run.history["val_loss"][run.best_epoch - 1] for run in every if run.best_epoch]
    return float(np.mean(losses)) if losses and len(losses) == len(runs) else np.inf
