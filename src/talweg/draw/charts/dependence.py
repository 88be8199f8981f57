"""The partial dependence of the prediction on a column: lines, or bars for categories."""

from __future__ import annotations

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.canvas import short
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.plots import line_chart
from talweg.insight.dependence import Dependence


def _draw(record: Dependence) -> str:
    title = short(_column(record))
    if not isinstance(record.values, tuple):
        curves = {name: (record.values, means) for name, means in record.lines.items()}
        return line_chart(curves, title=title, log_y=False)
    line = record.widest
    title += f", for {short(line)}" if len(record.lines) > 1 else ""
    return bar_chart(record.values, record.lines[line], title=title)


def _column(record: Dependence) -> str:
    return f"{record.name} ({record.unit})" if record.unit else record.name


DEPENDENCE = Figure(
    Dependence,
    _draw,
    label=lambda record: f"Chart: {record.predicted} by {_column(record)}",
    half=True,
)
