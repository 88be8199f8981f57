"""The loss of the runs of a sweep against one setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import RIGHT, no_data
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import finite, spread, wants_log
from talweg.draw.charts.settings_axis import (
    PLOT,
    axis,
    best_text,
    dots,
    positions,
    ring,
    runs_chart,
)
from talweg.insight.sweep_report import SettingEffect


def loss_chart(values: Sequence[Any], losses: ArrayLike, *, name: str, measure: str) -> str:
    """The loss of each run against its value of a setting; a ring marks the smallest loss."""
    loss, title = np.asarray(losses, np.float64), canvas.capitalized(f"{measure} by {name}")
    across, words = positions(values)
    drawable = finite(loss) & finite(across)
    if not drawable.any():
        return no_data(title)
    y = spread(loss[drawable], PLOT, 0.0, log=wants_log(loss[drawable]))
    x = axis(across[drawable], words, canvas.left_of(y), RIGHT)
    points = np.stack([x(across[drawable]), y(loss[drawable])], axis=1)
    return runs_chart(
        title,
        best_text([values], loss, [name], measure),
        (x, name),
        (y, measure),
        dots(points, np.full(len(points), 0.55)),
        ring(points[int(np.argmin(loss[drawable]))]),
        runs=int(finite(loss).sum()),
    )


def _draw(record: SettingEffect) -> str:
    return loss_chart(record.values, record.losses, name=record.name, measure=record.measure)


SETTING_EFFECT = Figure(
    SettingEffect,
    _draw,
    label=lambda record: f"Chart: {record.measure} by {record.name}",
    caption=lambda record: "One dot per run; the ring marks the best run.",
)
