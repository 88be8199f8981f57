"""Horizontal bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, WIDTH, chart, no_data, text, width_of
from talweg.draw.charts.scale import Scale, finite, number, spread
from talweg.draw.markup import Markup, join, tag
from talweg.errors import ShapeError

ROW = LINE + 6  # the height of a bar and the gap around it
MAX_NAME = 18  # characters of a name


class Bar(NamedTuple):
    """A bar from zero to `value`, with a whisker of one `spread` to either side."""

    name: str
    value: float
    spread: float

    def __str__(self) -> str:
        spread = f" ± {number(self.spread, 2)}" if self.spread else ""
        return f"{self.name} {number(self.value, 3)}{spread}"


def bar_chart(
    names: Sequence[str], values: ArrayLike, *, title: str, spreads: ArrayLike | None = None
) -> str:
    """Horizontal bars from zero, each between its name and its value.

    `spreads`, such as standard deviations, are drawn as whiskers around the ends of the bars.
    """
    bars = _bars(names, values, spreads)
    if not bars:
        return no_data(title)
    x = _scale(bars)
    top = canvas.below_title(title) + 4
    bottom = top + ROW * len(bars)
    rows = (_bar(x, bar, top + ROW * index) for index, bar in enumerate(bars))
    zero = canvas.line((float(x(0)), top), (float(x(0)), bottom), "soft")
    description = f"Bar chart: {', '.join(map(str, bars))}."
    return chart(title, description, *rows, zero, height=bottom + 8)


def _bars(names: Sequence[str], values: ArrayLike, spreads: ArrayLike | None) -> list[Bar]:
    """The bars that can be drawn. ShapeError: the numbers of names, values and spreads differ."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    widths = np.zeros_like(numbers) if spreads is None else np.asarray(spreads, np.float64).ravel()
    if not len(names) == numbers.size == widths.size:
        raise ShapeError(
            f"A bar chart got {len(names)} names, {numbers.size} values and {widths.size} spreads. "
            "Give one name and at most one spread for each value."
        )
    drawable = np.flatnonzero(finite(numbers) & finite(widths)).tolist()
    return [Bar(str(names[i]), float(numbers[i]), float(widths[i])) for i in drawable]


def _scale(bars: Sequence[Bar]) -> Scale:
    """The scale that holds zero and all whiskers, between the names and the values."""
    left = max(width_of(canvas.shorten(bar.name, MAX_NAME)) for bar in bars) + 10
    right = WIDTH - max(width_of(number(bar.value, 3)) for bar in bars) - 10
    ends = [end for bar in bars for end in (bar.value - bar.spread, bar.value + bar.spread)]
    return spread(np.array([0.0, *ends]), left, right)


def _whisker(x: Scale, bar: Bar, y: float) -> Markup:
    """A line from one spread below the value to one above it, with caps."""
    if not bar.spread:
        return Markup()
    ends = [float(x(bar.value - bar.spread)), float(x(bar.value + bar.spread))]
    lines = [((ends[0], y), (ends[1], y))]
    lines += [((end, y - 5), (end, y + 5)) for end in ends]
    halo = (canvas.line(*line, "paper", stroke_width=4.5) for line in lines)
    return join((*halo, *(canvas.line(*line, "ink", stroke_width=1.5) for line in lines)))


def _bar(x: Scale, bar: Bar, top: float) -> Markup:
    start, end = sorted((float(x(0)), float(x(bar.value))))
    color = "series-1" if bar.value >= 0 else "series-2"
    middle = top + LINE / 2 + 3
    box = {"x": start, "y": top + 7, "width": end - start, "height": LINE - 8}
    name = canvas.shorten(bar.name, MAX_NAME)
    return join(
        (
            text(x.start - 10, middle, name, anchor="end", dy=".34em"),
            tag("rect", **box, fill=f"var(--{color})"),
            _whisker(x, bar, middle),
            text(WIDTH, middle, number(bar.value, 3), anchor="end", dy=".34em"),
        )
    )
