"""The receiver operating characteristic of each class that is shown."""

from __future__ import annotations

from talweg.draw.charts.figure import Figure
from talweg.draw.charts.ranking import areas_text, named_curves
from talweg.draw.charts.unit_square import unit_chart
from talweg.insight.predictions import Ranking


def _draw(record: Ranking) -> str:
    return unit_chart(
        named_curves(record.roc, "area"),
        title="ROC curve",
        x_label="false positive rate",
        y_label="true positive rate (recall)",
        diagonal=True,
    )


def _caption(record: Ranking) -> str:
    return (
        f"{areas_text(record.roc)}: the probability that a row of the class is ranked above a row "
        "of another class. Each point is one threshold; the dashed line is a random classifier, "
        "with area 0.5."
    )


ROC = Figure(
    Ranking,
    _draw,
    label=lambda record: "Chart of receiver operating characteristics",
    caption=_caption,
)
