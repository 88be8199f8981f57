"""Horizontal bars, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw import canvas
from talweg.draw.canvas import LETTER, LINE, WIDTH, chart, no_data, text
from talweg.draw.markup import Markup, join, tag
from talweg.draw.scale import Scale, finite, number, spread
from talweg.errors import ShapeError

ROW = LINE + 6  # the height of a bar with the room around it
LONGEST = 18  # letters of a name


def bar_chart(names: Sequence[str], values: ArrayLike, *, title: str) -> str:
    """Horizontal bars from zero, a name before and a number behind each."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if len(names) != numbers.size:
        raise ShapeError(
            f"A bar chart got {len(names)} names and {numbers.size} values. "
            "Give one name for each value."
        )
    kept = np.flatnonzero(finite(numbers)).tolist()
    if not kept:
        return no_data(title)
    bars = [(str(names[index]), float(numbers[index])) for index in kept]
    x = _scale(bars)
    top = canvas.below_title(title) + 4
    bottom = top + ROW * len(bars)
    rows = (_bar(x, *bar, top + ROW * index) for index, bar in enumerate(bars))
    zero = canvas.line((float(x(0)), top), (float(x(0)), bottom), "soft")
    told = ", ".join(f"{name} {number(value, 3)}" for name, value in bars)
    return chart(title, f"Bar chart: {told}.", *rows, zero, height=bottom + 8)


def _scale(bars: Sequence[tuple[str, float]]) -> Scale:
    """The scale that holds zero and all values, between the names and the numbers."""
    left = LETTER * min(LONGEST, max(len(name) for name, _ in bars)) + 10
    right = WIDTH - LETTER * max(len(number(value, 3)) for _, value in bars) - 10
    return spread(np.array([0.0, *(value for _, value in bars)]), left, right)


def _bar(x: Scale, name: str, value: float, top: float) -> Markup:
    start, end = sorted((float(x(0)), float(x(value))))
    colour = "series-1" if value >= 0 else "series-2"
    middle = top + LINE / 2 + 3
    box = {"x": start, "y": top + 7, "width": end - start, "height": LINE - 8}
    return join(
        (
            text(x.start - 10, middle, canvas.shorten(name, LONGEST), anchor="end", dy=".34em"),
            tag("rect", **box, fill=f"var(--{colour})"),
            text(WIDTH, middle, number(value, 3), anchor="end", dy=".34em"),
        )
    )
