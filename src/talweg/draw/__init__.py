"""Renders records as pictures and pages, and computes nothing. `charts/` draws charts as SVG
text, `pages/` builds reports as HTML that opens offline; `markup` escapes elements and `style`
holds the colours and style sheets of both.
"""

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.confusion_matrix import confusion_chart
from talweg.draw.charts.lr_curve import rate_chart
from talweg.draw.charts.plots import line_chart, scatter_chart
from talweg.draw.pages.facts import (
    Classified,
    Data,
    Network,
    Regressed,
    Report,
    Result,
    Settings,
    Training,
)
from talweg.draw.pages.report import write_report

__all__ = [
    "Classified",
    "Data",
    "Network",
    "Regressed",
    "Report",
    "Result",
    "Settings",
    "Training",
    "bar_chart",
    "confusion_chart",
    "line_chart",
    "rate_chart",
    "scatter_chart",
    "write_report",
]
