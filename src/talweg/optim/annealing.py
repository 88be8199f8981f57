"""Simulated annealing: random proposals; worse ones are accepted while the temperature is high.

Kirkpatrick, Gelatt & Vecchi, Optimization by simulated annealing (1983).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from talweg.errors import SettingError
from talweg.numerics import exp_of, log_of, power
from talweg.optim.full_batch import FullBatch, Objective, Point, Vector, checked_array
from talweg.random import PROPOSALS, generator
from talweg.settings import Constraint, Flag, Number, setting

Cooling = Callable[[float], float]
"""The number of finished epochs -> the fraction of the initial temperature that is left."""

LEVELS = 0.2, 0.4
"""The step size stays the same while the acceptance rate lies between these.

Both are below 1/2: on a plain slope half of the proposals are accepted, however small the step
size, and it must grow there.
"""
FACTOR = 3.0
"""The factor by which the step size grows if all proposals are accepted, or shrinks if none is."""


def geometric(done: float, epochs: int, end: float) -> float:
    """end^(done / (epochs - 1))."""
    return power(end, done / max(1, epochs - 1))


def linear(done: float, epochs: int, end: float) -> float:
    """1 + (end - 1) done / (epochs - 1)."""
    return 1 + (end - 1) * done / max(1, epochs - 1)


def logarithmic(done: float, epochs: int, end: float) -> float:
    """log 2 / log(2 + done), slow enough to reach the global minimum in the limit (Hajek 1988)."""
    return log_of(2) / log_of(2 + done)


COOLINGS = {cooling.__name__: cooling for cooling in (geometric, linear, logarithmic)}


class _NameOrFunction(Constraint):
    """The name of a cooling, or a function."""

    def allows(self, value: Any) -> bool:
        return value in COOLINGS if isinstance(value, str) else callable(value)

    def __str__(self) -> str:
        return ", ".join(map(repr, COOLINGS)) + " or a function of the number of finished epochs"


@dataclass(frozen=True)
class SimulatedAnnealing(FullBatch):
    """Simulated annealing: the proposal w + step_size n, with n standard normal, is accepted with
    the probability min(1, exp(-(new - old) / T)).

    `temperature` is the initial T, in units of the loss. `cooling` gives the fraction of it that is
    left: "geometric" and "linear" reach `end_fraction` in the last epoch, "logarithmic" has no
    end, and a function is called with the number of finished epochs. Each epoch has one temperature
    and `proposals` passes over all rows. A proposal changes each weight with the probability
    `move_fraction`, and at least one weight.

    With `adaptive`, the step size follows the acceptance rate a (Corana et al. 1987): after each
    epoch it is multiplied by 1 + 2 (a - 0.4) / 0.6 if a > 0.4, and divided by
    1 + 2 (0.2 - a) / 0.2 if a < 0.2. `step_size` is its initial and largest value. After
    `restart_after` epochs without a new lowest point the search returns to the lowest point; None
    never does.

    The network always has the weights of the lowest point so far, and the history holds its loss.
    `run.watched` has, for each epoch, the acceptance rate "accepted", the "temperature", the
    "step_size", and the "energy" (loss and penalties) of the current point.
    """

    temperature: float = setting(1.0, Number(above=0))
    cooling: Any = setting("geometric", _NameOrFunction())
    end_fraction: float = setting(1e-4, Number(above=0, at_most=1))
    step_size: float = setting(0.1, Number(above=0))
    adaptive: bool = setting(True, Flag())
    move_fraction: float = setting(1.0, Number(above=0, at_most=1))
    proposals: int = setting(20, Number(at_least=1, whole=True))
    restart_after: int | None = setting(None, Number(at_least=1, whole=True, optional=True))

    watched: ClassVar[tuple[str, ...]] = ("accepted", "temperature", "step_size", "energy")
    uses_gradient: ClassVar[bool] = False

    def begin(self, start: Point, objective: Objective, *, seed: int, epochs: int) -> RandomWalk:
        return RandomWalk(self, start, objective, seed, epochs)

    def schedules(self, epochs: int) -> dict[str, Cooling]:
        return {"temperature": lambda done: self.temperature_at(done, epochs)}

    def temperature_at(self, done: float, epochs: int) -> float:
        """T after `done` of `epochs` epochs."""
        if isinstance(self.cooling, str):
            return self.temperature * COOLINGS[self.cooling](done, epochs, self.end_fraction)
        fraction = self.cooling(done)
        if not Number(at_least=0).allows(fraction):
            raise SettingError(
                "SimulatedAnnealing: cooling must return a number of at least 0, but returned "
                f"{fraction!r} after {done} epochs"
            )
        return self.temperature * float(fraction)


class RandomWalk:
    """A run of simulated annealing: `point` is the lowest so far, `here` the current one."""

    def __init__(
        self, method: SimulatedAnnealing, start: Point, objective: Objective, seed: int, epochs: int
    ) -> None:
        self.method, self.objective, self.seed, self.epochs = method, objective, seed, epochs
        self.point = self.here = start
        self.step_size, self.done, self.waited, self.ended = method.step_size, 0, 0, False

    def step(self) -> Mapping[str, float]:
        method, random = self.method, generator(self.seed, PROPOSALS, self.done)
        temperature = method.temperature_at(self.done, self.epochs)
        lowest, step_size = self.point, self.step_size
        count = sum(self._propose(temperature, random) for _ in range(method.proposals))
        accepted = count / method.proposals
        energy = self.here.value
        self.done += 1
        self.waited = self.waited + 1 if self.point is lowest else 0
        if self.waited == method.restart_after:
            self.here, self.waited = self.point, 0
        if method.adaptive:
            self.step_size = adapted(step_size, accepted, method.step_size)
        values = accepted, temperature, step_size, energy
        return dict(zip(method.watched, values, strict=True))

    def state(self) -> dict[str, Any]:
        names = ("step_size", "done", "waited")
        return {"here": self.here.weights, **{name: getattr(self, name) for name in names}}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.here = self.objective(checked_array(state, "here", self.point.weights.shape))
        self.step_size = float(checked_array(state, "step_size"))
        self.done, self.waited = (int(checked_array(state, name)) for name in ("done", "waited"))

    def _propose(self, temperature: float, random: np.random.Generator) -> bool:
        """Evaluate one proposal and accept or reject it; returns whether it was accepted."""
        move = self._move(random)
        there = self.objective(self.here.weights + move)
        threshold = float(random.random())
        chance = probability(self.here.value, there.value, temperature) if there.is_finite else 0.0
        if not threshold < chance:
            return False
        self.here = there
        if there.value < self.point.value:
            self.point = there
        return True

    def _move(self, random: np.random.Generator) -> Vector:
        size = len(self.here.weights)
        move = self.step_size * random.standard_normal(size)
        if self.method.move_fraction < 1:
            moves = random.random(size) < self.method.move_fraction
            moves[random.integers(size)] = True
            move = np.where(moves, move, 0.0)
        return move


def probability(old: float, new: float, temperature: float) -> float:
    """min(1, exp(-(new - old) / T)); at T = 0, nothing worse is accepted (Metropolis 1953)."""
    if new <= old:
        return 1.0
    return exp_of(-(new - old) / temperature) if temperature else 0.0


def adapted(step_size: float, accepted: float, largest: float) -> float:
    """The next step size, which aims at an acceptance rate of about 0.3 by Corana's method."""
    low, high = LEVELS
    if accepted > high:
        return min(largest, step_size * (1 + (FACTOR - 1) * (accepted - high) / (1 - high)))
    if accepted < low:
        return step_size / (1 + (FACTOR - 1) * (low - accepted) / low)
    return step_size
