"""The confusion matrix of a classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import EM, LINE, WIDTH, chart, no_data, text, width_of
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.matrix import Matrix, column_names, headings, row_names, shade
from talweg.draw.markup import Markup
from talweg.errors import ShapeError
from talweg.insight.predictions import PredictedClasses

Counts = NDArray[np.int64]

MOST_CLASSES = 20  # the others become one class, "other"
NAME_ROOM = 190.0  # the room for a name at the largest font size
FIXED_SIZE = 13.0  # the font size of a chart of fixed size
TRUE = "true"  # the word above the names of the rows


def confusion_chart(labels: Sequence[str], counts: ArrayLike, *, title: str) -> str:
    """A matrix of counts, a row for each true class and a column for each predicted one.

    Shades show the share of the row, in one color on the diagonal and in another off it. Beyond
    `MOST_CLASSES`, the most frequent true classes are shown, and the others merged as "other".
    """
    table = np.asarray(counts, dtype=np.int64)
    if table.shape != (len(labels), len(labels)):
        raise ShapeError(
            f"A confusion chart got counts of shape {table.shape} for {len(labels)} labels. "
            "Give one row (true) and one column (predicted) for each label."
        )
    if not table.sum():
        return no_data(title)
    names, merged = _most_frequent([str(label) for label in labels], table)
    short = [canvas.shorten_to(name, NAME_ROOM) for name in names]
    matrix = _matrix(short, merged, canvas.below_title(title))
    bottom = matrix.top + matrix.row * len(names)
    rare = len(labels) - MOST_CLASSES
    note = f"“other”: the {rare} rarest of {len(labels)} classes, merged." if rare > 0 else ""
    return chart(
        title,
        f"{_description(names, merged, int(np.trace(table)))} {note}".strip(),
        *headings(matrix, TRUE, "predicted"),
        *row_names(matrix, short),
        *column_names(matrix, short),
        *_cells(matrix, merged),
        text(0, bottom + 20, note, fill="soft"),
        height=bottom + (LINE if note else 4),
        width=matrix.left + matrix.cell * len(names),
        fixed=matrix.fixed,
    )


def _most_frequent(labels: list[str], counts: Counts) -> tuple[list[str], Counts]:
    """The labels and counts to show in their given order; the rarest are merged at the end."""
    if len(labels) <= MOST_CLASSES:
        return labels, counts
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    kept = np.sort(order[:MOST_CLASSES])
    index_of = np.full(len(labels), MOST_CLASSES)
    index_of[kept] = np.arange(MOST_CLASSES)
    merged = np.zeros((MOST_CLASSES + 1, MOST_CLASSES + 1), dtype=np.int64)
    np.add.at(merged, (index_of[:, None], index_of[None, :]), counts)
    return [labels[index] for index in kept] + ["other"], merged


def _description(names: Sequence[str], counts: Counts, right: int) -> str:
    """The matrix in words: the correct rows of each class, and the most frequent confusion."""
    rows, hits = counts.sum(axis=1).tolist(), np.diagonal(counts).tolist()
    by_class = ", ".join(
        f"{name} {hit:,} of {row:,}" for name, hit, row in zip(names, hits, rows, strict=True)
    )
    correct = f"Confusion matrix: {right:,} of {sum(rows):,} rows are right. By class: {by_class}."
    wrong = counts - np.diag(hits)
    true, predicted = divmod(int(wrong.argmax()), len(names))
    many = int(wrong[true, predicted])
    worst = (
        f" Most frequent confusion: {names[true]}, predicted as {names[predicted]} {many:,} times."
    )
    return correct + (worst if many else "")


def _matrix(names: Sequence[str], counts: Counts, top: float) -> Matrix:
    """The layout: large where at most six columns can hold the names, otherwise of fixed size."""
    size, widest = len(names), max(map(width_of, (f"{TRUE} ↓", *names)))
    left, columns = widest + 14, max(map(width_of, (*names, f"{counts.max():,}")))
    if size <= 6 and (WIDTH - left) / size >= columns + 6:
        return Matrix(left, top + 2 * LINE + 4, (WIDTH - left) / size, row=46.0)
    widest *= FIXED_SIZE / EM
    left = widest + 12
    cell = max(29.0, (WIDTH - left) / size)
    upright = cell < widest + 4
    head = widest + 6 if upright else 18.0
    return Matrix(left, top + head + 26, cell, 29.0, head, fixed=True, upright=upright)


def _cells(matrix: Matrix, counts: Counts) -> Iterator[Markup]:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, column in np.ndindex(*counts.shape):
        count, share = int(counts[row, column]), float(shares[row, column])
        color = "panel" if not count else "right" if row == column else "wrong"
        yield shade(matrix, row, column, color, 0.25 + 0.75 * share if count else None)
        yield _count(matrix, row, column, count)


def _count(matrix: Matrix, row: int, column: int, count: int) -> Markup:
    words = compact(count) if matrix.fixed else f"{count:,}"
    weight, fill = 600 if row == column else None, "ink" if count else "soft"
    center = matrix.center(row, column)
    return text(*center, words, anchor="middle", fill=fill, dy=".34em", font_weight=weight)


def compact(count: int) -> str:
    """A count in at most four characters.

    >>> [compact(count) for count in (999, 1234, 56789, 999_999)]
    ['999', '1.2k', '57k', '1.0M']
    """
    if count < 1000:
        return str(count)
    size, unit = (10**6, "M") if count >= 999_500 else (10**3, "k")
    return f"{count / size:.{0 if count >= 9.95 * size else 1}f}{unit}"


_CAPTION = (
    "Rows are true classes, columns are predicted classes. Correct predictions lie on the "
    "diagonal; the stronger the color, the larger the share of the row."
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
