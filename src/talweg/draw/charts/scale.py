"""Scales, ticks, number formats, and the thinning of points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LOG_DECADES = 2  # positive values over more decades than this are drawn on a log scale
LARGEST = 1e150  # larger values are not drawn: the ends of their axis could overflow
SMALLEST = 1e-150  # smaller ones count as 0 on a linear axis: its steps could underflow
MOST_IN_FULL = 1e9  # larger numbers are powers of ten, as in `insight.text.number_text`
MOST_ON_AXIS = 1e7  # and the tick labels of an axis with larger numbers are

_MINUS, _TIMES = "\u2212", "\u00d7"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """`value` to `digits` significant digits, but whole digits in full up to 10^9.

    >>> number(1234567.8), number(0.57134), number(64)
    ('1,234,568', '0.5713', '64')
    """
    if not isfinite(value):
        return "\u2013"
    if value != 0 and not 1e-4 <= abs(value) < MOST_IN_FULL:
        return _scientific(value, digits)
    whole = value == int(value)
    return fixed(value, 0 if whole else max(0, digits - 1 - floor(log10(abs(value)))))


def fixed(value: float, decimals: int) -> str:
    """`value` with `decimals` decimals, commas between thousands, and a real minus sign."""
    text = f"{value:,.{decimals}f}"
    return text.replace("-", _MINUS) if text.strip("-0.") else text.lstrip("-")


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    text = {"1": power, "-1": "-" + power}.get(mantissa, f"{mantissa}{_TIMES}{power}")
    return text.replace("-", _MINUS)


def finite(values: Floats) -> NDArray[np.bool_]:
    """Which values can be drawn."""
    return np.isfinite(values) & (np.abs(values) < LARGEST)


def wants_log(values: Floats) -> bool:
    """Whether the values are positive and span more than `LOG_DECADES` decades."""
    if not values.size or values.min() <= 0:
        return False
    return float(np.log10(values.max()) - np.log10(values.min())) > LOG_DECADES


def nice_step(span: float, count: int = 5) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides `span` into about `count` parts.

    >>> nice_step(46), nice_step(0.7)
    (10.0, 0.1)
    """
    rough = span / count
    power = 10.0 ** floor(log10(rough))
    return power * min((1, 2, 5, 10), key=lambda times: abs(log10(times * power / rough)))


