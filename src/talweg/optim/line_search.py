"""Line search for a step length that meets the strong Wolfe conditions.

Nocedal & Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6. All numbers are float64,
whatever the network's dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from talweg.optim.full_batch import Point

GROWTH = 1.1, 4.0
"""Bounds on an extrapolation, in multiples of the distance between the last two trials."""
MARGIN = 0.1
"""The fraction of an interval that a trial inside it keeps from both ends."""


@dataclass(frozen=True)
class Trial:
    """A point along a direction d, w + length d; `slope` is the derivative by the length there."""

    length: float
    point: Point
    slope: float

    @property
    def value(self) -> float:
        """The objective; infinite if it or the gradient is not finite."""
        return self.point.value if self.point.is_finite else math.inf


Along = Callable[[float], Trial]


@dataclass
class LineSearch:
    """A search for value <= start + c1 length slope and |slope at the end| <= c2 |slope|.

    `start` has a negative slope. The search gives up after `max_eval` trials; `lowest` is the
    lowest point so far, possibly the start.
    """

    along: Along
    start: Trial
    c1: float
    c2: float
    max_eval: int
    lowest: Trial = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.lowest = self.start

    def run(self, length: float) -> Trial | None:
        """A point where both conditions hold, from a first trial at `length`; else None."""
        before = self.start
        while self.done < self.max_eval:
            trial = self._try(length)
            if self._is_high(trial) or (self.done > 1 and trial.value >= before.value):
                return self._zoom(before, trial)
            if self._is_flat(trial):
                return trial
            if trial.slope >= 0:
                return self._zoom(trial, before)
            length, before = _extrapolated(before, trial), trial
        return None

    def _zoom(self, low: Trial, high: Trial) -> Trial | None:
        """Search between two points; `low` is the lower one and slopes down toward `high`."""
        while self.done < self.max_eval and low.length != high.length:
            trial = self._try(_interpolated(low, high))
            if self._is_high(trial) or trial.value >= low.value:
                high = trial
                continue
            if self._is_flat(trial):
                return trial
            if trial.slope * (high.length - low.length) >= 0:
                high = low
            low = trial
        return None

    def _try(self, length: float) -> Trial:
        self.done += 1
        trial = self.along(length)
        if trial.value < self.lowest.value:
            self.lowest = trial
        return trial

    def _is_high(self, trial: Trial) -> bool:
        """Whether the decrease is insufficient (the first Wolfe condition)."""
        return not trial.value <= self.start.value + self.c1 * trial.length * self.start.slope

    def _is_flat(self, trial: Trial) -> bool:
        """Whether the slope is small enough (the second Wolfe condition)."""
        return abs(trial.slope) <= -self.c2 * self.start.slope


def _interpolated(low: Trial, high: Trial) -> float:
    """The minimum of the cubic through both; a tenth of the way to an infinite `high`."""
    gap = high.length - low.length
    if math.isinf(high.value):
        return low.length + MARGIN * gap
    fraction = (cubic_minimum(low, high) - low.length) / gap
    if math.isnan(fraction):
        return low.length + gap * 0.5
    return low.length + gap * min(max(fraction, MARGIN), 1 - MARGIN)


def _extrapolated(before: Trial, last: Trial) -> float:
    """The minimum of the cubic through both, within bounds."""
    gap = last.length - before.length
    fraction = (cubic_minimum(before, last) - last.length) / gap
    low, high = GROWTH
    is_ahead = fraction > 0  # else the cubic has no minimum, or it lies behind
    return last.length + gap * (min(max(fraction, low), high) if is_ahead else high)


def cubic_minimum(a: Trial, b: Trial) -> float:
    """The minimum of the cubic with their values and slopes (equation 3.59); NaN if it has none."""
    gap = b.length - a.length
    if not gap:
        return math.nan
    d1 = a.slope + b.slope - 3 * (b.value - a.value) / gap
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < math.inf:
        return math.nan
    d2 = math.copysign(math.sqrt(square), gap)
    divisor = b.slope - a.slope + 2 * d2
    return b.length - gap * (b.slope + d2 - d1) / divisor if divisor else math.nan
