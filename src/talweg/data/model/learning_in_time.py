"""Train the networks of a table whose rows follow one another in time.

Half of the networks validate on the last rows, which they do not train on. The others train on all
rows, for the number of epochs that was best for the first half. So the latest rows are trained on,
too, and the number of epochs is still chosen on rows later than those trained on.
"""

from __future__ import annotations

import time
from statistics import median_low

from talweg.data.model.learning import (
    EnsembleTrainer,
    Learned,
    Runs,
    TrainingPlan,
    are_interrupted,
)
from talweg.train.run.stopping import MaxEpochs
from talweg.train.search.ensemble import train_members
from talweg.train.search.tasks import Member, Recorder


def learn_in_time(plan: TrainingPlan) -> Learned:
    """Train the networks on rows in chronological order, without using the test rows.

    A single network trains on all rows, after another one has found the number of epochs.
    """
    start = time.perf_counter()
    trainer = _TrainerInTime(plan)
    trainer.deadline = plan.deadline and (start + plan.deadline) / 2
    bins, runs = trainer.trial()
    if not are_interrupted(runs):
        runs |= trainer.train(bins, range(len(runs), trainer.stopping))
    best = [run.best_epoch for run in runs.values() if run.best_epoch and run.failure is None]
    trainer.deadline = plan.deadline
    if best and not are_interrupted(runs):
        runs |= trainer.train_on_all_rows(bins, median_low(best))
    last = sorted(runs)[-plan.recipe.n_estimators :]
    return trainer.learned(bins, {index: runs[index] for index in last}, start)


class _TrainerInTime(EnsembleTrainer):
    """Trains networks of which the first `stopping` validate on the last rows."""

    def __init__(self, plan: TrainingPlan) -> None:
        super().__init__(plan)
        self.stopping = max(1, self.recipe.n_estimators // 2)
        self.on_trial = min(self.on_trial, self.stopping)

    def train_on_all_rows(self, bins: int, epochs: int) -> Runs:
        """Train the other networks on all rows, for this many epochs."""
        stops = [MaxEpochs(epochs), *self.stops()[1:]]
        count, weights = self.rows.trainable.stop, self.rows.weights
        if self.recipe.n_estimators == 1:
            return {1: self.train_alone(bins, count, None, stops)}
        indices = range(self.stopping, self.recipe.n_estimators)
        members = (self._member_on_all_rows(bins, index) for index in indices)
        settings = {**self.fit_settings(), "stop": stops}
        settings["sample_weight"] = None if weights is None else weights[:count]
        recorder = Recorder(self.rows.x[:count], self.rows.y[:count])
        runs = train_members(recorder.members(members, settings), self.bar)
        return {index: run for index, run in zip(indices, runs, strict=True) if run}

    def _member_on_all_rows(self, bins: int, index: int) -> Member:
        seed = self.seeds[index]
        return Member(f"network {index + 1}", self.net(bins, seed), bins, seed)
