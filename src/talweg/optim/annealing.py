"""Simulated annealing: random proposals, of which worse ones are accepted while it is hot.

Kirkpatrick, Gelatt & Vecchi, Optimization by simulated annealing (1983).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from talweg.errors import SettingError
from talweg.optim.full_batch import FullBatch, Landscape, Point, Vector, remembered
from talweg.random import PROPOSALS, generator
from talweg.settings import Flag, Number, Rule, setting

Cooling = Callable[[float], float]
"""The share of the first temperature that is left when so many epochs are done."""

LEVELS = 0.2, 0.4
"""The shares of accepted proposals between which the spread stays as it is.

Below a half: that many are accepted on a slope however small the spread is, which must then grow.
"""
FACTOR = 3.0
"""What the spread is multiplied by, at most, where all are accepted, and divided where none."""


def geometric(done: float, epochs: int, end: float) -> float:
    """end^(done / (epochs - 1))."""
    return float(end ** (done / max(1, epochs - 1)))


def linear(done: float, epochs: int, end: float) -> float:
    """1 + (end - 1) done / (epochs - 1)."""
    return 1 + (end - 1) * done / max(1, epochs - 1)


def logarithmic(done: float, epochs: int, end: float) -> float:
    """log 2 / log(2 + done), which knows no end: slow enough to find the deepest (Hajek 1988)."""
    return math.log(2) / math.log(2 + done)


COOLINGS = {each.__name__: each for each in (geometric, linear, logarithmic)}


class _NameOrFunction(Rule):
    def allows(self, value: Any) -> bool:
        return value in COOLINGS if isinstance(value, str) else callable(value)

    def __str__(self) -> str:
        return ", ".join(map(repr, COOLINGS)) + " or a function of the epochs done"


@dataclass(frozen=True)
class SimulatedAnnealing(FullBatch):
    """Simulated annealing: w + spread n, n standard normal, is accepted with the probability
    min(1, exp(-(new - old) / T)).

    `temperature` is the first T, in units of the loss. `cooling` says what share of it is left:
    "geometric" and "linear" go down to `end` in the last epoch, "logarithmic" takes no end, and a
    function gets the number of epochs done. An epoch is one temperature and `proposals` passes
    over all rows. A proposal moves each weight with the probability `share`, and at least one.

    After each epoch the spread adapts, as in Corana et al. 1987: it is multiplied by
    1 + 2 (a - 0.4) / 0.6 where a share a > 0.4 was accepted, and divided by 1 + 2 (0.2 - a) / 0.2
    where a < 0.2; `spread` is what it starts with and its most. `restart` is the number of epochs
    without a new lowest place after which it goes back to the lowest; None lets it wander.

    The net always has the weights of the lowest place seen, and its loss is what the history holds.
    Of each epoch `run.watched` notes the share "accepted", the "temperature", the "spread", and
    where it wandered at its end ("height": loss and penalties).
    """

    temperature: float = setting(1.0, Number(above=0))
    cooling: Any = setting("geometric", _NameOrFunction())
    end: float = setting(1e-4, Number(above=0, at_most=1))
    spread: float = setting(0.1, Number(above=0))
    adapts: bool = setting(True, Flag())
    share: float = setting(1.0, Number(above=0, at_most=1))
    proposals: int = setting(20, Number(at_least=1, whole=True))
    restart: int | None = setting(None, Number(at_least=1, whole=True, optional=True))

    notes: ClassVar[tuple[str, ...]] = ("accepted", "temperature", "spread", "height")
    uses_gradient: ClassVar[bool] = False

    def begin(self, start: Point, landscape: Landscape, *, seed: int, epochs: int) -> Wandering:
        return Wandering(self, start, landscape, seed, epochs)

    def schedules(self, epochs: int) -> dict[str, Cooling]:
        return {"temperature": lambda done: self.temperature_at(done, epochs)}

    def temperature_at(self, done: float, epochs: int) -> float:
        """T when so many of all epochs are done."""
        if isinstance(self.cooling, str):
            return self.temperature * COOLINGS[self.cooling](done, epochs, self.end)
        share = self.cooling(done)
        if not Number(at_least=0).allows(share):
            raise SettingError(
                "SimulatedAnnealing: cooling must give a share of at least 0, but gave "
                f"{share!r} when {done} epochs were done"
            )
        return self.temperature * float(share)


class Wandering:
    """Simulated annealing on its way: `point` is the lowest seen, `here` where it is."""

    def __init__(
        self, rule: SimulatedAnnealing, start: Point, landscape: Landscape, seed: int, epochs: int
    ) -> None:
        self.rule, self.landscape, self.seed, self.epochs = rule, landscape, seed, epochs
        self.point = self.here = start
        self.spread, self.done, self.waited, self.ended = rule.spread, 0, 0, False

    def step(self) -> Mapping[str, float]:
        rule, random = self.rule, generator(self.seed, PROPOSALS, self.done)
        temperature = rule.temperature_at(self.done, self.epochs)
        lowest, spread = self.point, self.spread
        count = sum(self._propose(temperature, random) for _ in range(rule.proposals))
        accepted = count / rule.proposals
        height = self.here.value
        self.done += 1
        self.waited = self.waited + 1 if self.point is lowest else 0
        if self.waited == rule.restart:
            self.here, self.waited = self.point, 0
        if rule.adapts:
            self.spread = adapted(spread, accepted, rule.spread)
        noted = accepted, temperature, spread, height
        return dict(zip(rule.notes, noted, strict=True))

    def state(self) -> dict[str, Any]:
        names = ("spread", "done", "waited")
        return {"here": self.here.weights, **{name: getattr(self, name) for name in names}}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.here = self.landscape(remembered(state, "here", self.point.weights.shape))
        self.spread = float(remembered(state, "spread"))
        self.done, self.waited = (int(remembered(state, each)) for each in ("done", "waited"))

    def _propose(self, temperature: float, random: np.random.Generator) -> bool:
        """Look at one other place, and go there or not; whether it did."""
        move = self._move(random)
        there = self.landscape(self.here.weights + move)
        luck = float(random.random())
        if not (there.is_finite and luck < probability(self.here.value, there.value, temperature)):
            return False
        self.here = there
        if there.value < self.point.value:
            self.point = there
        return True

    def _move(self, random: np.random.Generator) -> Vector:
        size = len(self.here.weights)
        move = self.spread * random.standard_normal(size)
        if self.rule.share < 1:
            moves = random.random(size) < self.rule.share
            moves[random.integers(size)] = True
            move = np.where(moves, move, 0.0)
        return move


def probability(old: float, new: float, temperature: float) -> float:
    """min(1, exp(-(new - old) / T)); at T = 0 nothing worse is accepted (Metropolis 1953)."""
    if new <= old:
        return 1.0
    return math.exp(-(new - old) / temperature) if temperature else 0.0


def adapted(spread: float, accepted: float, most: float) -> float:
    """The next spread: one that gets about 3 in 10 proposals accepted, by Corana's rule."""
    low, high = LEVELS
    if accepted > high:
        return min(most, spread * (1 + (FACTOR - 1) * (accepted - high) / (1 - high)))
    if accepted < low:
        return spread / (1 + (FACTOR - 1) * (low - accepted) / low)
    return spread
