"""The median loss of a sweep for each pair of values of two settings, as a heat map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, WIDTH, chart, no_data, shorten_to, text, width_of
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.matrix import Matrix, column_names, headings, row_names, shade
from talweg.draw.charts.scale import Floats, finite, number
from talweg.draw.charts.settings_axis import MAX_NAME, pair_label, pair_title
from talweg.draw.markup import Markup
from talweg.insight.sweep_report import SettingGrid

ROW = 40.0  # the height of a row of cells


def heat_chart(
    rows: Sequence[str],
    columns: Sequence[str],
    losses: ArrayLike,
    *,
    names: tuple[str, str],
    measure: str,
) -> str:
    """The loss (rows, columns) for each pair of two settings; small losses have strong colors."""
    loss, title = np.asarray(losses, np.float64), pair_title(measure, names)
    if not finite(loss).any():
        return no_data(title)
    short_rows = [canvas.shorten(row, MAX_NAME) for row in rows]
    left = max(map(width_of, [*short_rows, f"{names[0]} ↓"])) + 14
    cell, top = (WIDTH - left) / len(columns), canvas.below_title(title) + 2 * LINE + 4
    matrix = Matrix(left, top, cell, ROW)
    return chart(
        title,
        _description(rows, columns, loss, names, measure),
        *headings(matrix, *names),
        *row_names(matrix, short_rows),
        *column_names(matrix, [shorten_to(name, cell) for name in columns]),
        *_cells(matrix, loss),
        height=top + ROW * len(rows) + 8,
    )


def _cells(matrix: Matrix, losses: Floats) -> Iterator[Markup]:
    ranks = np.argsort(np.argsort(np.where(finite(losses), losses, np.inf), axis=None), axis=None)
    strengths = 1 - ranks.reshape(losses.shape) / max(1, losses.size - 1)
    for row, column in np.ndindex(*losses.shape):
        yield shade(matrix, row, column, "right", 0.1 + 0.9 * float(strengths[row, column]))
        words = _loss_text(float(losses[row, column]), matrix.cell)
        yield text(*matrix.center(row, column), words, anchor="middle", dy=".34em")


def _loss_text(loss: float, room: float) -> str:
    """The loss to three or two digits, or nothing if the cell is too small for that."""
    texts = (number(loss, digits) for digits in (3, 2))
    return next((words for words in texts if width_of(words) <= room), "")


def _description(
    rows: Sequence[str],
    columns: Sequence[str],
    losses: Floats,
    names: tuple[str, str],
    measure: str,
) -> str:
    i, j = divmod(int(np.nanargmin(np.where(finite(losses), losses, np.nan))), len(columns))
    return (
        f"Table of the {measure} by {names[0]} (rows) and {names[1]} (columns). The lowest, "
        f"{number(float(losses[i, j]))}, is at {names[0]} {rows[i]} and {names[1]} {columns[j]}."
    )


def _draw(record: SettingGrid) -> str:
    return heat_chart(
        record.rows, record.columns, record.losses, names=record.names, measure=record.measure
    )


SETTING_GRID = Figure(
    SettingGrid,
    _draw,
    label=pair_label,
    caption=lambda record: (
        "Each cell is the median over its runs; the stronger the color, the smaller the loss."
    ),
)
