"""Precision against recall of each class that is shown."""

from __future__ import annotations

from talweg.draw.charts.figure import Figure
from talweg.draw.charts.ranking import areas_text, named_curves
from talweg.draw.charts.unit_square import unit_chart
from talweg.insight.predictions import Ranking


def _draw(record: Ranking) -> str:
    return unit_chart(
        named_curves(record.precision_recall, "average"),
        title="Precision-recall curve",
        x_label="recall: share of the class that is detected",
        y_label="precision: share of predictions that are correct",
    )


def _caption(record: Ranking) -> str:
    return (
        f"{areas_text(record.precision_recall)}: the average precision. For a random classifier, "
        "it is the share of the class among all rows. Higher recall usually means lower precision."
    )


PRECISION_RECALL = Figure(
    Ranking,
    _draw,
    label=lambda record: "Chart of precision against recall",
    caption=_caption,
)
