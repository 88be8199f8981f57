"""The runs of a sweep in the plane of two settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import finite
from talweg.draw.charts.settings_axis import (
    BELOW,
    PLOT,
    axis,
    best_text,
    dots,
    positions,
    ring,
    with_log,
)
from talweg.errors import counted
from talweg.insight.sweep_report import SettingPlane


def plane_chart(
    first: Sequence[Any],
    second: Sequence[Any],
    losses: ArrayLike,
    *,
    names: tuple[str, str],
    measure: str,
) -> str:
    """Runs in the plane of two settings, more opaque for a smaller loss; a ring marks the least."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by {names[0]} and {names[1]}"
    (at, words), (height, other_words) = positions(first), positions(second)
    shown = finite(loss) & finite(at) & finite(height)
    if not shown.any():
        return no_data(title)
    y = axis(height[shown], other_words, PLOT, 0.0)
    x = axis(at[shown], words, canvas.left_of(y), RIGHT)
    points = np.stack([x(at[shown]), y(height[shown])], axis=1)
    order = np.argsort(-loss[shown], kind="stable")  # the best is drawn last
    top = canvas.below_title(title) + LINE + 16
    return chart(
        title,
        f"Chart of {counted(len(order), 'run')}. "
        f"{best_text([first, second], loss, names, measure)}",
        text(0, top - 22, with_log(names[1], y)),
        canvas.moved(
            top,
            *(canvas.y_axis(x, y), canvas.x_axis(x, y, with_log(names[0], x))),
            dots(points[order], np.linspace(0.12, 1, len(order))),
            ring(points[order[-1]]),
        ),
        height=top + PLOT + BELOW,
    )


def _draw(record: SettingPlane) -> str:
    return plane_chart(
        record.first, record.second, record.losses, names=record.names, measure=record.measure
    )


SETTING_PLANE = Figure(
    SettingPlane,
    _draw,
    label=lambda record: f"Chart: {record.measure} by {' and '.join(record.names)}",
    caption=lambda record: "One dot per run, stronger for a smaller loss; the ring marks the best.",
)
