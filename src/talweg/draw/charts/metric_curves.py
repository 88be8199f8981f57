"""A metric by epoch, on training and validation rows."""

from __future__ import annotations

from talweg.draw.charts.canvas import capitalized
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.plots import Mark, line_chart
from talweg.draw.charts.scale import number
from talweg.insight.run_report import MetricCurves


def _title(record: MetricCurves) -> str:
    return capitalized(f"{record.metric} by epoch")


def _draw(record: MetricCurves) -> str:
    return line_chart(
        {label: (range(1, len(y) + 1), y) for label, y in record.curves.items()},
        title=_title(record),
        x_label="epoch",
        y_label=record.metric,
        marks=_marks(record),
    )


def _marks(record: MetricCurves) -> list[Mark]:
    best, last = record.best_epoch, record.epochs
    marks = [] if best is None else [(float(best), f"best: {best:,}")]
    return marks if best == last else [*marks, (float(last), f"stopped: {last:,}")]


def _caption(record: MetricCurves) -> str:
    first = f"This is the first of {record.networks} networks. " if record.networks > 1 else ""
    ends = [f"{label} {number(y[-1])}" for label, y in record.curves.items() if len(y)]
    last = f"At the last epoch: {', '.join(ends)}." if ends else "Training ran no epoch."
    if record.best_epoch is None:
        return first + last
    return f"{first}{last} The network keeps the weights of epoch {record.best_epoch:,}."


METRIC_CURVES = Figure(
    MetricCurves,
    _draw,
    label=lambda record: f"Chart: {_title(record)}",
    caption=_caption,
)
