"""Successive halving: many runs start, and at each rung only the best of them continue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass
from typing import Any

from talweg.errors import SettingError
from talweg.optim import FullBatch, as_optimizer
from talweg.settings import Checked, Number, setting
from talweg.train.search.run_state import RunState
from talweg.train.search.search_space import Point
from talweg.train.search.tasks import errors_named


@dataclass(frozen=True)
class SuccessiveHalving(Checked):
    """Successive halving: after `min_epochs`, only the best 1 / `factor` of the runs continue.

    These train for `factor` times as many epochs, and so on until the last rung has all epochs of
    the run. Runs are compared by the loss that `Sweep.best` uses. Each continues from where it
    stood and ends with the weights that it would have had without a halt (Jamieson and Talwalkar,
    Non-stochastic best arm identification and hyperparameter optimization, 2016).

    >>> SuccessiveHalving(3).rungs(81)
    [3, 9, 27, 81]
    """

    min_epochs: int = setting(MISSING, Number(at_least=1, whole=True))
    _: KW_ONLY
    factor: float = setting(3, Number(above=1))

    def rungs(self, epochs: int) -> list[int]:
        """The number of epochs at the end of each rung, for runs of `epochs` epochs."""
        rungs: list[int] = []
        while (rung := round(self.min_epochs * self.factor ** len(rungs))) < epochs:
            rungs.append(max(rung, rungs[-1] + 1) if rungs else rung)
        return [rung for rung in rungs if rung < epochs] + [epochs]

    def best(self, states: Mapping[int, RunState], rung: int) -> list[int]:
        """The indices of the runs that continue after a rung; ties go to the first runs."""
        losses = {index: state.loss_at(rung) for index, state in states.items()}
        good = [i for i in losses if math.isfinite(losses[i]) and not _failed(states[i])]
        most = math.ceil(len(losses) / self.factor - 1e-9)
        return sorted(sorted(good, key=losses.__getitem__)[:most])


def _failed(state: RunState) -> bool:
    return state.run is not None and state.run.failure is not None


def rungs_of(halving: SuccessiveHalving | None, points: Sequence[Point]) -> list[int | None]:
    """The number of epochs at the end of each rung; without halving a single rung of all epochs."""
    if halving is None:
        return [None]
    for point in points:
        with errors_named(point.name):
            _refuse(point.settings, point.values)
    return [*halving.rungs(points[0].settings["epochs"])]


def _refuse(settings: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raise a SettingError for settings that halving does not support."""
    rule = as_optimizer(settings["optimizer"])
    if isinstance(rule, FullBatch):
        raise SettingError(
            f"successive halving pauses and continues runs, which {type(rule).__name__} does not "
            "support yet; leave halving out"
        )
    if "epochs" in values and values["epochs"] == settings["epochs"]:
        raise SettingError(
            "successive halving chooses the epochs of each run: give one epochs=... outside over"
        )
