"""Pictures, and the report of a run.

`plots` (lines, points), `bars`, `matrix` (confusions) and `unit_plot` (shares) draw charts as SVG
text, each with its text alternative; `report` turns the plain data of `facts` into one HTML file
that opens offline, `result` and `columns` being parts of it.
Below them: `scale` maps numbers to positions and words, `canvas` holds what charts share, `markup`
builds escaped elements, `page` the parts of an HTML page, and `style` the colours and the style
sheet. None of these knows of training: everything comes in as strings, numbers and arrays.
`table_report` and `table_pictures` do, which gather the facts of a trained table, `compare_report`,
which puts several side by side, and `sweep_report`, which lays out what a sweep found, drawn by
`sweep_charts`.
"""

from talweg.draw.bars import bar_chart
from talweg.draw.facts import (
    Classified,
    Data,
    Network,
    Regressed,
    Report,
    Result,
    Settings,
    Training,
)
from talweg.draw.matrix import confusion_chart
from talweg.draw.plots import line_chart, scatter_chart
from talweg.draw.rate_curve import rate_chart
from talweg.draw.report import write_report

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
