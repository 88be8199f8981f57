"""`restarts`: train one network from many starts, and find the minima that they reach."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.errors import DataError, SettingError, counted
from talweg.nn import Module
from talweg.settings import Constraint, Number, check
from talweg.train.run.run import Run
from talweg.train.search.run_state import measure_at_best
from talweg.train.search.sweep import Sweep, sweep

_RULES: dict[str, Constraint] = {
    "starts": Number(at_least=1, whole=True),
    "tolerance": Number(above=0),
    "solved": Number(optional=True),
}
_ROWS = 1024  # of X, evenly spaced, on which predictions are compared
_SHOWN = 12  # minima that are printed
_SURE = 0.95
_LAST = 10  # epochs at least, or a tenth of all, over which the loss must have settled
_APART = 5  # how many times less it may fall in a run worse than the best, perhaps on a plateau


def restarts(
    net: Module | Callable[..., Any],
    X: Any,
    y: Any,
    *,
    starts: int = 100,
    seed: int = 0,
    tolerance: float = 0.05,
    solved: float | None = None,
    **settings: Any,
) -> Restarts:
    """Train one network from many starts, keep the best run, and find the minima that they reach.

    Only runs that have converged count as minima. A run has converged if its loss, at the pace of
    its last tenth (at least ten epochs), would fall by less than `tolerance` in as many epochs
    again, and does not vary by more. For runs worse than the best by more than `tolerance`, which
    may be on a plateau, it is a fifth of that. The other runs are `unconverged`.

    Args:
        net: a network without weights, or a function that builds a new one on each call.
        starts: the number of starts; their seeds are `seed`, seed + 1, and so on.
        tolerance: how near two runs must be to count as the same minimum: in loss, as a share of
            the median decrease in training, and in their predictions on X (root mean square), as a
            share of the range of nine in ten of all predictions.
        solved: the loss below which a start counts as solved; None for the best minimum.
        settings: settings of `sweep` and of `fit`.

    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> net = tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1, "sigmoid"))
    >>> result = restarts(net, X, y, starts=8, optimizer=tw.SGD(lr=0.5), epochs=4000, solved=0.01)
    >>> result.spread["best"] < 0.01, sum(minimum.count for minimum in result.minima)
    (True, 8)
    """
    own: dict[str, Any] = {"starts": starts, "tolerance": tolerance, "solved": solved}
    own = check("restarts", own, _RULES)
    starts, tolerance, solved = own["starts"], own["tolerance"], own["solved"]
    seeds = {"seed": Number(at_least=0, below=2**64 - starts, whole=True)}
    seed = check("fit", {"seed": seed}, seeds)["seed"]
    if "over" in settings:
        raise SettingError("restarts: only the seeds vary; for other settings use tw.sweep")
    swept = sweep(
        _builder(net), X, y, over={"seed": range(seed, seed + starts)}, seed=seed, **settings
    )
    losses = np.array([_loss(run, swept.compared_by) for run in swept.runs])
    order = [i for i in np.argsort(losses, kind="stable").tolist() if losses[i] < math.inf]
    if not order:
        return Restarts(swept, losses, [], [], solved)
    predictions = _predictions(swept.runs, order, X)
    near_loss = tolerance * _median_decrease(swept, order)
    near_prediction = tolerance * _range(np.stack([*predictions.values()]))
    unconverged = {i for i in order if _is_unconverged(swept, losses, i, near_loss)}
    unconverged |= {i for i in range(len(losses)) if _has_no_epoch(swept, losses, i)}
    converged = {i: predictions[i] for i in order if i not in unconverged}
    minima = _minima_of(swept, losses, converged, near_loss, near_prediction)
    return Restarts(swept, losses, minima, sorted(unconverged), solved)


def _builder(net: Any) -> Callable[..., Any]:
    if not isinstance(net, Module):
        return net  # type: ignore[no-any-return]  # sweep refuses other types
    if net.is_initialized:
        raise SettingError(
            "restarts: the network already has weights, so every start would be the same: give "
            "a new network, or a function that builds one"
        )
    return lambda: copy.deepcopy(net)


@dataclass(frozen=True)
class Minimum:
    """The runs that reached one minimum: how many, the lowest loss, and the run that has it.

    `indices` are the indices of the runs.
    """

    count: int
    loss: float
    run: Run
    indices: list[int]


@dataclass(frozen=True, repr=False)
class Restarts:
    """The runs from many starts and the `minima` that they reached, the best minimum first.

    `losses` has the loss of each run at the weights it ended with, NaN if it failed. `unconverged`
    are the indices of the runs whose loss was still falling; these belong to no minimum.
    """

    sweep: Sweep
    losses: npt.NDArray[np.float64]
    minima: list[Minimum]
    unconverged: list[int] = field(default_factory=list)
    solved_below: float | None = None

    @property
    def runs(self) -> list[Run]:
        return self.sweep.runs

    @property
    def best(self) -> Run:
        return self.sweep.best

    @property
    def spread(self) -> dict[str, float]:
        """Quantiles of the loss over the starts, and the share of starts that are solved."""
        if not np.isfinite(self.losses).any():
            raise DataError(
                "restarts: no start stayed finite for an epoch: the `failure` of each run "
                "in `runs` says why"
            )
        names = {"best": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "worst": 1.0}
        finite = self.losses[np.isfinite(self.losses)]
        quantiles = {name: float(np.quantile(finite, share)) for name, share in names.items()}
        return {**quantiles, "solved": self.solved}

    @property
    def solved(self) -> float:
        """The share of the starts that reached the best minimum, or a low enough loss.

        0 if an unconverged run is below all minima, since the best minimum is then unknown.
        """
        if self.solved_below is not None:
            return float(np.mean(self.losses < self.solved_below))
        is_known = self.minima and self.minima[0].loss <= np.nanmin(self.losses)
        return self.minima[0].count / len(self.runs) if is_known else 0.0

    def chance(self, starts: int) -> float:
        """The probability that one or more of the starts are solved: 1 - (1 - solved)^starts."""
        starts = check("chance", {"starts": starts}, {"starts": Number(at_least=0)})["starts"]
        return 1 - (1 - self.solved) ** starts

    @property
    def enough(self) -> float:
        """The number of starts for a 95 % probability that one or more are solved."""
        if not 0 < self.solved < 1:
            return 1.0 if self.solved else math.inf
        return math.ceil(math.log(1 - _SURE) / math.log(1 - self.solved))

    def __str__(self) -> str:
        if not np.isfinite(self.losses).any():
            attribute = "failure" if any(run.failure for run in self.runs) else "stopped_by"
            starts = counted(len(self.runs), "start")
            return f"none of {starts} has a loss: see the `{attribute}` of each"
        total, spread = len(self.runs), self.spread
        lines = ["minimum          loss  starts   share"]
        for number, minimum in enumerate(self.minima[:_SHOWN], 1):
            row = (
                f"{number:>7}  {minimum.loss:>12.6g}{minimum.count:>8}{minimum.count / total:>8.0%}"
            )
            lines.append(row)
        more = self.minima[_SHOWN:]
        if more:
            starts = counted(sum(minimum.count for minimum in more), "start")
            lines.append(f"{_minima(len(more), 'more ')}, of {starts}")
        if self.unconverged:
            least = np.fmin.reduce(self.losses[self.unconverged])
            count = len(self.unconverged)
            lines.append(f"{'-':>7}  {least:>12.6g}{count:>8}{count / total:>8.0%}  unconverged")
        failed = int(np.isnan(np.delete(self.losses, self.unconverged)).sum())
        failures = f"; {failed} failed" if failed else ""
        quantiles = ", ".join(
            f"{n} {v:.4g}" for n, v in spread.items() if n not in ("best", "solved")
        )
        words = "" if self.solved_below is None else f" (a loss below {self.solved_below:g})"
        enough = (
            f"\n{self.enough:.0f} starts suffice with a probability of {_SURE:.0%}"
            if self.solved
            else ""
        )
        return "\n".join(
            [
                *lines,
                f"{counted(total, 'start')}{failures}: {quantiles}",
                f"{self.solved:.0%} of the starts were solved{words}{enough}",
                *self._advice(),
            ]
        )

    def _advice(self) -> list[str]:
        """What to do about runs that have not converged."""
        if not self.unconverged:
            return []
        epochs = max(self.runs[index].epochs for index in self.unconverged)
        return [
            f"unconverged: the loss had not settled after {counted(epochs, 'epoch')}, so this is "
            "no minimum;",
            f"give more epochs (say {4 * epochs}), another learning rate, or on little data",
            "optimizer=tw.LBFGS() with batch_size=None",
        ]

    def __repr__(self) -> str:
        starts = counted(len(self.runs), "start")
        return f"<Restarts: {starts}, {_minima(len(self.minima))}; print it>"


# Which runs reached the same minimum --------------------------------------------------------------


def _loss(run: Run, measure: str) -> float:
    return math.nan if run.failure else measure_at_best(run, measure)


def _has_no_epoch(swept: Sweep, losses: npt.NDArray[np.float64], index: int) -> bool:
    """Whether a run has no loss without a failure: its time was up before its first epoch."""
    return swept.runs[index].failure is None and not losses[index] < math.inf


def _is_unconverged(swept: Sweep, losses: npt.NDArray[np.float64], index: int, near: float) -> bool:
    """Whether a run has not converged, see `restarts`; `near` is the tolerance as a loss.

    The pace is taken from the means of the first and the second half of the last epochs, since
    losses of small batches are noisy.
    """
    run = swept.runs[index]
    if run.stopped_by == "no_descent":
        return False
    values = run.history[swept.compared_by]
    last = values[-max(_LAST, len(values) // 10) :]
    half = len(last) // 2
    if not half:
        return True
    pace = (last[:half].mean() - last[-half:].mean()) / (len(last) - half)
    is_apart = losses[index] - np.nanmin(losses) > near
    falls = pace * len(values) > (near / _APART if is_apart else near)
    return bool(falls or last.std() > near)


def _minima_of(
    swept: Sweep,
    losses: npt.NDArray[np.float64],
    predictions: Mapping[int, npt.NDArray[np.float64]],
    near_loss: float,
    near_prediction: float,
) -> list[Minimum]:
    """Runs that agree with the best run of their minimum, taken from the lowest loss on, so that
    the minima do not depend on the order of the runs.
    """
    groups: dict[int, list[int]] = {}
    for index in predictions:
        for lead, group in groups.items():
            gap = np.sqrt(np.mean((predictions[index] - predictions[lead]) ** 2))
            if gap <= near_prediction and losses[index] - losses[lead] <= near_loss:
                group.append(index)
                break
        else:
            groups[index] = [index]
    return [
        Minimum(len(group), float(losses[lead]), swept.runs[lead], sorted(group))
        for lead, group in groups.items()
    ]


def _predictions(
    runs: Sequence[Run], indices: Sequence[int], X: Any
) -> Mapping[int, npt.NDArray[np.float64]]:
    """The predictions of each network, in the order of `indices`."""
    rows = runs[indices[0]].net.as_rows(X)
    sample = rows[:: max(1, -(-len(rows) // _ROWS))]
    return {index: runs[index].net.predict(sample).astype(np.float64) for index in indices}


def _median_decrease(swept: Sweep, indices: Sequence[int]) -> float:
    """The median decrease of the loss in training."""
    histories = [swept.runs[index].history[swept.compared_by] for index in indices]
    return float(np.median([np.abs(losses[0] - losses[-1]) for losses in histories]))


def _range(predictions: npt.NDArray[np.float64]) -> float:
    """The range of nine in ten predictions; that of rounding if all are equal."""
    low, high = np.quantile(predictions, [0.05, 0.95])
    return max(float(high - low), 1e-6 * float(np.abs(predictions).max()))


def _minima(count: int, more: str = "") -> str:
    return f"{count} {more}{'minimum' if count == 1 else 'minima'}"
