"""The learning rate range test: which rate to train with, found by trying all in one short run.

Smith, Cyclical Learning Rates for Training Neural Networks (WACV 2017, arXiv 1506.01186).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.run.outcome import Control
from talweg.engine.run.program import WATCHED
from talweg.errors import SettingError
from talweg.graph import Graph
from talweg.nn import Module
from talweg.numerics import exp, log_of, power
from talweg.optim import FullBatch, Optimizer, as_optimizer, optimizer_hint
from talweg.optim.optimizer import Schedule
from talweg.optim.schedules import ExponentialDecay
from talweg.settings import Number, check, refuse_unknown
from talweg.train.run.job import RULES as RULES_OF_FIT, Job, job_of, refuse_part
from talweg.train.run.lower import DEFAULTS

SHARE = 3.0
"""The rate of the lowest loss divided by the first candidate. On six tables, with SGD, momentum
and Adam, the median validation loss of this candidate was 5 % above that of the best of 27 rates.
With the rate of the steepest descent it was 22 % above. With a tenth of the rate of the lowest loss
it was 5 % above, but the training loss was 27 instead of 16 % above."""
WIDTH = 0.2
"""The standard deviation, in decades of the rate, of the Gaussian that smooths the losses."""
LIMIT = 4.0
"""The test ends when a running mean of the loss is this many times its lowest value."""
STEP, TRIED = math.sqrt(10), 7
"""The factor from one candidate to the next lower one, and the number of candidates."""
_MEMORY = 10, 1 / 10
"""The steps that the running mean covers: at least this many, or this share of all."""

RULES = {
    "min_lr": Number(above=0),
    "max_lr": Number(above=0),
    "steps": Number(at_least=20, whole=True),
}
_TAKEN = (
    *("loss", "optimizer", "batch_size", "shuffle", "validation", "sample_weight"),
    *("class_weight", "lr_multipliers", "seed", "threads", "engine"),
)

Floats = npt.NDArray[np.float64]
_NONE = np.zeros(0), np.zeros(0)
_NO_RATE = 1e-30  # that changes no weight


@dataclass(frozen=True)
class LRFindResult:
    """What a range test found: `losses` before each step, at the rates `lrs`.

    `smoothed` is the mean of the losses around each rate. A third of the rate at which that is
    lowest, and lower rates (`tried_lrs`), are tried in short runs; the `suggestion` is the one
    with the lowest of the `final_losses`.
    """

    lrs: Floats
    losses: Floats
    smoothed_losses: Floats
    suggestion: float
    optimizer: str
    diverged: bool
    """Whether the loss grew so much that no higher rate was tried."""
    tried_lrs: Floats
    """The rates of the short runs, the highest first."""
    final_losses: Floats
    """The loss at the end of each, infinite if it diverged."""

    @property
    def lowest_step(self) -> int:
        """The step at which the smoothed loss is lowest."""
        return int(self.smoothed_losses.argmin())

    def __str__(self) -> str:
        at, last = self.lowest_step, len(self.lrs) - 1
        end = "it hardly grew at any rate"
        if self.diverged:
            end = f"the test ended when it grew to {LIMIT:g} times that, or was not finite"
        elif at == last:
            end = "it was still falling at the end: try a larger `max_lr`"
        return "\n".join(
            [
                f"{self.optimizer}, {last + 1} steps, rates from {self.lrs[0]:.2g} to "
                f"{self.lrs[-1]:.2g}",
                f"the smoothed loss was lowest, {self.smoothed_losses[at]:.4g}, at "
                f"{self.lrs[at]:.2g}",
                end,
                f"of {len(self.tried_lrs)} short runs at {self.tried_lrs[0]:g} and below, the "
                f"one at {self.suggestion:g} has the lowest loss, {self.final_losses.min():.4g}",
                f"suggested: lr={self.suggestion:g}",
            ]
        )


def lr_find(
    net: Module,
    X: Any,
    y: Any,
    *,
    min_lr: float = 1e-6,
    max_lr: float = 100.0,
    steps: int = 100,
    **settings: Any,
) -> LRFindResult:
    """Suggest a learning rate: train a copy of `net` while the learning rate grows from `min_lr` to
    `max_lr`, then verify candidates in short runs.

        rate of step i of n: min_lr (max_lr / min_lr)^(i / (n - 1))

    Args:
        min_lr, max_lr: the first and the last learning rate.
        steps: the minimum number of steps, rounded up to whole epochs.
        settings: settings of `fit`, such as loss, optimizer and batch_size. The rate of the
            optimizer is replaced.

    The losses of the steps are smoothed over the rates, and the test ends when their running mean
    is 4 times its lowest. The first candidate is a third of the rate at which they are lowest. It
    may be far too high: the loss may fall while the rate grows past a value, but not in a run at
    that value. So seven runs of the same length start from the initial weights, at the candidate
    and at lower rates, down to a thousandth of it, but not below `min_lr`. The suggestion is the
    rate with the lowest loss over the last quarter of its run. In total this takes about nine times
    as many steps. The network is left unchanged. With more steps, high rates look better than they
    are, since the network has learned much before it reaches them. SettingError: no rate lowers the
    loss.

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> result = tw.lr_find(tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1)), X, X**2, seed=0)
    >>> 0.003 < result.suggestion < 0.3
    True
    """
    own = check("lr_find", {"min_lr": min_lr, "max_lr": max_lr, "steps": steps}, RULES)
    min_lr, max_lr, steps = own["min_lr"], own["max_lr"], own["steps"]
    if min_lr >= max_lr:
        raise SettingError(
            f"lr_find: min_lr must be below max_lr, but {min_lr:g} and {max_lr:g} were given"
        )
    rule = _rule(settings)
    refuse_part(net)
    given = {**DEFAULTS, **settings, "restore_best": False, "progress": False}
    given = check("lr_find", given, RULES_OF_FIT)
    job = job_of(copy.deepcopy(net), X, y, {**given, "optimizer": rule, "epochs": 1})
    trial = _Trial(job, rule, steps, given["engine"])
    growth = power(max_lr / min_lr, trial.steps_of_an_epoch / (trial.steps - 1))
    rates = ExponentialDecay(min_lr, growth, every="step")
    losses = trial.losses(rates)
    times = np.arange(len(losses)) / trial.steps_of_an_epoch
    lrs = np.array([rates.at(time, trial.epochs) for time in times.tolist()])
    return _checked(_result(type(rule).__name__, lrs, losses), trial)


class _Trial:
    """Short runs from the same start, over the same rows, with different rates or schedules.

    The rate is an input of the program, which is compiled once for all of them.
    """

    def __init__(self, job: Job, rule: Optimizer, steps: int, engine: str | None) -> None:
        self.rule, program = rule, job.program
        self.steps_of_an_epoch = program.schedule.steps_of(len(job.rows))
        self.epochs = -(-steps // self.steps_of_an_epoch)
        recorder = replace(job.recorder, step=cache(lambda size: _noting_loss(job, size)))
        step, _ = recorder.graphs(program.schedule.batch_size, program.schedule.evaluation_size)
        self.program = replace(
            program,
            graphs=replace(program.graphs, step=step, watch_steps=True),
            schedule=replace(
                program.schedule,
                schedules=self._schedules(ExponentialDecay(1.0, 1.0, every="step")),
                by_step=True,
            ),
            limits=replace(program.limits, epochs=self.epochs),
        )
        self.job = replace(job, program=self.program, recorder=recorder)
        self.runner = self.job.prepare(engine)

    @property
    def steps(self) -> int:
        """The steps of a run."""
        return self.epochs * self.steps_of_an_epoch

    def _schedules(self, lr: Schedule) -> dict[str, Callable[[float], float]]:
        return replace(self.rule, lr=lr).schedules(self.epochs)

    def losses(self, lr: Schedule) -> Floats:
        """The loss before each step, up to one that is not finite."""
        job, schedule = self.job, replace(self.program.schedule, schedules=self._schedules(lr))
        program = replace(self.program, schedule=schedule)
        outcome = self.runner(
            program, job.net.weights.flat, job.rows, job.validation_rows, Control()
        )
        return outcome.watched[WATCHED + "loss"]

    def end(self, rate: float) -> float:
        """The mean loss of the last quarter of a run at one rate; infinite if it diverges."""
        losses = self.losses(ExponentialDecay(rate, 1.0, every="step"))
        is_whole = len(losses) == self.steps
        return float(losses[-max(1, self.steps // 4) :].mean()) if is_whole else np.inf


def _rule(settings: Mapping[str, Any]) -> Optimizer:
    """The optimizer to test. SettingError: a setting or an optimizer that a test cannot have."""
    refuse_unknown("lr_find()", settings, _TAKEN, optimizer_hint)
    rule = as_optimizer(settings.get("optimizer", DEFAULTS["optimizer"]))
    if isinstance(rule, FullBatch):
        raise SettingError(
            f"lr_find: {type(rule).__name__} has no learning rate to find; use an "
            "optimizer such as tw.SGD()"
        )
    return replace(rule, lr=1.0)


def _noting_loss(job: Job, size: int) -> Graph:
    """The graph of a step that records its loss."""
    graph = job.recorder.step(size)
    outputs = list(graph.outputs.items())
    after = len(job.program.graphs.measures)
    noted = (WATCHED + "loss", graph.outputs["loss"])
    return Graph(graph.inputs, dict([*outputs[:after], noted, *outputs[after:]]))


def _result(rule: str, rates: Floats, losses: Floats) -> LRFindResult:
    end = _end(losses)
    if not end:
        raise SettingError(
            "lr_find: the loss is not finite before the first step, so no learning rate can "
            "help; tw.fit names the gate where this happens"
        )
    smoothed = _smoothed(rates[:end], losses[:end]) if end > 1 else losses[:1]
    if not smoothed.argmin():
        raise SettingError(_no_rate(rates[0], rates[end - 1]))
    rate = _rounded(rates[smoothed.argmin()] / SHARE)
    return LRFindResult(rates[:end], losses[:end], smoothed, rate, rule, end < len(losses), *_NONE)


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def _checked(result: LRFindResult, trial: _Trial) -> LRFindResult:
    """The result of short runs at the first candidate and lower rates; ties go to the highest."""
    lower = [_rounded(result.suggestion / power(STEP, i)) for i in range(1, TRIED)]
    tried = np.array([result.suggestion, *(rate for rate in lower if rate >= result.lrs[0])])
    ends = np.array([trial.end(rate) for rate in tried])
    best = int(ends.argmin())
    if not ends[best] < trial.end(_NO_RATE):
        raise SettingError(_no_rate(tried[-1], tried[0]))
    return replace(result, suggestion=float(tried[best]), tried_lrs=tried, final_losses=ends)


def _no_rate(low: float, high: float) -> str:
    return (
        f"lr_find: no rate from {low:g} to {high:.2g} lowered the loss; give a smaller min_lr or "
        "more steps, or scale inputs and targets to about -1 to 1"
    )


def _end(losses: Floats) -> int:
    """The number of steps before a loss that is not finite, or a running mean that is too high."""
    least, share = _MEMORY
    memory = max(least, int(share * len(losses)))
    keep, left, mean, lowest = 1 - 1 / memory, 1.0, 0.0, np.inf
    for step, loss in enumerate(losses):
        if not np.isfinite(loss):
            return step
        mean = keep * mean + (1 - keep) * loss
        left *= keep
        running = mean / (1 - left)
        if step > memory:
            if running > lowest + (LIMIT - 1) * abs(lowest):
                return step
            lowest = min(lowest, running)
    return len(losses)


def _smoothed(rates: Floats, losses: Floats) -> Floats:
    """The mean loss around each rate, weighted by a Gaussian over the logarithm of the rates."""
    decades = log_of(float(rates[1] / rates[0])) / log_of(10.0)
    reach = min(len(rates) - 1, math.ceil(4 * WIDTH / decades))
    gaussian = exp(-0.5 * (np.arange(-reach, reach + 1) * decades / WIDTH) ** 2)
    return _convolved(losses, gaussian) / _convolved(np.ones(len(losses)), gaussian)


def _convolved(values: Floats, weights: Floats) -> Floats:
    """The weighted sum around each value, with the `weights` of an odd number of them."""
    padded = np.pad(values, len(weights) // 2)
    shifted = (padded[shift : shift + len(values)] for shift in range(len(weights)))
    return np.asarray(sum(w * part for w, part in zip(weights, shifted, strict=True)))
