"""Residuals against predicted numbers."""

from __future__ import annotations

from talweg.draw.charts.figure import Figure
from talweg.draw.charts.plots import scatter_chart
from talweg.insight.predictions import PredictedNumbers

_CAPTION = (
    "An even band around the dashed line shows that no pattern is left to learn. A curve means "
    "that the model misses something systematic; a funnel means that errors grow with the "
    "prediction."
)


def _draw(record: PredictedNumbers) -> str:
    return scatter_chart(
        record.predicted,
        record.residuals,
        title="Residuals against predicted",
        x_label=f"{record.target or 'value'}, predicted",
        y_label="true minus predicted",
        diagonal=False,
        level=0.0,
    )


RESIDUALS = Figure(
    PredictedNumbers,
    _draw,
    label=lambda record: "Chart of residuals against predicted values",
    caption=lambda record: _CAPTION,
    half=True,
)
