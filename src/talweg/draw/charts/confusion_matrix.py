"""The matrix of a classifier's confusions, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LETTER, LINE, WIDTH, chart, no_data, text
from talweg.draw.charts.figure import Figure
from talweg.draw.markup import Markup, join, tag
from talweg.errors import ShapeError
from talweg.insight.predictions import PredictedClasses

Counts = NDArray[np.int64]

MOST_CLASSES = 20  # the others become one class, "other"
LONGEST = 14  # letters of a name
TRUE = "true ↓"  # the word over the names of the rows
SMALL = 7.2  # the width of a letter where the chart keeps its size


def confusion_chart(labels: Sequence[str], counts: ArrayLike, *, title: str) -> str:
    """A matrix of counts, a row for each true class and a column for each predicted one.

    Shades show the share of the row, one color for what is right and one for what is wrong.
    Beyond `MOST_CLASSES` the most frequent true classes are shown, and the others as "other".
    """
    table = np.asarray(counts, dtype=np.int64)
    if table.shape != (len(labels), len(labels)):
        raise ShapeError(
            f"A confusion chart got counts of shape {table.shape} for {len(labels)} labels. "
            "Give one row (true) and one column (predicted) for each label."
        )
    if not table.sum():
        return no_data(title)
    names, shown = _most_frequent([str(label) for label in labels], table)
    grid = _grid(names, shown, canvas.below_title(title))
    rare = len(labels) - MOST_CLASSES
    note = f"“other”: the {rare} rarest of {len(labels)} classes, not told apart."
    note = note if rare > 0 else ""
    return chart(
        title,
        f"{_told(names, shown, int(np.trace(table)))} {note}".strip(),
        *(_axes(grid), *_names(grid, names), *_cells(grid, shown)),
        text(0, grid.bottom + 20, note, fill="soft"),
        height=grid.bottom + (LINE if note else 4),
        width=grid.left + grid.cell * len(names),
        fixed=grid.fixed,
    )


def _most_frequent(labels: list[str], counts: Counts) -> tuple[list[str], Counts]:
    """The labels and counts to show, in their own order, with the rarest added up at the end."""
    if len(labels) <= MOST_CLASSES:
        return labels, counts
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    kept = np.sort(order[:MOST_CLASSES])
    place = np.full(len(labels), MOST_CLASSES)
    place[kept] = np.arange(MOST_CLASSES)
    merged = np.zeros((MOST_CLASSES + 1, MOST_CLASSES + 1), dtype=np.int64)
    np.add.at(merged, (place[:, None], place[None, :]), counts)
    return [labels[index] for index in kept] + ["other"], merged


def _told(names: Sequence[str], counts: Counts, right: int) -> str:
    """In words what the matrix shows: what is right, by class, and the worst confusion."""
    rows, hits = counts.sum(axis=1).tolist(), np.diagonal(counts).tolist()
    by_class = ", ".join(
        f"{name} {hit:,} of {row:,}" for name, hit, row in zip(names, hits, rows, strict=True)
    )
    seen = f"Confusion matrix: {right:,} of {sum(rows):,} rows are right. By class: {by_class}."
    wrong = counts - np.diag(hits)
    true, predicted = divmod(int(wrong.argmax()), len(names))
    many = int(wrong[true, predicted])
    worst = (
        f" Most frequent confusion: {names[true]}, predicted as {names[predicted]} {many:,} times."
    )
    return seen + (worst if many else "")


@dataclass(frozen=True)
class _Grid:
    """Where the cells lie. A `fixed` grid has many, and keeps its size on a small screen."""

    left: float
    top: float
    cell: float
    row: float
    bottom: float
    head: float  # the room for the names above the columns
    fixed: bool = False
    upright: bool = False  # the names above the columns are turned

    def middle(self, row: int, column: int) -> tuple[float, float]:
        """The middle of a cell."""
        return self.left + self.cell * (column + 0.5), self.top + self.row * (row + 0.5)


def _grid(names: Sequence[str], counts: Counts, top: float) -> _Grid:
    """The grid for these names: one with large letters where up to six columns can hold them."""
    size, longest = len(names), min(LONGEST, max(map(len, (TRUE, *names))))
    left = LETTER * longest + 14
    cell, row = (WIDTH - left) / size, 46.0
    if size <= 6 and cell >= LETTER * max(longest, len(f"{counts.max():,}")) + 6:
        top += 2 * LINE + 4
        return _Grid(left, top, cell, row, top + row * size, head=30.0)
    left = SMALL * longest + 12
    cell, row = max(29.0, (WIDTH - left) / size), 29.0
    upright = cell < SMALL * longest + 4
    head = SMALL * longest + 6 if upright else 18.0
    top += head + 26
    return _Grid(left, top, cell, row, top + row * size, head, fixed=True, upright=upright)


def _axes(grid: _Grid) -> Markup:
    """Which names are the true classes and which the predicted."""
    over = text(grid.left, grid.top - 8 - grid.head, "predicted →", fill="soft")
    return join((over, text(grid.left - 10, grid.top - 8, TRUE, fill="soft", anchor="end")))


def _names(grid: _Grid, names: Sequence[str]) -> list[Markup]:
    """The names at the rows and above the columns."""
    short = [canvas.shorten(name, LONGEST) for name in names]
    rows = [_row_name(grid, index, name) for index, name in enumerate(short)]
    return rows + [_column_name(grid, index, name) for index, name in enumerate(short)]


def _row_name(grid: _Grid, index: int, name: str) -> Markup:
    return text(grid.left - 10, grid.middle(index, 0)[1], name, anchor="end", dy=".34em")


def _column_name(grid: _Grid, index: int, name: str) -> Markup:
    x, y = grid.middle(0, index)[0], grid.top - 8
    if not grid.upright:
        return text(x, y, name, anchor="middle")
    return text(x, y, name, dy=".34em", transform=f"rotate(-90 {x:.1f} {y:.1f})")


def _cells(grid: _Grid, counts: Counts) -> list[Markup]:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = []
    for row, column in np.ndindex(*counts.shape):
        count = int(counts[row, column])
        cells.append(_shade(grid, row, column, float(shares[row, column]) if count else None))
        cells.append(_count(grid, row, column, count))
    return cells


def _shade(grid: _Grid, row: int, column: int, share: float | None) -> Markup:
    x, y = grid.middle(row, column)
    color = "panel" if share is None else "right" if row == column else "wrong"
    return tag(
        "rect",
        x=x - grid.cell / 2 + 1,
        y=y - grid.row / 2 + 1,
        width=grid.cell - 2,
        height=grid.row - 2,
        fill=f"var(--{color})",
        fill_opacity=None if share is None else f"{0.25 + 0.75 * share:.2f}",
    )


def _count(grid: _Grid, row: int, column: int, count: int) -> Markup:
    words = compact(count) if grid.fixed else f"{count:,}"
    weight, fill = 600 if row == column else None, "ink" if count else "soft"
    place = grid.middle(row, column)
    return text(*place, words, anchor="middle", fill=fill, dy=".34em", font_weight=weight)


def compact(count: int) -> str:
    """A count in at most four letters.

    >>> [compact(count) for count in (999, 1234, 56789, 999_999)]
    ['999', '1.2k', '57k', '1.0M']
    """
    if count < 1000:
        return str(count)
    size, unit = (10**6, "M") if count >= 999_500 else (10**3, "k")
    return f"{count / size:.{0 if count >= 9.95 * size else 1}f}{unit}"


_CAPTION = (
    "Rows are true classes, columns are predicted classes. Correct predictions lie on the "
    "diagonal; the stronger the shade, the larger the share of its row."
)


def _draw(record: PredictedClasses) -> str:
    title = f"Predicted and true {record.target or 'class'}"
    return confusion_chart(record.labels, record.counts, title=title)


CONFUSION_MATRIX = Figure(
    PredictedClasses,
    _draw,
    label=lambda record: "Matrix of predicted and true classes",
    caption=lambda record: _CAPTION,
)
