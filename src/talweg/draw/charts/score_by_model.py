"""One score of several models."""

from __future__ import annotations

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.figure import Figure
from talweg.insight.comparison import ScoreByModel


def _title(record: ScoreByModel) -> str:
    return f"{record.name[0].upper()}{record.name[1:]}"


SCORE_BY_MODEL = Figure(
    ScoreByModel,
    lambda record: bar_chart(record.models, record.values, title=_title(record)),
    label=lambda record: f"Chart: {_title(record)}",
)
