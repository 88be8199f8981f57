"""One score of several models."""

from __future__ import annotations

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.canvas import capitalized
from talweg.draw.charts.figure import Figure
from talweg.insight.comparison import ScoreByModel

SCORE_BY_MODEL = Figure(
    ScoreByModel,
    lambda record: bar_chart(record.models, record.values, title=capitalized(record.name)),
    label=lambda record: f"Chart: {capitalized(record.name)}",
)
