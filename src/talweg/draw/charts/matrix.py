"""A matrix of cells: its layout, the names of its rows and columns, and the shade of a cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from talweg.draw.charts.canvas import text
from talweg.draw.markup import Markup, tag


@dataclass(frozen=True)
class Matrix:
    """Where the cells lie, in units of the chart."""

    left: float
    top: float
    cell: float  # the width of a cell
    row: float  # the height of a row
    head: float = 30.0  # the height of the column names
    fixed: bool = False  # keeps its size on a small screen, with a smaller font
    upright: bool = False  # the column names are rotated

    def center(self, row: int, column: int) -> tuple[float, float]:
        """The center of a cell."""
        return self.left + self.cell * (column + 0.5), self.top + self.row * (row + 0.5)


def headings(matrix: Matrix, rows: str, columns: str) -> Iterator[Markup]:
    """What the rows and the columns are."""
    yield text(matrix.left, matrix.top - 8 - matrix.head, f"{columns} →", fill="soft")
    yield text(matrix.left - 10, matrix.top - 8, f"{rows} ↓", fill="soft", anchor="end")


def row_names(matrix: Matrix, names: Sequence[str]) -> Iterator[Markup]:
    """The name of each row, left of it."""
    for index, name in enumerate(names):
        yield text(matrix.left - 10, matrix.center(index, 0)[1], name, anchor="end", dy=".34em")


def column_names(matrix: Matrix, names: Sequence[str]) -> Iterator[Markup]:
    """The name of each column, above it."""
    for index, name in enumerate(names):
        x, y = matrix.center(0, index)[0], matrix.top - 8
        if matrix.upright:
            yield text(x, y, name, dy=".34em", transform=f"rotate(-90 {x:.1f} {y:.1f})")
        else:
            yield text(x, y, name, anchor="middle")


def shade(matrix: Matrix, row: int, column: int, color: str, opacity: float | None) -> Markup:
    """The rectangle of a cell."""
    x, y = matrix.center(row, column)
    return tag(
        "rect",
        x=x - matrix.cell / 2 + 1,
        y=y - matrix.row / 2 + 1,
        width=matrix.cell - 2,
        height=matrix.row - 2,
        fill=f"var(--{color})",
        fill_opacity=None if opacity is None else f"{opacity:.2f}",
    )
