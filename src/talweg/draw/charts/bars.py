"""Horizontal bars, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LETTER, LINE, WIDTH, chart, no_data, text
from talweg.draw.charts.scale import Scale, finite, number, spread
from talweg.draw.markup import Markup, join, tag
from talweg.errors import ShapeError

ROW = LINE + 6  # the height of a bar with the room around it
LONGEST = 18  # letters of a name


Bar = tuple[str, float, float]


def bar_chart(
    names: Sequence[str], values: ArrayLike, *, title: str, spreads: ArrayLike | None = None
) -> str:
    """Horizontal bars from zero, each between its name and its number.

    `spreads` are drawn as lines across the ends of the bars, to either side.
    """
    numbers = np.asarray(values, dtype=np.float64).ravel()
    wide = np.zeros_like(numbers) if spreads is None else np.asarray(spreads, np.float64).ravel()
    if not len(names) == numbers.size == wide.size:
        raise ShapeError(
            f"A bar chart got {len(names)} names, {numbers.size} values and {wide.size} spreads. "
            "Give one name, and one spread or none, for each value."
        )
    kept = np.flatnonzero(finite(numbers) & finite(wide)).tolist()
    if not kept:
        return no_data(title)
    bars = [(str(names[index]), float(numbers[index]), float(wide[index])) for index in kept]
    x = _scale(bars)
    top = canvas.below_title(title) + 4
    bottom = top + ROW * len(bars)
    rows = (_bar(x, bar, top + ROW * index) for index, bar in enumerate(bars))
    zero = canvas.line((float(x(0)), top), (float(x(0)), bottom), "soft")
    told = ", ".join(_told(bar) for bar in bars)
    return chart(title, f"Bar chart: {told}.", *rows, zero, height=bottom + 8)


def _told(bar: Bar) -> str:
    name, value, wide = bar
    return f"{name} {number(value, 3)}" + (f" ± {number(wide, 2)}" if wide else "")


def _scale(bars: Sequence[Bar]) -> Scale:
    """The scale that holds zero and all values, between the names and the numbers."""
    left = max(canvas.width_of(canvas.shorten(name, LONGEST)) for name, _, _ in bars) + 10
    right = WIDTH - LETTER * max(len(number(value, 3)) for _, value, _ in bars) - 10
    ends = [end for _, value, wide in bars for end in (value - wide, value + wide)]
    return spread(np.array([0.0, *ends]), left, right)


def _whisker(x: Scale, value: float, wide: float, middle: float) -> Markup:
    """A line from one spread below the value to one above it, with caps."""
    if not wide:
        return Markup()
    ends = [float(x(value - wide)), float(x(value + wide))]
    spans = [((ends[0], middle), (ends[1], middle))]
    spans += [((at, middle - 5), (at, middle + 5)) for at in ends]
    halo = (canvas.line(*span, "paper", stroke_width=4.5) for span in spans)
    return join((*halo, *(canvas.line(*span, "ink", stroke_width=1.5) for span in spans)))


def _bar(x: Scale, bar: Bar, top: float) -> Markup:
    name, value, wide = bar
    start, end = sorted((float(x(0)), float(x(value))))
    color = "series-1" if value >= 0 else "series-2"
    middle = top + LINE / 2 + 3
    box = {"x": start, "y": top + 7, "width": end - start, "height": LINE - 8}
    return join(
        (
            text(x.start - 10, middle, canvas.shorten(name, LONGEST), anchor="end", dy=".34em"),
            tag("rect", **box, fill=f"var(--{color})"),
            _whisker(x, value, wide, middle),
            text(WIDTH, middle, number(value, 3), anchor="end", dy=".34em"),
        )
    )
