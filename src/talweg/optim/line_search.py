"""How far to go along a direction: the strong Wolfe conditions.

Nocedal & Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6. All numbers are float64,
whatever the net's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from talweg.optim.full_batch import Point

GROWTH = 1.1, 4.0
"""How far beyond the last two trials the next one is, in multiples of their distance."""
MARGIN = 0.1
"""The share of an interval that a trial within keeps from both ends."""


@dataclass(frozen=True)
class Trial:
    """A place along a direction d: w + rate d; `slope` is the derivative by the rate there."""

    rate: float
    point: Point
    slope: float

    @property
    def value(self) -> float:
        """What is to be lowered; where it or the gradient is not finite, a wall."""
        return self.point.value if self.point.is_finite else math.inf


Along = Callable[[float], Trial]


@dataclass
class LineSearch:
    """A search for value <= start + c1 rate slope and |slope at the end| <= c2 |slope|.

    `start` has a negative slope. After `passes` trials it gives up; `lowest` is the lowest place
    seen, be it the start.
    """

    along: Along
    start: Trial
    c1: float
    c2: float
    passes: int
    lowest: Trial = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.lowest = self.start

    def run(self, rate: float) -> Trial | None:
        """The place where both conditions hold, `rate` being the first trial; else None."""
        before = self.start
        while self.done < self.passes:
            trial = self._try(rate)
            if self._is_high(trial) or (self.done > 1 and trial.value >= before.value):
                return self._within(before, trial)
            if self._is_flat(trial):
                return trial
            if trial.slope >= 0:
                return self._within(trial, before)
            rate, before = _beyond(before, trial), trial
        return None

    def _within(self, low: Trial, high: Trial) -> Trial | None:
        """Between two places, of which `low` is the lower and slopes down towards `high`."""
        while self.done < self.passes and low.rate != high.rate:
            trial = self._try(_between(low, high))
            if self._is_high(trial) or trial.value >= low.value:
                high = trial
                continue
            if self._is_flat(trial):
                return trial
            if trial.slope * (high.rate - low.rate) >= 0:
                high = low
            low = trial
        return None

    def _try(self, rate: float) -> Trial:
        self.done += 1
        trial = self.along(rate)
        if trial.value < self.lowest.value:
            self.lowest = trial
        return trial

    def _is_high(self, trial: Trial) -> bool:
        """Whether it is not lower by a fair share of what the slope promised."""
        return not trial.value <= self.start.value + self.c1 * trial.rate * self.start.slope

    def _is_flat(self, trial: Trial) -> bool:
        return abs(trial.slope) <= -self.c2 * self.start.slope


def _between(low: Trial, high: Trial) -> float:
    """Where the cubic through both is lowest, or short of a wall, a tenth of the way to it."""
    gap = high.rate - low.rate
    if math.isinf(high.value):
        return low.rate + MARGIN * gap
    share = (cubic_minimum(low, high) - low.rate) / gap
    return low.rate + gap * (min(max(share, MARGIN), 1 - MARGIN) if share == share else 0.5)


def _beyond(before: Trial, last: Trial) -> float:
    """Where the cubic through both is lowest, within bounds."""
    gap = last.rate - before.rate
    share = (cubic_minimum(before, last) - last.rate) / gap
    low, high = GROWTH
    is_ahead = share > 0  # else the cubic falls for ever, or its minimum lies behind
    return last.rate + gap * (min(max(share, low), high) if is_ahead else high)


def cubic_minimum(a: Trial, b: Trial) -> float:
    """The rate where the cubic with their values and slopes is lowest (equation 3.59); or NaN."""
    gap = b.rate - a.rate
    if not gap:
        return math.nan
    d1 = a.slope + b.slope - 3 * (b.value - a.value) / gap
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < math.inf:
        return math.nan
    d2 = math.copysign(math.sqrt(square), gap)
    divisor = b.slope - a.slope + 2 * d2
    return b.rate - gap * (b.slope + d2 - d1) / divisor if divisor else math.nan
