"""`restarts`: one net from many starts as one batched run, and the minima that they end in."""

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
_ROWS = 1024  # of X, evenly spaced, on which functions are compared
_SHOWN = 12  # minima that are printed
_SURE = 0.95
_LAST = 10  # epochs at least, or a tenth of all, over which a loss still falls or not
_APART = 5  # how much less it may fall in a run that is not among the best: it may be on a plateau


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
    """Train one net from many starting points, keep the best, and find which minima there are.

    Only runs that have converged count as minima: at the pace of its last tenth (ten epochs at
    least), the loss would fall by less than `tolerance` in as many epochs again, and by a fifth of
    that in runs that are worse than the best by more than `tolerance`, since a plateau is slow too;
    and it does not swing by more than that. The others are `unconverged`.

    Args:
        net: a net without weights yet, or a function that makes a new one each time.
        starts: how many; their seeds are `seed`, seed + 1, and so on.
        tolerance: how near two runs are that found the same minimum: in loss, as a share of what
            training lowers it by (the median), and in their predictions on X (root mean square),
            as a share of the range that nine in ten of all predictions lie in.
        solved: a loss below which a start counts as solved; None for the best minimum itself.
        settings: of `sweep` and of `fit`.

    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> net = tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1, "sigmoid"))
    >>> found = restarts(net, X, y, starts=8, optimizer=tw.SGD(lr=0.5), epochs=4000, solved=0.01)
    >>> found.spread["best"] < 0.01, sum(each.count for each in found.minima)
    (True, 8)
    """
    own: dict[str, Any] = {"starts": starts, "tolerance": tolerance, "solved": solved}
    own = check("restarts", own, _RULES)
    starts, tolerance, solved = own["starts"], own["tolerance"], own["solved"]
    seeds = {"seed": Number(at_least=0, below=2**64 - starts, whole=True)}
    seed = check("fit", {"seed": seed}, seeds)["seed"]
    if "over" in settings:
        raise SettingError("restarts: it goes over seeds alone: for other settings take tw.sweep")
    found = sweep(
        _builder(net), X, y, over={"seed": range(seed, seed + starts)}, seed=seed, **settings
    )
    losses = np.array([_loss(run, found.compared_by) for run in found.runs])
    order = [
        place for place in np.argsort(losses, kind="stable").tolist() if losses[place] < math.inf
    ]
    if not order:
        return Restarts(found, losses, [], [], solved)
    functions = _functions(found.runs, order, X)
    near_loss = tolerance * _lowered(found, order)
    near_function = tolerance * _range(np.stack([*functions.values()]))
    unconverged = {place for place in order if _is_unconverged(found, losses, place, near_loss)}
    unconverged |= {place for place in range(len(losses)) if _has_no_epoch(found, losses, place)}
    done = {place: functions[place] for place in order if place not in unconverged}
    minima = _minima_of(found, losses, done, near_loss, near_function)
    return Restarts(found, losses, minima, sorted(unconverged), solved)


def _builder(net: Any) -> Callable[..., Any]:
    if not isinstance(net, Module):
        return net  # type: ignore[no-any-return]  # sweep refuses what is none
    if net.is_initialized:
        raise SettingError(
            "restarts: the net has weights already, so that every start would be the same one: "
            "give a net that is new, or a function that makes one"
        )
    return lambda: copy.deepcopy(net)


@dataclass(frozen=True)
class Minimum:
    """The runs that reached one minimum: how many, the lowest loss, and the run that has it.

    `indices` are their places among the runs.
    """

    count: int
    loss: float
    run: Run
    indices: list[int]