@dataclass(frozen=True)
class Scale:
    """A map from numbers to positions: from `low` at `start` to `high` at `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    whole: bool = False  # ticks at whole numbers only
    dated: bool = False  # numbers are days since 1970

    def __call__(self, values: ArrayLike) -> Floats:
        """The position of each value."""
        low, high, x = map(self._transform, (self.low, self.high, values))
        return np.asarray(self.start + (x - low) / (high - low) * (self.end - self.start))

    def _transform(self, values: ArrayLike) -> Floats:
        array = np.asarray(values, dtype=np.float64)
        return np.asarray(np.log10(array)) if self.log else array

    def ticks(self) -> list[tuple[float, str]]:
        """Position and label of each tick."""
        if self.dated:
            values, labels = date_ticks(self.low, self.high)
        else:
            values, labels = self._log_ticks() if self.log else self._linear_ticks()
        return list(zip(self(values).tolist(), labels, strict=True))

    def _linear_ticks(self) -> tuple[list[float], list[str]]:
        step = nice_step(self.high - self.low)
        step = max(step, 1.0) if self.whole else step
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        values = [step * index for index in range(first, last + 1)]
        largest = max(abs(self.low), abs(self.high))
        if largest >= MOST_ON_AXIS or step < 1e-4:
            digits = max(1, 1 + floor(log10(largest)) - floor(log10(step)))
            return values, [_scientific(value, digits) if value else "0" for value in values]
        return values, [fixed(value, max(0, -floor(log10(step)))) for value in values]

    def _log_ticks(self) -> tuple[list[float], list[str]]:
        low, high = log10(self.low), log10(self.high)
        every = max(1, ceil((high - low) / 7))
        decades = [power for power in range(ceil(low), floor(high) + 1) if power % every == 0]
        times = (1, 2, 5) if len(decades) < 3 else (1,)
        values = [t * 10.0**p for p in range(floor(low), ceil(high) + 1) for t in times]
        kept = [v for v in values if self.low <= v <= self.high and _decade(v) % every == 0]
        in_full = self.low >= 1e-4 and self.high < MOST_ON_AXIS
        return kept, [number(value, 1) if in_full else _scientific(value, 1) for value in kept]


_CALENDAR = (  # the length of a unit in days, the unit, and how many of them a step may have
    *((1 / 24, "h", times) for times in (1, 2, 6, 12)),
    *((1.0, "D", times) for times in (1, 2, 5, 10)),
    *((30.4, "M", times) for times in (1, 2, 6)),
    *((365.2, "Y", times) for times in (1, 2, 5, 10, 20, 50, 100, 1000)),
)


def date_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """About six ticks or fewer at whole years, months, days or hours, between two days since 1970.

    >>> date_ticks(18_600, 18_750)[1]
    ['2021-01', '2021-02', '2021-03', '2021-04', '2021-05']
    """
    steps = (step for step in _CALENDAR if (high - low) / (step[0] * step[2]) <= 6)
    _, unit, times = next(steps, _CALENDAR[-1])
    first, last = (
        int(moments(day).astype(f"datetime64[{unit}]").astype(int)) for day in (low, high)
    )
    from_1970 = -1970 % times if unit == "Y" else 0  # NumPy counts years from 1970
    units = np.arange((first - from_1970) // times * times + from_1970, last + 1, times)
    dates = units.astype(f"datetime64[{unit}]")
    days = dates.astype("datetime64[s]").astype(np.float64) / 86_400
    inside = (low <= days) & (days <= high)
    texts = np.datetime_as_string(dates[inside]).tolist()
    labels = [f"{text.replace('T', ' ')}{':00' * (unit == 'h')}" for text in texts]
    return days[inside].tolist(), labels


def moments(days: ArrayLike) -> NDArray[np.datetime64]:
    """Days since 1970 as datetimes of NumPy."""
    return np.rint(np.asarray(days, np.float64) * 86_400).astype("datetime64[s]")


def _decade(value: float) -> int:
    return floor(log10(value) + 1e-9)


def spread(values: Floats, start: float, end: float, *, log: bool = False) -> Scale:
    """The scale that shows all values with a margin; the ends of a linear one lie on ticks."""
    low, high = _apart(float(values.min()), float(values.max()), log=log)
    if log:
        margin = 10 ** (0.03 * (log10(high) - log10(low)))
        return Scale(low / margin or low, high * margin, start, end, log=True)
    step = nice_step(high - low)
    return Scale(floor(low / step) * step, ceil(high / step) * step, start, end)


def along(
    values: Floats, start: float, end: float, *, log: bool = False, dated: bool = False
) -> Scale:
    """The scale that runs exactly from the smallest to the largest value, as for epochs."""
    whole = bool(np.all(values == np.rint(values)))
    low, high = _apart(float(values.min()), float(values.max()), log=log)
    return Scale(low, high, start, end, log=log, whole=whole, dated=dated)


def _apart(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """The ends, moved apart if they are the same."""
    size = max(abs(low), abs(high))
    if high - low > 1e-9 * (size if log else max(size, SMALLEST)):
        return low, high
    half = abs(low) / 2 if log or abs(low) > SMALLEST else 0.5
    return low - half, high + half


def thin_line(x: Floats, y: Floats, most: int = 600) -> tuple[Floats, Floats]:
    """At most `most` points of a line: both ends, and the extremes of y in equal intervals."""
    if x.size <= most:
        return x, y
    edges = np.linspace(0, x.size, (most - 2) // 2 + 1).astype(int)
    intervals = list(pairwise(edges))
    lowest = [start + int(np.argmin(y[start:end])) for start, end in intervals]
    highest = [start + int(np.argmax(y[start:end])) for start, end in intervals]
    kept = np.unique([0, *lowest, *highest, x.size - 1])
    return x[kept], y[kept]


def thin_points(x: Floats, y: Floats, most: int = 1500) -> tuple[Floats, Floats]:
    """At most `most` points: evenly over the ranks of x, and the extremes of x and y."""
    if x.size <= most:
        return x, y
    order = np.argsort(x, kind="stable")
    even = order[np.linspace(0, x.size - 1, most - 2).astype(int)]
    kept = np.unique([*even, np.argmin(y), np.argmax(y)])
    return x[kept], y[kept]
