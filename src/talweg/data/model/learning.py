"""Train the networks of a table's ensemble, each on different folds.

The rows are split into eight folds. A network trains on six of them, keeps the weights of the epoch
with the lowest loss on the seventh, and is tested on the eighth; the next network holds out other
folds. So every row is used, and is predicted by the one network that never saw it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.cores import cores
from talweg.data.model.bins_trial import bins_of, is_better, most_bins
from talweg.data.model.network import Blueprint
from talweg.data.model.recipe import BINS, Recipe
from talweg.data.split.split_rows import SplitRows
from talweg.engine.registry import missing_engines
from talweg.nn import Module, Sequential
from talweg.nn.bins import Bins
from talweg.random import MEMBERS, generator
from talweg.train.run.fit import fit
from talweg.train.run.progress import SharedBar
from talweg.train.run.run import Run
from talweg.train.run.stopping import EarlyStopping, Stop, TimeBudget
from talweg.train.search.ensemble import train_members
from talweg.train.search.tasks import Member, Recorder

Array = NDArray[Any]
Runs = dict[int, Run]
"""Runs by the index of the network, which determines the folds that it trained on."""

_TRIAL = 2  # networks of either kind in a trial
_LEAST_SECONDS = 1e-3  # of training, even if reading the table used up the time budget
# The least improvement of a loss that starts near 1: with it, mushroom takes 40 epochs, not 242.
_MIN_DELTA = 1e-4
missing_engines()  # imports the engines now, and not in the middle of a run


class NothingBegun(KeyboardInterrupt):
    """Ctrl-C came before the first step."""


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """The rows, the networks and the settings to train an ensemble with.

    `settings` are further settings of `fit`. Networks that have not started by `deadline`, a time
    of `perf_counter`, are left out.
    """

    rows: SplitRows
    blueprint: Blueprint
    recipe: Recipe
    settings: dict[str, Any]
    seed: int
    deadline: float | None


@dataclass(frozen=True, eq=False)
class Learned:
    """The trained networks: their runs, their blueprint, and the time of the whole training.

    `bins` is the number of bins of a column, `indices` the index of each network in the ensemble.
    `left_out` counts networks that are left out because a value became NaN or infinite.
    """

    blueprint: Blueprint
    bins: int
    runs: tuple[Run, ...]
    indices: tuple[int, ...]
    left_out: int
    seconds: float

    @property
    def compile_seconds(self) -> float:
        return max(run.compile_seconds for run in self.runs)

    @property
    def with_validation(self) -> Learned:
        """Only the networks that have validation rows, if there are any."""
        chosen = [at for at, run in enumerate(self.runs) if "val_loss" in run.history]
        if len(chosen) in (0, len(self.runs)):
            return self
        runs = tuple(self.runs[at] for at in chosen)
        indices = tuple(self.indices[at] for at in chosen)
        blueprint = replace(self.blueprint, members=len(runs))
        return replace(self, blueprint=blueprint, runs=runs, indices=indices)

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C ended one of the runs."""
        return any(run.stopped_by == "interrupted" for run in self.runs)

    @property
    def nets(self) -> list[Module]:
        return [run.net for run in self.runs]


def learn(plan: TrainingPlan) -> Learned:
    """Train all networks of the ensemble.

    If the recipe leaves open whether numbers go through bins, a few networks with bins and a few
    without are trained first, and the kind with the lower validation loss is chosen.
    """
    start = time.perf_counter()
    trainer = EnsembleTrainer(plan)
    bins, runs = trainer.trial()
    if not are_interrupted(runs):
        runs |= trainer.train(bins, range(len(runs), plan.recipe.n_estimators))
    return trainer.learned(bins, runs, start)


