"""Predicted against true numbers."""

from __future__ import annotations

from talweg.draw.charts.figure import Figure
from talweg.draw.charts.plots import scatter_chart
from talweg.insight.predictions import PredictedNumbers

_CAPTION = (
    "Each point is one row. On the dashed line, the prediction is right; above it, it is too high, "
    "and below it, too low."
)


def _draw(record: PredictedNumbers) -> str:
    name = record.target or "value"
    return scatter_chart(
        record.true,
        record.predicted,
        title="Predicted against true",
        x_label=f"{name}, true",
        y_label=f"{name}, predicted",
    )


PREDICTED_AGAINST_TRUE = Figure(
    PredictedNumbers,
    _draw,
    label=lambda record: "Chart of predicted against true values",
    caption=lambda record: _CAPTION,
)
