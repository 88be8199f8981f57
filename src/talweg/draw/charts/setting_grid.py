"""The median loss of a sweep for each pair of values of two settings, as a heat map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LETTER, LINE, WIDTH, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.scale import Floats, finite, number
from talweg.draw.charts.settings_axis import LONGEST
from talweg.draw.markup import Markup, join, tag
from talweg.insight.sweep_report import SettingGrid

ROW = 40.0  # the height of a row of cells


def heat_chart(
    rows: Sequence[str], columns: Sequence[str], losses: ArrayLike, *, names: tuple[str, str],
    measure: str,
) -> str:  # fmt: skip
    """The loss for each pair of two settings, (rows, columns): the stronger, the smaller it is."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by {names[0]} and {names[1]}"
    if not finite(loss).any():
        return no_data(title)
    short = [canvas.shorten(row, LONGEST) for row in rows]
    left = LETTER * max(map(len, [*short, names[0] + " ↓"])) + 14
    cell, top = (WIDTH - left) / len(columns), canvas.below_title(title) + 2 * LINE + 4
    return chart(
        title,
        _description(rows, columns, loss, names, measure),
        *_headings(left, top, names),
        *_row_names(left, top, short),
        *_column_names(left, top, cell, columns),
        *_cells(left, top, cell, loss),
        height=top + ROW * len(rows) + 8,
    )


def _headings(left: float, top: float, names: tuple[str, str]) -> list[Markup]:
    rows, columns = names
    return [
        text(left, top - 8 - LINE, columns + " →", fill="soft"),
        text(left - 10, top - 8, rows + " ↓", fill="soft", anchor="end"),
    ]


def _row_names(left: float, top: float, names: Sequence[str]) -> Iterator[Markup]:
    for i, name in enumerate(names):
        yield text(left - 10, top + ROW * (i + 0.5), name, anchor="end", dy=".34em")


def _column_names(left: float, top: float, cell: float, names: Sequence[str]) -> Iterator[Markup]:
    for j, name in enumerate(names):
        at = left + cell * (j + 0.5)
        yield text(at, top - 8, canvas.shorten(name, _room(cell)), anchor="middle")


def _room(cell: float) -> int:
    """How many letters fit into a cell."""
    return max(2, int(cell / LETTER))


def _cells(left: float, top: float, cell: float, losses: Floats) -> Iterator[Markup]:
    ranks = np.argsort(np.argsort(np.where(finite(losses), losses, np.inf), axis=None), axis=None)
    strengths = 1 - ranks.reshape(losses.shape) / max(1, losses.size - 1)
    for i, j in np.ndindex(*losses.shape):
        box = (left + cell * j, top + ROW * i, cell, ROW)
        yield _cell(box, float(losses[i, j]), float(strengths[i, j]), _room(cell))


def _cell(
    box: tuple[float, float, float, float], loss: float, strength: float, room: int
) -> Markup:
    x, y, width, height = box
    shade = tag(
        "rect",
        x=x + 1,
        y=y + 1,
        width=width - 2,
        height=height - 2,
        fill="var(--right)",
        fill_opacity=f"{0.1 + 0.9 * strength:.2f}",
    )
    words = number(loss, 2 if room < 7 else 3)
    words = words if len(words) <= room else ""
    middle = (x + width / 2, y + height / 2)
    return join((shade, text(*middle, words, anchor="middle", dy=".34em")))


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
    label=lambda record: f"Chart: {record.measure} by {' and '.join(record.names)}",
    caption=lambda record: (
        "The median over the runs of a cell. The stronger the shade, the smaller the loss."
    ),
)