@dataclass(frozen=True, repr=False)
class Restarts:
    """The runs from many starts, the best of the `minima` first; printing it gives a table.

    `losses` are those of the weights that each run kept, NaN where it failed. `unconverged` are the
    indices of the runs whose loss was still falling; they belong to no minimum.
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
        """Quantiles of the loss over the starts, and the share of starts that solved it."""
        if not np.isfinite(self.losses).any():
            raise DataError("restarts: no start has a loss: see the `failure` of each of `runs`")
        names = {"best": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "worst": 1.0}
        finite = self.losses[np.isfinite(self.losses)]
        found = {name: float(np.quantile(finite, share)) for name, share in names.items()}
        return {**found, "solved": self.solved}

    @property
    def solved(self) -> float:
        """The share of the starts that found the best minimum, or a loss that is low enough.

        0 where an unconverged run is below all minima, as the best one is not known then.
        """
        if self.solved_below is not None:
            return float(np.mean(self.losses < self.solved_below))
        is_known = self.minima and self.minima[0].loss <= np.nanmin(self.losses)
        return self.minima[0].count / len(self.runs) if is_known else 0.0

    def chance(self, starts: int) -> float:
        """That one of so many starts solves it: 1 - (1 - solved)^starts."""
        starts = check("chance", {"starts": starts}, {"starts": Number(at_least=0)})["starts"]
        return 1 - (1 - self.solved) ** starts

    @property
    def enough(self) -> float:
        """How many starts solve it with a chance of 95 %."""
        if not 0 < self.solved < 1:
            return 1.0 if self.solved else math.inf
        return math.ceil(math.log(1 - _SURE) / math.log(1 - self.solved))

    def __str__(self) -> str:
        if not np.isfinite(self.losses).any():
            told = "failure" if any(each.failure for each in self.runs) else "stopped_by"
            return (
                f"none of {counted(len(self.runs), 'start')} has a loss: see the `{told}` of each"
            )
        total, spread = len(self.runs), self.spread
        lines = ["minimum          loss  starts   share"]
        for place, each in enumerate(self.minima[:_SHOWN], 1):
            row = f"{place:>7}  {each.loss:>12.6g}{each.count:>8}{each.count / total:>8.0%}"
            lines.append(row)
        more = self.minima[_SHOWN:]
        if more:
            starts = counted(sum(each.count for each in more), "start")
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
        enough = f"; {self.enough:.0f} are enough with {_SURE:.0%}" if self.solved else ""
        return "\n".join(
            [
                *lines,
                f"{counted(total, 'start')}{failures}: {quantiles}",
                f"{self.solved:.0%} of the starts solved it{words}{enough}",
                *self._advice(),
            ]
        )

    def _advice(self) -> list[str]:
        """What to do about runs that have not converged."""
        if not self.unconverged:
            return []
        epochs = max(self.runs[place].epochs for place in self.unconverged)
        return [
            f"unconverged: the loss had not settled after {counted(epochs, 'epoch')}, so this is "
            "no minimum;",
            f"give more epochs (say {4 * epochs}), another learning rate, or on little data",
            "optimizer=tw.LBFGS() with batch_size=None",
        ]

    def __repr__(self) -> str:
        starts = counted(len(self.runs), "start")
        return f"<Restarts: {starts}, {_minima(len(self.minima))}; print it>"


# Which runs found the same minimum ----------------------------------------------------------------


def _loss(run: Run, measure: str) -> float:
    return math.nan if run.failure else measure_at_best(run, measure)


def _has_no_epoch(found: Sweep, losses: npt.NDArray[np.float64], place: int) -> bool:
    """Whether a run did not fail and has no loss: its time was up before its first epoch."""
    return found.runs[place].failure is None and not losses[place] < math.inf


def _is_unconverged(found: Sweep, losses: npt.NDArray[np.float64], place: int, near: float) -> bool:
    """Whether a run has not converged: see `restarts`; `near` is the tolerance as a loss.

    The pace is that of two means, of the first and the second half of the last epochs, since losses
    of small batches are noisy.
    """
    run = found.runs[place]
    if run.stopped_by == "no_descent":
        return False
    values = run.history[found.compared_by]
    last = values[-max(_LAST, len(values) // 10) :]
    half = len(last) // 2
    if not half:
        return True
    pace = (last[:half].mean() - last[-half:].mean()) / (len(last) - half)
    is_apart = losses[place] - np.nanmin(losses) > near
    falls = pace * len(values) > (near / _APART if is_apart else near)
    return bool(falls or last.std() > near)


def _minima_of(
    found: Sweep,
    losses: npt.NDArray[np.float64],
    functions: Mapping[int, npt.NDArray[np.float64]],
    near_loss: float,
    near_function: float,
) -> list[Minimum]:
    """Runs that agree with the best run of their minimum, taken from the lowest loss on, so that
    the minima do not depend on the order of the runs.
    """
    groups: dict[int, list[int]] = {}
    for place in functions:
        for lead, group in groups.items():
            gap = np.sqrt(np.mean((functions[place] - functions[lead]) ** 2))
            if gap <= near_function and losses[place] - losses[lead] <= near_loss:
                group.append(place)
                break
        else:
            groups[place] = [place]
    return [
        Minimum(len(group), float(losses[lead]), found.runs[lead], sorted(group))
        for lead, group in groups.items()
    ]


def _functions(
    runs: Sequence[Run], places: Sequence[int], X: Any
) -> Mapping[int, npt.NDArray[np.float64]]:
    """What each net predicts, in the order of the places."""
    rows = runs[places[0]].net.as_rows(X)
    seen = rows[:: max(1, -(-len(rows) // _ROWS))]
    return {place: runs[place].net.predict(seen).astype(np.float64) for place in places}


def _lowered(found: Sweep, places: Sequence[int]) -> float:
    """What training lowers the loss by, in the median."""
    histories = [found.runs[place].history[found.compared_by] for place in places]
    return float(np.median([np.abs(each[0] - each[-1]) for each in histories]))


def _range(predictions: npt.NDArray[np.float64]) -> float:
    """The range that nine in ten predictions lie in; what rounding makes, where all are equal."""
    low, high = np.quantile(predictions, [0.05, 0.95])
    return max(float(high - low), 1e-6 * float(np.abs(predictions).max()))


def _minima(count: int, more: str = "") -> str:
    return f"{count} {more}{'minimum' if count == 1 else 'minima'}"
