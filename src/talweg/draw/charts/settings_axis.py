"""What charts of a sweep share: axes of settings, dots for runs, and the best run in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, chart, text
from talweg.draw.charts.scale import Floats, Scale, finite, number, spread
from talweg.draw.markup import Markup, tag
from talweg.errors import counted
from talweg.insight.sweep_report import SettingGrid, SettingPlane

PLOT = 250.0  # the height of a plot
BELOW = 66.0  # room for tick labels and axis label below a plot
LOG_RATIO = 30.0  # positive settings that span a larger ratio get a log scale
MAX_NAME = 12  # characters of a value that is not a number


@dataclass(frozen=True)
class WordScale(Scale):
    """A scale of words, at the positions 0, 1, 2, ..."""

    names: tuple[str, ...] = ()

    def ticks(self) -> list[tuple[float, str]]:
        positions = self(np.arange(len(self.names))).tolist()
        return list(zip(positions, self.names, strict=True))


def positions(values: Sequence[Any]) -> tuple[Floats, tuple[str, ...]]:
    """The position of each value on an axis, and the words of values that are not numbers.

    >>> positions([0.1, 2]), positions(["a", "b", "a"])
    ((array([0.1, 2. ]), ()), (array([0., 1., 0.]), ('a', 'b')))
    """
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, np.float64), ()
    words = [canvas.shorten(str(value), MAX_NAME) for value in values]
    names = tuple(dict.fromkeys(words))
    return np.array([names.index(word) for word in words], np.float64), names


def axis(at: Floats, names: tuple[str, ...], start: float, end: float) -> Scale:
    """The scale of a setting: of words, or of numbers, logarithmic if they are far apart."""
    if names:
        return WordScale(-0.5, len(names) - 0.5, start, end, names=names)
    is_log = bool(at.min() > 0 and at.max() / at.min() > LOG_RATIO)
    return spread(at, start, end, log=is_log)


def with_log(name: str, scale: Scale) -> str:
    """The label of an axis, which says if it is logarithmic."""
    return f"{name} (log scale)" if scale.log else name


def pair_title(measure: str, names: tuple[str, str]) -> str:
    """The title of a chart of two settings."""
    return canvas.capitalized(f"{measure} by {' and '.join(names)}")


def pair_label(record: SettingGrid | SettingPlane) -> str:
    """The label of a chart of two settings."""
    return f"Chart: {record.measure} by {' and '.join(record.names)}"


def runs_chart(
    title: str,
    best: str,
    x_axis: tuple[Scale, str],
    y_axis: tuple[Scale, str],
    *marks: Markup,
    runs: int,
) -> str:
    """A chart with a mark for each run on two axes, given as scale and name."""
    (x, x_name), (y, y_name) = x_axis, y_axis
    top = canvas.below_title(title) + LINE + 16
    axes = (canvas.y_axis(x, y), canvas.x_axis(x, y, with_log(x_name, x)))
    return chart(
        title,
        f"Chart of {counted(runs, 'run')}. {best}",
        text(0, top - 22, with_log(y_name, y)),
        canvas.moved(top, *axes, *marks),
        height=top + PLOT + BELOW,
    )


def dots(points: Floats, opacities: Floats) -> Markup:
    """A dot for each run."""
    circles = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill-opacity="{opacity:.2f}"/>'
        for (x, y), opacity in zip(points.tolist(), opacities.tolist(), strict=True)
    )
    return tag("g", Markup(circles), fill="var(--series-1)")


def ring(point: Floats) -> Markup:
    """A ring around the best run."""
    x, y = map(float, point)
    return tag("circle", cx=x, cy=y, r=8, fill="none", stroke="var(--series-2)", stroke_width=2.5)


def best_text(
    values: Sequence[Sequence[Any]], losses: Floats, names: Sequence[str], measure: str
) -> str:
    """The lowest loss, and the settings of its run."""
    best = int(np.nanargmin(np.where(finite(losses), losses, np.nan)))
    columns = zip(names, values, strict=True)
    settings = (f"{name} {_value_text(column[best])}" for name, column in columns)
    return f"The lowest {measure}, {number(float(losses[best]))}, is at {' and '.join(settings)}."


def _value_text(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number(float(value)) if is_number else str(value)
