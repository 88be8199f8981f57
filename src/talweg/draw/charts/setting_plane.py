"""The runs of a sweep in the plane of two settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import RIGHT, no_data
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import finite
from talweg.draw.charts.settings_axis import (
    PLOT,
    axis,
    best_text,
    dots,
    pair_label,
    pair_title,
    positions,
    ring,
    runs_chart,
)
from talweg.insight.sweep_report import SettingPlane


def plane_chart(
    first: Sequence[Any],
    second: Sequence[Any],
    losses: ArrayLike,
    *,
    names: tuple[str, str],
    measure: str,
) -> str:
    """Runs in the plane of two settings, more opaque for a smaller loss; a ring marks the best."""
    loss, title = np.asarray(losses, np.float64), pair_title(measure, names)
    (across, x_words), (up, y_words) = positions(first), positions(second)
    drawable = finite(loss) & finite(across) & finite(up)
    if not drawable.any():
        return no_data(title)
    y = axis(up[drawable], y_words, PLOT, 0.0)
    x = axis(across[drawable], x_words, canvas.left_of(y), RIGHT)
    points = np.stack([x(across[drawable]), y(up[drawable])], axis=1)
    order = np.argsort(-loss[drawable], kind="stable")  # the best is drawn last
    return runs_chart(
        title,
        best_text([first, second], loss, names, measure),
        (x, names[0]),
        (y, names[1]),
        dots(points[order], np.linspace(0.12, 1, len(order))),
        ring(points[order[-1]]),
        runs=len(order),
    )


def _draw(record: SettingPlane) -> str:
    return plane_chart(
        record.first, record.second, record.losses, names=record.names, measure=record.measure
    )


SETTING_PLANE = Figure(
    SettingPlane,
    _draw,
    label=pair_label,
    caption=lambda record: (
        "One dot per run; the stronger its color, the smaller the loss. The ring marks the best."
    ),
)