class EnsembleTrainer:
    """Makes the networks of a plan and trains them."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan, self.rows, self.recipe = plan, plan.rows, plan.recipe
        self.deadline = plan.deadline
        count = self.recipe.n_estimators
        seeds = generator(plan.seed, MEMBERS).integers(0, 2**32, count - 1)
        self.seeds = [plan.seed, *seeds.tolist()]
        self.on_trial = 0 if self.recipe.bins is not None else min(_TRIAL, count)
        self.bins: dict[int, Bins | None] = {0: None}
        self.leads: dict[int, Module] = {}  # the first network for each number of bins
        self.codes = [*plan.blueprint.embeddings]
        self.bar = _bar(plan.settings.get("progress"))
        self.is_constant = np.delete(self.rows.is_constant(), self.codes)

    def trial(self) -> tuple[int, Runs]:
        """The number of bins, and the networks with it that were trained to choose it."""
        if self.recipe.bins is not None:
            return self.recipe.bins, {}
        widest = self._bins(BINS)
        if widest is None:
            return 0, {}
        bins = most_bins(len(widest.edges))
        rounds = _rounds(self.recipe.n_estimators + self.on_trial)
        self.bar.dropped = self.on_trial  # the networks of one kind
        plain, binned = self._train_together([0, bins], range(self.on_trial), rounds)
        spans = map(self.rows.validation, range(self.on_trial))
        rows = sum(span.stop - span.start for span in spans)
        return (bins, binned) if is_better(binned, plain, rows) else (0, plain)

    def train(self, bins: int, indices: range) -> Runs:
        """Train these networks; a single network needs no copies of its rows."""
        if not len(indices):
            return {}
        if self.recipe.n_estimators == 1:
            stopping = self.rows.rows(-2)
            return {0: self.train_alone(bins, stopping.start, stopping, self.stops())}
        if self.deadline is None:
            return self._train_together([bins], indices)[0]
        return self._train_in_rounds(bins, indices)

    def _train_in_rounds(self, bins: int, indices: range) -> Runs:
        """Train as many networks as time allows; each round gets its share of the time left."""
        runs: Runs = {}
        for first in indices[:: cores()]:
            if first and self.seconds_left() <= 0:
                break
            rounds = _rounds(indices.stop - first)
            batch = range(first, min(first + cores(), indices.stop))
            (more,) = self._train_together([bins], batch, rounds)
            runs |= more
            if len(more) < len(batch) or are_interrupted(more):
                break
        return runs

    def seconds_left(self) -> float:
        """The seconds until the deadline."""
        return math.inf if self.deadline is None else self.deadline - time.perf_counter()

    def learned(self, bins: int, runs: Runs, start: float) -> Learned:
        """The result of the runs since `start`, without failed ones unless all failed."""
        runs = {index: run for index, run in runs.items() if _has_started(run)}
        if not runs:
            raise NothingBegun
        good = sorted(index for index in runs if runs[index].failure is None) or sorted(runs)
        blueprint = replace(self.blueprint(bins), members=len(good))
        seconds, left_out = time.perf_counter() - start, len(runs) - len(good)
        kept = tuple(runs[index] for index in good)
        return Learned(blueprint, bins, kept, tuple(good), left_out, seconds)

    def blueprint(self, bins: int) -> Blueprint:
        return replace(self.plan.blueprint, bins=self._bins(bins))

    def _bins(self, bins: int) -> Bins | None:
        if bins not in self.bins:
            self.bins[bins] = bins_of(self.rows, self.codes, bins)
        return self.bins[bins]

    def net(self, bins: int, seed: int) -> Module:
        """A new network; the weights of inputs that are constant in training are 0.

        Such an input (for example the flag of missing cells in a column without any) learns
        nothing, so a later row that sets it must not add a random number.
        """
        blueprint, rows = self.blueprint(bins), self.rows.inputs(slice(2))
        net = blueprint.net()
        lead = self.leads.setdefault(bins, net)
        net = net.init(rows, seed=seed) if net is lead else net.init_as(lead, rows, seed=seed)
        blueprint.first_weight(net)[: len(self.is_constant)][self.is_constant] = 0.0
        return net

    def _train_together(self, kinds: Sequence[int], indices: range, rounds: int = 1) -> list[Runs]:
        """Train these networks with each number of bins in `kinds`; after Ctrl-C, those that
        started. They are the first of `rounds` rounds, which share the time left.
        """
        self.bar.later = self.recipe.n_estimators - indices.stop
        members = (self._member(bins, index) for bins in kinds for index in indices)
        recorder = Recorder(self.rows.x, self.rows.y)
        settings = {**self.fit_settings(), "stop": self.stops(rounds)}
        settings["sample_weight"] = self.rows.weights
        runs = iter(train_members(recorder.members(members, settings), self.bar))
        pairs = [[(index, next(runs)) for index in indices] for _ in kinds]
        return [{index: run for index, run in of_kind if run} for of_kind in pairs]

    def _member(self, bins: int, index: int) -> Member:
        seed, fold = self.seeds[index], self.rows.fold(index)
        return Member(f"network {index + 1}", self.net(bins, seed), bins, seed, fold)

    def train_alone(
        self, bins: int, count: int, validation: slice | None, stops: Sequence[Stop]
    ) -> Run:
        """Train a single network on the first `count` rows."""
        x, y, weights = self.rows.x, self.rows.y, self.rows.weights
        net, unpack = self.net(bins, self.plan.seed), self.rows.unpack
        held_out = None
        if validation is not None:
            pair = x[validation], y[validation]
            held_out = (*pair, None if weights is None else weights[validation])
        run = fit(
            net if unpack is None else Sequential(unpack, net),
            x[:count],
            y[:count],
            sample_weight=None if weights is None else weights[:count],
            validation=held_out,
            seed=self.plan.seed,
            stop=stops,
            **self.fit_settings() | {"progress": self.bar.shows_bar},
        )
        if unpack is None:
            return run
        own = self.net(bins, self.plan.seed)
        own.weights.flat[:] = run.net.weights.flat
        return replace(run, net=own)

    def fit_settings(self) -> dict[str, Any]:
        recipe = self.recipe
        return {
            **self.plan.settings,
            "optimizer": recipe.optimizer,
            "epochs": recipe.epochs,
            "batch_size": recipe.batch_size,
        }

    def stops(self, rounds: int = 1) -> list[Stop]:
        stops: list[Stop] = [EarlyStopping(self.recipe.patience, min_delta=_MIN_DELTA)]
        if self.deadline is not None:
            stops.append(TimeBudget(max(self.seconds_left(), _LEAST_SECONDS) / rounds))
        return stops


def _bar(progress: bool | SharedBar | None) -> SharedBar:
    return progress if isinstance(progress, SharedBar) else SharedBar(progress, thing="network")


def are_interrupted(runs: Runs) -> bool:
    """Whether Ctrl-C ended one of the runs."""
    return any(run.stopped_by == "interrupted" for run in runs.values())


def _has_started(run: Run) -> bool:
    """Whether a run took a step, or ended before it for another reason than Ctrl-C."""
    return bool(run.steps) or run.stopped_by != "interrupted"


def _rounds(runs: int) -> int:
    """The number of runs that each core trains, one after another."""
    return -(-runs // cores())
