"""Successive halving: many runs start, and at each rung only the best of them continue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, replace
from typing import Any

from talweg.errors import SettingError
from talweg.optim import FullBatch, as_optimizer
from talweg.settings import Checked, Number, setting
from talweg.train.search.rung_results import Standing
from talweg.train.search.search_space import Point, named


@dataclass(frozen=True)
class SuccessiveHalving(Checked):
    """Which runs of a sweep continue: the best 1 / `factor` of them after `min_epochs`.

    These train for `factor` times as many epochs, and so on until the last rung has all epochs of
    the run. Runs are compared by the loss that `Sweep.best` goes by. Each continues from where it
    stood and ends with the weights that it would have had without a halt (Jamieson and Talwalkar,
    Non-stochastic best arm identification and hyperparameter optimization, 2016).

    >>> SuccessiveHalving(3).rungs(81)
    [3, 9, 27, 81]
    """

    min_epochs: int = setting(MISSING, Number(at_least=1, whole=True))
    _: KW_ONLY
    factor: float = setting(3, Number(above=1))

    def rungs(self, epochs: int) -> list[int]:
        """The epochs that runs have at the end of each rung, if they are to have so many."""
        found: list[int] = []
        while (rung := round(self.min_epochs * self.factor ** len(found))) < epochs:
            found.append(max(rung, found[-1] + 1) if found else rung)
        return [each for each in found if each < epochs] + [epochs]

    def best(self, standings: Mapping[int, Standing], rung: int) -> list[int]:
        """The places of those that go on after a rung, in order; of equals the earlier."""
        losses = {place: each.loss_at(rung) for place, each in standings.items()}
        good = [p for p in losses if math.isfinite(losses[p]) and not _failed(standings[p])]
        most = math.ceil(len(losses) / self.factor - 1e-9)
        return sorted(sorted(good, key=losses.__getitem__)[:most])


def _failed(standing: Standing) -> bool:
    return standing.run is not None and standing.run.failure is not None


def rungs_of(halving: SuccessiveHalving | None, points: Sequence[Point]) -> list[int | None]:
    """The epochs at the end of each rung; without halving there is one, of all epochs."""
    if halving is None:
        return [None]
    for point in points:
        with named(point):
            _refuse(point.settings, point.values)
    return [*halving.rungs(points[0].settings["epochs"])]


def _refuse(settings: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """What does not go with halving."""
    rule = as_optimizer(settings["optimizer"])
    if isinstance(rule, FullBatch):
        raise SettingError(
            f"halving halts runs and goes on with them, which {type(rule).__name__} cannot yet; "
            "leave halving out"
        )
    if "epochs" in values and values["epochs"] == settings["epochs"]:
        raise SettingError(
            "halving decides the epochs of each run: give one epochs=... beside over"
        )


def left_behind(standing: Standing, rung: int, rungs: Sequence[int | None], best: str) -> Standing:
    """Of a run that ends after a rung, since others were better."""
    run = standing.run
    if run is None or not standing.goes_on:
        return standing
    why = (
        f"with a loss of {standing.loss_at(rung):.6g} after {rungs[rung]} epochs it was not among "
        f"the best {best}, which went on (rung {rung + 1} of {len(rungs)})"
    )
    return replace(standing, run=replace(run, stopped_by="halving", stop_reason=why), snapshot=None)
