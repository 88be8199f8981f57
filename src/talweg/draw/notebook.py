"""Results shown as pages in Jupyter: `%load_ext talweg.draw.notebook`."""

from __future__ import annotations

from typing import Any

from talweg.draw.markup import tag
from talweg.draw.pages.report import render
from talweg.errors import DataError
from talweg.insight.describe import describe

HEIGHT = 600  # pixels of a page's frame

_SHOWN = {
    "TableModel": "talweg.data.model.table_model",
    "TrainedTable": "talweg.data.model.trained_table",
    "Run": "talweg.train.run.run",
    "Sweep": "talweg.train.search.sweep",
    "Restarts": "talweg.train.search.restarts",
    "Comparison": "talweg.insight.comparison",
}


def load_ipython_extension(shell: Any) -> None:
    """Show models, runs, sweeps and comparisons as pages; `%load_ext` calls this."""
    formatter = shell.display_formatter.formatters["text/html"]
    for name, module in _SHOWN.items():
        formatter.for_type_by_name(module, name, framed_page)


def framed_page(result: Any) -> str | None:
    """The page of a result in an iframe; None for a model that is not fitted."""
    try:
        page = render(describe(result))
    except DataError:
        return None
    style = f"width:100%;height:{HEIGHT}px;border:0"
    return tag("iframe", srcdoc=page, style=style, title="talweg report")
