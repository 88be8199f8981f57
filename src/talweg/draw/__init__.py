"""Charts and pages: everything here renders records of `insight` and computes nothing. `charts/`
draws SVG, `pages/` builds reports as HTML that opens offline; `markup` builds and escapes elements,
and `style` has the colors and style sheets of both.
"""

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.confusion_matrix import confusion_chart
from talweg.draw.charts.lr_find import rate_chart
from talweg.draw.charts.plots import line_chart, scatter_chart
from talweg.draw.pages.report import render, report, write_page

__all__ = [
    "bar_chart",
    "confusion_chart",
    "line_chart",
    "rate_chart",
    "render",
    "report",
    "scatter_chart",
    "write_page",
]
