"""Errors counted in bins, as SVG text: how wide they spread, and how many lie near 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.scale import Floats, Scale, finite, number, spread
from talweg.draw.markup import Markup, join, tag
from talweg.errors import counted

PLOT = 250.0  # the height of the plot
ABOVE, BELOW = 16.0, 66.0  # room for the label above, for ticks and label below
REACH, PARTS = 4, 4  # bins of a fourth of a typical error, up to four of them on each side


def typical(errors: ArrayLike) -> float:
    """The typical error: sqrt(mean(errors^2)) of the finite ones; NaN where there are none.

    >>> typical([3.0, -4.0, float("nan")])
    3.5355339059327378
    """
    known = _known(errors)
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")


def within(errors: ArrayLike, times: float) -> float:
    """The share of the finite errors that are at most so many typical ones."""
    known = _known(errors)
    return float(np.mean(np.abs(known) <= times * typical(known))) if known.size else float("nan")


def error_chart(errors: ArrayLike, *, title: str, x_label: str = "", y_label: str = "") -> str:
    """A bar a bin, and dashed lines at 0 and at one and two typical errors on both sides.

    The outermost bars hold all that lies beyond them.
    """
    known, by = _known(errors), typical(errors)
    if not by > 0:
        return no_data(title)
    edges = by * np.linspace(-REACH, REACH, 2 * REACH * PARTS + 1)
    counts = np.histogram(np.clip(known, edges[0], edges[-1]), edges)[0]
    y = spread(np.array([0.0, counts.max()]), PLOT, 0.0)
    x = Scale(float(edges[0]), float(edges[-1]), canvas.left_of(y), RIGHT)
    top = canvas.below_title(title) + LINE + ABOVE
    plot = (canvas.y_axis(x, y), canvas.x_axis(x, y, x_label), _bars(x(edges), y, counts))
    rules = join(_rule(float(x(by * times)), y) for times in (-2, -1, 0, 1, 2))
    return chart(
        title,
        _told(known, counts, x_label),
        text(0, top - ABOVE - 8, y_label),
        canvas.moved(top, *plot, rules),
        height=top + PLOT + BELOW,
    )


def _known(errors: ArrayLike) -> Floats:
    array = np.ravel(np.asarray(errors, dtype=np.float64))
    return array[finite(array)]


def _bars(edges: Floats, y: Scale, counts: Floats) -> Markup:
    lefts, widths = edges[:-1].tolist(), np.diff(edges).tolist()
    boxes = zip(lefts, widths, y(counts).tolist(), strict=True)
    bars = (
        tag("rect", x=left + 0.5, y=at, width=wide - 1, height=y.start - at)
        for left, wide, at in boxes
    )
    return tag("g", join(bars), fill="var(--series-1)")


def _rule(at: float, y: Scale) -> Markup:
    return canvas.line((at, y.start), (at, y.end), "ink", stroke_width=1.5, stroke_dasharray="6 5")


def _told(errors: Floats, counts: Floats, x_label: str) -> str:
    """In words what the chart shows."""
    one, two = (f"{100 * within(errors, times):.0f} %" for times in (1, 2))
    return (
        f"Histogram of {x_label or 'errors'} in {counted(errors.size, 'row')}, at most "
        f"{counts.max():,} in one of {len(counts)} bins. {one} lie within "
        f"{number(typical(errors), 3)} of 0, {two} within twice that; dashed lines mark both."
    )
