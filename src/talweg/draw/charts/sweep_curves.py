"""The learning curves of the runs of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import Floats, Scale, finite, number, spread, thin_line, wants_log
from talweg.draw.charts.settings_axis import BELOW, PLOT, with_log
from talweg.draw.markup import Markup, tag
from talweg.errors import counted
from talweg.insight.sweep_report import SweepCurves

MOST_CURVES = 40  # evenly over the ranks, from the best to the worst
MOST_POINTS = 150  # of a curve


def curves_chart(curves: Sequence[ArrayLike], losses: ArrayLike, *, measure: str) -> str:
    """The learning curves of all runs, or of some over all ranks; the best stands out."""
    loss, title = np.asarray(losses, np.float64), canvas.capitalized(f"{measure} by epoch")
    order = [int(run) for run in np.argsort(loss, kind="stable") if finite(loss)[run]]
    if not order:
        return no_data(title)
    kept = [order[i] for i in np.unique(np.linspace(0, len(order) - 1, MOST_CURVES).astype(int))]
    lines = {run: np.asarray(curves[run], np.float64) for run in kept}
    values = np.concatenate([line[finite(line)] for line in lines.values()])
    y = spread(values, PLOT, 0.0, log=wants_log(values))
    longest = max(map(len, lines.values()))
    x = Scale(1, max(2, longest), canvas.left_of(y), RIGHT, whole=True)
    paths = [_curve(x, y, lines[run], run == order[0]) for run in reversed(kept)]
    top = canvas.below_title(title) + LINE + 16
    note = f"{len(kept)} of {len(curves)} runs" if len(kept) < len(curves) else ""
    best = lines[order[0]]
    return chart(
        title,
        f"Curves of {counted(len(kept), 'run')}. The best goes from {number(best[0])} at "
        f"epoch 1 to {number(best[-1])} at epoch {len(best)}.",
        text(0, top - 22, with_log(measure, y)),
        text(RIGHT, top - 22, note, anchor="end", fill="soft"),
        canvas.moved(top, canvas.y_axis(x, y), canvas.x_axis(x, y, "epoch"), *paths),
        height=top + PLOT + BELOW,
    )


def _curve(x: Scale, y: Scale, values: Floats, is_best: bool) -> Markup:
    drawable = finite(values)
    epochs = np.arange(1, len(values) + 1, dtype=np.float64)[drawable]
    xs, ys = thin_line(epochs, values[drawable], MOST_POINTS)
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x(xs), y(ys), strict=True))
    style: Mapping[str, Any] = {"stroke": "var(--soft)", "stroke_opacity": 0.45}
    if is_best:
        style = canvas.stroke(0)
    return tag("path", d=path, fill="none", stroke_linejoin="round", **style)


def _draw(record: SweepCurves) -> str:
    return curves_chart(record.curves, record.losses, measure=record.measure)


SWEEP_CURVES = Figure(
    SweepCurves,
    _draw,
    label=lambda record: "Learning curves",
    caption=lambda record: "One line per run, the best in color.",
)
