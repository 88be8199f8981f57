"""A reliability diagram: observed frequencies against predicted probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import Floats, Scale, number
from talweg.draw.charts.unit_square import (
    ABOVE,
    BELOW,
    PLOT,
    axes,
    curve,
    dashed_diagonal,
    drawable,
    scales,
)
from talweg.draw.markup import Markup, join, tag
from talweg.errors import counted
from talweg.insight.curves import Calibration

ROWS = 46.0  # the height of the strip that shows the number of rows in each bin


def reliability_chart(
    predicted: ArrayLike,
    observed: ArrayLike,
    counts: ArrayLike,
    *,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """Observed frequencies (y) against predicted probabilities (x), and the rows in each bin.

    On the diagonal the model is calibrated; below it, it is overconfident.
    """
    xs, ys = drawable(predicted, observed)
    if not xs.size:
        return no_data(title)
    rows, top = np.asarray(counts, dtype=np.float64), canvas.below_title(title) + LINE + ABOVE
    x, y = scales()
    points = curve(x, y, 0, (xs, ys)), _dots(x, y, xs, ys)
    strip = canvas.moved(PLOT + BELOW + LINE, _strip(x, xs, rows))
    plot = (axes(x, y, x_label, y_label), dashed_diagonal(x, y), *points, strip)
    return chart(
        title,
        _description(xs, ys, rows, x_label, y_label),
        canvas.moved(top, *plot),
        height=top + PLOT + BELOW + LINE + ROWS + 4,
    )


def _dots(x: Scale, y: Scale, xs: Floats, ys: Floats) -> Markup:
    positions = zip(x(xs).tolist(), y(ys).tolist(), strict=True)
    return join(tag("circle", cx=a, cy=b, r=5, fill="var(--series-1)") for a, b in positions)


def _strip(x: Scale, positions: Floats, rows: Floats) -> Markup:
    """A bar for each bin, as high as the square root of its share of the fullest bin."""
    heights = ROWS * np.sqrt(rows / rows.max())
    bars = zip(x(positions).tolist(), heights.tolist(), strict=True)
    drawn = (
        tag("rect", x=at - 9, y=ROWS - high, width=18.0, height=high, fill="var(--soft)")
        for at, high in bars
    )
    label = f"rows in each bin, up to {number(float(rows.max()))} (square-root scale)"
    return join((text(0, -8, label, fill="soft"), *drawn))


def _description(xs: Floats, ys: Floats, rows: Floats, x_label: str, y_label: str) -> str:
    bins = (
        f"{number(float(a), 2)} against {number(float(b), 2)} in {counted(int(n), 'row')}"
        for a, b, n in zip(xs, ys, rows, strict=True)
    )
    return f"{canvas.capitalized(x_label)} beside {y_label}: {', '.join(bins)}."


def _draw(record: Calibration) -> str:
    return reliability_chart(
        record.predicted,
        record.observed,
        record.counts,
        title="Calibration of the probabilities",
        x_label=f"predicted probability of {record.event}",
        y_label="observed frequency",
    )


def _caption(record: Calibration) -> str:
    return (
        "Rows in ten bins of predicted probability. On the dashed line, probability and frequency "
        f"agree; the expected calibration error, {number(record.error, 3)}, is the mean distance "
        "from it."
    )


CALIBRATION = Figure(
    Calibration,
    _draw,
    label=lambda record: "Chart of observed frequencies against predicted probabilities",
    caption=_caption,
)
