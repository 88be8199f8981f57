"""The receiver operating characteristic of each class that is shown."""

from __future__ import annotations

from talweg.draw.charts.figure import Figure
from talweg.draw.charts.ranking import areas_text, named_curves
from talweg.draw.charts.unit_square import unit_chart
from talweg.insight.predictions import Ranking


def _draw(record: Ranking) -> str:
    return unit_chart(
        named_curves(record.roc, "area"),
        title="ROC: finding them, and false alarms",
        x_label="share of the others taken for it",
        y_label="share of the class found",
        diagonal=True,
    )


def _caption(record: Ranking) -> str:
    return (
        f"{areas_text(record.roc)} under the curve: the chance that a row of the class gets a "
        "higher probability than one of the others. Each threshold on the probability is one "
        "point; the dashed line is chance, 0.5."
    )


ROC = Figure(
    Ranking,
    _draw,
    label=lambda record: "Chart of receiver operating characteristics",
    caption=_caption,
)
