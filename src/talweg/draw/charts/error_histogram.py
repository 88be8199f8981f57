"""A histogram of the errors of predicted numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import Floats, Scale, number, spread
from talweg.draw.markup import Markup, join, tag
from talweg.errors import counted
from talweg.insight.predictions import ErrorSpread, PredictedNumbers

PLOT = 250.0  # the height of the plot
ABOVE, BELOW = 16.0, 66.0  # room for the label above, for ticks and label below


def error_chart(errors: ErrorSpread, *, title: str, x_label: str = "", y_label: str = "") -> str:
    """A bar per bin, and dashed lines at 0 and at one and two typical errors on both sides.

    The outermost bars include all errors beyond them.
    """
    if not errors.typical > 0:
        return no_data(title)
    y = spread(np.array([0.0, errors.counts.max()]), PLOT, 0.0)
    x = Scale(float(errors.edges[0]), float(errors.edges[-1]), canvas.left_of(y), RIGHT)
    top = canvas.below_title(title) + LINE + ABOVE
    bars = _bars(x(errors.edges), y, errors.counts)
    plot = (canvas.y_axis(x, y), canvas.x_axis(x, y, x_label), bars)
    rules = join(_rule(float(x(errors.typical * times)), y) for times in (-2, -1, 0, 1, 2))
    return chart(
        title,
        _description(errors, x_label),
        text(0, top - ABOVE - 8, y_label),
        canvas.moved(top, *plot, rules),
        height=top + PLOT + BELOW,
    )


def _bars(edges: Floats, y: Scale, counts: NDArray[np.int64]) -> Markup:
    lefts, widths = edges[:-1].tolist(), np.diff(edges).tolist()
    boxes = zip(lefts, widths, y(counts).tolist(), strict=True)
    bars = (
        tag("rect", x=left + 0.5, y=at, width=width - 1, height=y.start - at)
        for left, width, at in boxes
    )
    return tag("g", join(bars), fill="var(--series-1)")


def _rule(at: float, y: Scale) -> Markup:
    return canvas.line((at, y.start), (at, y.end), "ink", stroke_width=1.5, stroke_dasharray="6 5")


def _percents(errors: ErrorSpread) -> tuple[str, str]:
    return f"{errors.within_one:.0%}", f"{errors.within_two:.0%}"


def _description(errors: ErrorSpread, x_label: str) -> str:
    one, two = _percents(errors)
    return (
        f"Histogram of {x_label or 'errors'} in {counted(errors.rows, 'row')}, at most "
        f"{errors.counts.max():,} in one of {len(errors.counts)} bins. {one} lie within "
        f"{number(errors.typical, 3)} of 0, {two} within twice that; dashed lines mark both."
    )


def _draw(record: PredictedNumbers) -> str:
    labels = {"x_label": "true minus predicted", "y_label": "rows"}
    return error_chart(record.errors, title="Distribution of errors", **labels)


def _caption(record: PredictedNumbers) -> str:
    one, two = _percents(record.errors)
    return (
        f"{one} of the rows lie within one typical error of 0 ({number(record.errors.typical, 3)}, "
        f"the root mean squared error), {two} within two; for normally distributed errors, 68% and "
        "95% would. More within one and fewer within two mean mostly small errors and a few "
        "large ones. The outermost bars include all errors beyond them."
    )


ERROR_HISTOGRAM = Figure(
    PredictedNumbers,
    _draw,
    label=lambda record: "Histogram of errors",
    caption=_caption,
    half=True,
)
