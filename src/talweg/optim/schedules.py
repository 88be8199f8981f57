"""Schedules: settings of a rule that change while a run goes on, each a function of the time.

Time is counted in epochs: `done` of `epochs` are over, so it is 0 in the first epoch. A schedule
takes the place of a number, as in `SGD(lr=CosineDecay(0.1))`; so does any function of `done`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

from talweg.errors import SettingError
from talweg.settings import Checked, Choice, Flag, Number, plain, setting

NUMBER = Number()
EPOCHS = Number(above=0)
LENGTH = Number(above=0, optional=True)


@dataclass(frozen=True)
class Schedule(Checked):
    """The base of schedules; one of your own overrides `at`.

    The value is taken anew `every` "epoch" or "step": within an epoch, `done` is a fraction.
    """

    _: KW_ONLY
    every: str = setting("epoch", Choice(("epoch", "step")))

    def at(self, done: float, epochs: int) -> float:
        """The value when so many of all `epochs` are over."""
        raise NotImplementedError(f"{type(self).__name__} does not define at")


@dataclass(frozen=True)
class StepDecay(Schedule):
    """start factor^floor(done / step_size), as torch.optim.lr_scheduler.StepLR."""

    start: float = setting(0.1, NUMBER)
    step_size: float = setting(30, EPOCHS)
    factor: float = setting(0.1, NUMBER)

    def at(self, done: float, epochs: int) -> float:
        return float(self.start * self.factor ** math.floor(done / self.step_size))


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """start factor^done, as torch.optim.lr_scheduler.ExponentialLR."""

    start: float = setting(0.1, NUMBER)
    factor: float = setting(0.95, EPOCHS)

    def at(self, done: float, epochs: int) -> float:
        return float(self.start * self.factor**done)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """start / (1 + scale done)^power.

    With the number of rows as `scale` that is scikit-learn's "invscaling", which counts rows.
    """

    start: float = setting(0.1, NUMBER)
    power: float = setting(0.5, NUMBER)
    scale: float = setting(1.0, Number(at_least=0))

    def at(self, done: float, epochs: int) -> float:
        return float(self.start / (1 + self.scale * done) ** self.power)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """end + (start - end) (1 + cos(pi done / epochs)) / 2 over `epochs` (None: the whole run).

    Then it stays at `end`, or with `restarts` begins again, each time `t_mult` times as long.
    Loshchilov & Hutter 2017, as torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """

    start: float = setting(0.1, NUMBER)
    epochs: float | None = setting(None, LENGTH)
    end: float = setting(0.0, NUMBER)
    restarts: bool = setting(False, Flag())
    t_mult: float = setting(1.0, Number(at_least=1))

    def at(self, done: float, epochs: int) -> float:
        share = min(1.0, self._share(done, self.epochs or epochs))
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * share)) / 2

    def _share(self, done: float, length: float) -> float:
        if not self.restarts:
            return done / length
        if self.t_mult == 1:
            return done % length / length
        while done >= length:
            done, length = done - length, length * self.t_mult
        return done / length


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from peak / div_factor to `peak` in a share `pct_start` of the epochs, and down to
    the first value / final_div_factor, both along half a cosine.

    Smith & Topin 2018, as torch.optim.lr_scheduler.OneCycleLR, but that time starts at 0.
    """

    peak: float = setting(0.1, NUMBER)
    epochs: float | None = setting(None, LENGTH)
    pct_start: float = setting(0.3, Number(above=0, below=1))
    div_factor: float = setting(25.0, EPOCHS)
    final_div_factor: float = setting(1e4, EPOCHS)
    _: KW_ONLY
    every: str = setting("step", Choice(("epoch", "step")))

    def at(self, done: float, epochs: int) -> float:
        share = min(1.0, done / (self.epochs or epochs))
        first = self.peak / self.div_factor
        if share < self.pct_start:
            return _between(first, self.peak, share / self.pct_start)
        down = (share - self.pct_start) / (1 - self.pct_start)
        return _between(self.peak, first / self.final_div_factor, down)


def _between(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class Changing(Number):
    """A number, or a schedule of such numbers; a schedule may also come down to a bound."""

    def allows(self, value: Any) -> bool:
        return is_schedule(value) or super().allows(value)

    def along(self, what: str, value: Any, epochs: int) -> Callable[[float], float]:
        """The value of a schedule when so many epochs are done, checked."""
        changes = changes_each_step(value)
        low, high = max(self.above, self.at_least), min(self.below, self.at_most)
        of = partial(value.at, epochs=epochs) if isinstance(value, Schedule) else value

        def at(done: float) -> float:
            time = done if changes else math.floor(done)
            found = of(time)
            if type(found) is float and low < found < high and found != math.inf:
                return found  # most are; what follows takes 3 us
            found = plain(found)
            if not (Number.allows(self, found) or found in (self.above, self.at_least)):
                given = getattr(value, "__name__", repr(value))
                raise SettingError(
                    f"{what} must be {self}, but its schedule {given} gave {found!r} when "
                    f"{time:g} epochs were done"
                )
            return float(found)

        return at


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """A linear rise over `epochs` from start_factor times the initial value of `schedule` to it.

    `schedule` is a number, or a schedule that starts after the warmup.
    """

    schedule: Any = setting(0.1, Changing())
    epochs: float = setting(5, EPOCHS)
    start_factor: float = setting(0.0, Number(at_least=0))
    _: KW_ONLY
    every: str = setting("step", Choice(("epoch", "step")))

    def at(self, done: float, epochs: int) -> float:
        left = max(1, epochs - math.ceil(self.epochs))
        value = value_at(self.schedule, max(0.0, done - self.epochs), left)
        share = min(1.0, done / self.epochs)
        return float(value * (self.start_factor + (1 - self.start_factor) * share))


SCHEDULES: dict[str, type[Schedule]] = {
    each.__name__: each
    for each in (StepDecay, ExponentialDecay, InverseScaling, CosineDecay, OneCycle, LinearWarmup)
}


# Schedules in the place of numbers ----------------------------------------------------------------


def is_schedule(value: Any) -> bool:
    """Whether it changes while a run goes on: a schedule, or a function of the time."""
    return isinstance(value, Schedule) or (callable(value) and not isinstance(value, type))


def changes_each_step(value: Any) -> bool:
    """Whether it changes within an epoch."""
    return isinstance(value, Schedule) and value.every == "step"


def value_at(value: Any, done: float, epochs: int) -> Any:
    """A number, or what a schedule or a function makes of the time."""
    if isinstance(value, Schedule):
        return value.at(done, epochs)
    return value(done) if is_schedule(value) else value
