"""Curves in the unit square, where both axes run from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.scale import Floats, Scale, finite, number, thin_line
from talweg.draw.markup import Markup, join, tag

PLOT = 330.0  # the height of the plot
ABOVE, BELOW = 16.0, 66.0  # room for the label above; for tick labels and axis label below


def unit_chart(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    diagonal: bool = False,
) -> str:
    """Curves by name, as (x, y) from 0 to 1; `diagonal` draws the line where both are equal."""
    lines = {name: drawable(*xy) for name, xy in curves.items()}
    lines = {name: xy for name, xy in lines.items() if xy[0].size}
    if not lines:
        return no_data(title)
    key, top = canvas.legend(list(lines) if len(lines) > 1 else [], canvas.below_title(title))
    x, y = scales()
    drawn = [curve(x, y, index, line) for index, line in enumerate(lines.values())]
    plot = (axes(x, y, x_label, y_label), dashed_diagonal(x, y) if diagonal else "", *drawn)
    return chart(
        title,
        _description(lines, x_label, y_label),
        *(key, canvas.moved(top + LINE + ABOVE, *plot)),
        height=top + LINE + ABOVE + PLOT + BELOW,
    )


def drawable(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """The points that can be drawn."""
    xs, ys = (np.asarray(values, dtype=np.float64).ravel() for values in (x, y))
    kept = finite(xs) & finite(ys)
    return xs[kept], ys[kept]


def scales() -> tuple[Scale, Scale]:
    y = Scale(0.0, 1.0, PLOT, 0.0)
    return Scale(0.0, 1.0, canvas.left_of(y), RIGHT), y


def axes(x: Scale, y: Scale, x_label: str, y_label: str) -> Markup:
    return join((canvas.y_axis(x, y), canvas.x_axis(x, y, x_label), text(0, -ABOVE - 8, y_label)))


def dashed_diagonal(x: Scale, y: Scale) -> Markup:
    ends = (x.start, y.start), (x.end, y.end)
    return canvas.line(*ends, "ink", stroke_width=1.5, stroke_dasharray="6 5")


def curve(x: Scale, y: Scale, index: int, line: tuple[Floats, Floats]) -> Markup:
    xs, ys = thin_line(*line, 300)
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x(xs), y(ys), strict=True))
    return tag("path", d=path, fill="none", stroke_linejoin="round", **canvas.stroke(index))


def _description(lines: Mapping[str, tuple[Floats, Floats]], x_label: str, y_label: str) -> str:
    """The y of each curve at three x in words."""
    sentences = [f"Curves of {y_label} against {x_label}, both from 0 to 1."]
    for name, (xs, ys) in lines.items():
        order = np.argsort(xs, kind="stable")
        at = np.interp([0.1, 0.5, 0.9], xs[order], ys[order])
        words = ", ".join(
            f"{number(float(high), 2)} at {where}"
            for high, where in zip(at, ("0.1", "0.5", "0.9"), strict=True)
        )
        sentences.append(f"{name}: {words}.")
    return " ".join(sentences)
