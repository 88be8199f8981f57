"""The schedules; `Schedule` in `optimizer.py` is their base."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

from talweg.numerics import half_cosine, power
from talweg.optim.optimizer import Schedule, Scheduled, value_at
from talweg.settings import Choice, Flag, Number, setting

NUMBER = Number()
EPOCHS = Number(above=0)
LENGTH = Number(above=0, optional=True)


@dataclass(frozen=True)
class StepDecay(Schedule):
    """start factor^floor(done / step_size), as torch.optim.lr_scheduler.StepLR."""

    start: float = setting(0.1, NUMBER)
    step_size: float = setting(30, EPOCHS)
    factor: float = setting(0.1, NUMBER)

    def at(self, done: float, epochs: int) -> float:
        return self.start * power(self.factor, math.floor(done / self.step_size))


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """start factor^done, as torch.optim.lr_scheduler.ExponentialLR."""

    start: float = setting(0.1, NUMBER)
    factor: float = setting(0.95, EPOCHS)

    def at(self, done: float, epochs: int) -> float:
        return self.start * power(self.factor, done)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """start / (1 + scale done)^power.

    With the number of rows as `scale` it is scikit-learn's "invscaling", which counts rows.
    """

    start: float = setting(0.1, NUMBER)
    power: float = setting(0.5, NUMBER)
    scale: float = setting(1.0, Number(at_least=0))

    def at(self, done: float, epochs: int) -> float:
        return self.start / power(1 + self.scale * done, self.power)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """end + (start - end) (1 + cos(pi done / epochs)) / 2 over `epochs` (None: the whole run).

    After that it stays at `end`, or starts again with `restarts`, each time `t_mult` times as long.
    Loshchilov & Hutter 2017, as torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """

    start: float = setting(0.1, NUMBER)
    epochs: float | None = setting(None, LENGTH)
    end: float = setting(0.0, NUMBER)
    restarts: bool = setting(False, Flag())
    t_mult: float = setting(1.0, Number(at_least=1))

    def at(self, done: float, epochs: int) -> float:
        fraction = min(1.0, self._fraction(done, self.epochs or epochs))
        return self.end + (self.start - self.end) * half_cosine(fraction)

    def _fraction(self, done: float, length: float) -> float:
        if not self.restarts:
            return done / length
        if self.t_mult == 1:
            return done % length / length
        while done >= length:
            done, length = done - length, length * self.t_mult
        return done / length


@dataclass(frozen=True)
class OneCycle(Schedule):
    """A rise from peak / div_factor to `peak` in a fraction `pct_start` of the epochs, then a fall
    to the initial value / final_div_factor, both along half a cosine.

    Smith & Topin 2018, as torch.optim.lr_scheduler.OneCycleLR, except that time starts at 0.
    """

    peak: float = setting(0.1, NUMBER)
    epochs: float | None = setting(None, LENGTH)
    pct_start: float = setting(0.3, Number(above=0, below=1))
    div_factor: float = setting(25.0, EPOCHS)
    final_div_factor: float = setting(1e4, EPOCHS)
    _: KW_ONLY
    every: str = setting("step", Choice(("epoch", "step")))

    def at(self, done: float, epochs: int) -> float:
        fraction = min(1.0, done / (self.epochs or epochs))
        initial = self.peak / self.div_factor
        if fraction < self.pct_start:
            return _between(initial, self.peak, fraction / self.pct_start)
        fall = (fraction - self.pct_start) / (1 - self.pct_start)
        return _between(self.peak, initial / self.final_div_factor, fall)


def _between(start: float, end: float, fraction: float) -> float:
    """The value between start and end along half a cosine."""
    return end + (start - end) * half_cosine(fraction)


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """A linear rise over `epochs` from start_factor times the initial value of `schedule` to it.

    `schedule` is a number, or a schedule that starts after the warmup.
    """

    schedule: Any = setting(0.1, Scheduled())
    epochs: float = setting(5, EPOCHS)
    start_factor: float = setting(0.0, Number(at_least=0))
    _: KW_ONLY
    every: str = setting("step", Choice(("epoch", "step")))

    def at(self, done: float, epochs: int) -> float:
        rest = max(1, epochs - math.ceil(self.epochs))
        value = value_at(self.schedule, max(0.0, done - self.epochs), rest)
        fraction = min(1.0, done / self.epochs)
        return float(value * (self.start_factor + (1 - self.start_factor) * fraction))
