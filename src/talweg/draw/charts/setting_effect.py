"""The loss of the runs of a sweep against one setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import finite, spread, wants_log
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
from talweg.insight.sweep_report import SettingEffect


def loss_chart(values: Sequence[Any], losses: ArrayLike, *, name: str, measure: str) -> str:
    """The loss of each run against its value of a setting; a ring marks the least loss."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by {name}"
    at, names = positions(values)
    shown = finite(loss) & finite(at)
    if not shown.any():
        return no_data(title)
    y = spread(loss[shown], PLOT, 0.0, log=wants_log(loss[shown]))
    x = axis(at[shown], names, canvas.left_of(y), RIGHT)
    points = np.stack([x(at[shown]), y(loss[shown])], axis=1)
    best = int(np.argmin(loss[shown]))
    top = canvas.below_title(title) + LINE + 16
    return chart(
        title,
        f"Chart of {counted(int(finite(loss).sum()), 'run')}. "
        f"{best_text([values], loss, [name], measure)}",
        text(0, top - 22, with_log(measure, y)),
        canvas.moved(
            top,
            *(canvas.y_axis(x, y), canvas.x_axis(x, y, with_log(name, x))),
            dots(points, np.full(len(points), 0.55)),
            ring(points[best]),
        ),
        height=top + PLOT + BELOW,
    )


def _draw(record: SettingEffect) -> str:
    return loss_chart(record.values, record.losses, name=record.name, measure=record.measure)


SETTING_EFFECT = Figure(
    SettingEffect,
    _draw,
    label=lambda record: f"Chart: {record.measure} by {record.name}",
    caption=lambda record: "One dot per run; the ring marks the best.",
)
