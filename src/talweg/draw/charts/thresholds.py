"""Precision and recall of a class by the threshold on its probability."""

from __future__ import annotations

import numpy as np

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, WIDTH, chart, no_data, text, width_of
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import Scale, number
from talweg.draw.charts.unit_square import ABOVE, BELOW, PLOT, axes, curve, drawable, scales
from talweg.draw.markup import Markup, join
from talweg.insight.curves import Curve
from talweg.insight.predictions import Ranking


def threshold_chart(precision_recall: Curve, threshold: float, *, title: str, x_label: str) -> str:
    """Precision and recall (y) by threshold (x), and a vertical line at the threshold in use."""
    recall = drawable(precision_recall.thresholds, precision_recall.x)
    precision = drawable(precision_recall.thresholds, precision_recall.y)
    if not recall[0].size:
        return no_data(title)
    lines = {"precision": precision, "recall": recall}
    key, top = canvas.legend(list(lines), canvas.below_title(title))
    x, y = scales()
    drawn = (curve(x, y, index, line) for index, line in enumerate(lines.values()))
    plot = (axes(x, y, x_label, ""), _mark(x, y, threshold), *drawn)
    return chart(
        title,
        _description(precision_recall, threshold, x_label),
        *(key, canvas.moved(top + LINE + ABOVE, *plot)),
        height=top + LINE + ABOVE + PLOT + BELOW,
    )


def _mark(x: Scale, y: Scale, threshold: float) -> Markup:
    """The line at the threshold, with its label above the plot."""
    at, label = float(x(threshold)), f"in use: {number(threshold, 3)}"
    is_right = at + 8 + width_of(label) <= WIDTH
    x_text, anchor = (at + 8, "start") if is_right else (at - 8, "end")
    line = canvas.line((at, y.start), (at, y.end - 22), "ink", stroke_width=1.5)
    return join((line, text(x_text, y.end - 8, label, anchor=anchor)))


def _description(precision_recall: Curve, threshold: float, x_label: str) -> str:
    first, *others = range(len(precision_recall.x))
    middle = [first, *others][len(others) // 2]
    points = (
        f"at {number(float(precision_recall.thresholds[i]), 2)} precision "
        f"{number(float(precision_recall.y[i]), 2)} and recall "
        f"{number(float(precision_recall.x[i]), 2)}"
        for i in np.unique([min(1, len(others)), middle, len(others)])[::-1]
    )
    return (
        f"Curves of precision and recall by {x_label}: {', '.join(points)}. "
        f"Marked: the threshold in use, {number(threshold, 3)}."
    )


def _class_name(record: Ranking) -> str:
    return next(iter(record.precision_recall))


def _draw(record: Ranking) -> str:
    name, threshold = _class_name(record), record.threshold or 0.0
    return threshold_chart(
        record.precision_recall[name],
        threshold,
        title="Precision and recall by threshold",
        x_label=f"threshold on the probability of {canvas.short(name)}",
    )


def _caption(record: Ranking) -> str:
    return (
        f"A row is predicted as {_class_name(record)} if its probability reaches the threshold. A "
        "lower threshold finds more rows of the class (recall) at the cost of more false positives "
        "(precision). Left of the curves, every row of the class is found."
    )


THRESHOLDS = Figure(
    Ranking,
    _draw,
    label=lambda record: "Chart of precision and recall by threshold",
    caption=_caption,
    applies=lambda record: record.threshold is not None,
)
