"""Line charts and scatter charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, WIDTH, chart, no_data, text, width_of
from talweg.draw.charts.scale import (
    Floats,
    Scale,
    along,
    finite,
    moments,
    number,
    spread,
    thin_line,
    thin_points,
    wants_log,
)
from talweg.draw.markup import Markup, join, tag
from talweg.errors import ShapeError, counted

Line = tuple[Floats, Floats]
Mark = tuple[float, str]

MOST_POINTS = 1500  # of a scatter chart
PLOT = 250.0  # the height of the plot of a line chart
SQUARE = 380.0  # and of a scatter chart
ABOVE = 16.0  # room between a plot and the text above it
BELOW = 66.0  # room for tick labels and axis label below a plot


def line_chart(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    marks: Sequence[Mark] = (),
    log_x: bool = False,
    log_y: bool | None = None,
) -> str:
    """Lines by name, as (x, y); `marks` are labeled vertical lines, such as the best epoch.

    The y axis is logarithmic if `log_y`, by default if all values are positive and span more than
    two decades; the x axis is logarithmic if `log_x`, and shows dates if x is datetime64. Values
    that are not finite are left out; long lines are thinned, and keep their extremes.
    """
    dated = any(_are_dates(x) for x, _ in series.values())
    lines = {name: _pair(*xy, name) for name, xy in series.items()}
    lines = {name: xy for name, xy in lines.items() if xy[0].size}
    if not lines:
        return no_data(title)
    marks = [(float(at), label) for at, label in marks if isfinite(at)]
    x, y = _scales(lines, marks, log_x, log_y, dated)
    y_label = f"{y_label} (log scale)".strip() if y.log else y_label
    names = list(lines) if len(lines) > 1 else []
    key, below_key = canvas.legend(names, canvas.below_title(title))
    flags, room = _flags(x, marks, y_label)
    curves = (_curve(x, y, index, line) for index, line in enumerate(lines.values()))
    plot = (canvas.y_axis(x, y), canvas.x_axis(x, y, x_label), flags, *curves)
    return chart(
        title,
        _lines_description(lines, marks, x_label, y_label, _day if dated else number),
        *(key, canvas.moved(below_key + room, *plot)),
        height=below_key + room + PLOT + BELOW,
    )


def _pair(x: ArrayLike, y: ArrayLike, name: str) -> Line:
    """x and y as flat arrays of the values that can be drawn."""
    days = np.asarray(x).astype("datetime64[s]").astype(float) / 86_400 if _are_dates(x) else x
    xs, ys = (np.asarray(values, dtype=np.float64).ravel() for values in (days, y))
    if xs.size != ys.size:
        raise ShapeError(
            f"A chart got {xs.size} x values and {ys.size} y values for {name!r}. Give the same "
            "number of both."
        )
    kept = finite(xs) & finite(ys)
    return xs[kept], ys[kept]


def _are_dates(x: ArrayLike) -> bool:
    return np.asarray(x).dtype.kind == "M"


def _scales(
    lines: Mapping[str, Line], marks: Sequence[Mark], log_x: bool, log_y: bool | None, dated: bool
) -> tuple[Scale, Scale]:
    """The scales that hold all lines and marks."""
    all_x, all_y = (np.concatenate(values) for values in zip(*lines.values(), strict=True))
    y = spread(all_y, PLOT, 0.0, log=wants_log(all_y) if log_y is None else log_y)
    all_x = np.append(all_x, [at for at, _ in marks])
    return along(all_x, canvas.left_of(y), RIGHT, log=log_x, dated=dated), y


def _lines_description(
    lines: Mapping[str, Line],
    marks: Sequence[Mark],
    x_label: str,
    y_label: str,
    x_text: Callable[[float], str],
) -> str:
    """The text alternative of a line chart."""
    x_name = x_label or "x"
    sentences = [f"Line chart of {y_label or 'values'} by {x_name}."]
    sentences += [_line_description(name, line, x_name, x_text) for name, line in lines.items()]
    sentences += [f"Marked at {x_name} {x_text(x)}: {label}." for x, label in marks]
    return " ".join(sentences)


def _line_description(name: str, line: Line, x_name: str, x_text: Callable[[float], str]) -> str:
    x, y = line
    lowest, highest = int(np.argmin(y)), int(np.argmax(y))
    return (
        f"{name} goes from {number(y[0])} at {x_name} {x_text(x[0])} to {number(y[-1])} at "
        f"{x_name} {x_text(x[-1])}; lowest {number(y[lowest])} at {x_text(x[lowest])}, "
        f"highest {number(y[highest])} at {x_text(x[highest])}."
    )


def _day(days: float) -> str:
    return str(moments(days).astype("datetime64[D]"))


def _curve(x: Scale, y: Scale, index: int, line: Line) -> Markup:
    if line[0].size == 1:
        return _dots(x, y, line)
    xs, ys = thin_line(*line)
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x(xs), y(ys), strict=True))
    return tag("path", d=path, fill="none", stroke_linejoin="round", **canvas.stroke(index))


def _flags(x: Scale, marks: Sequence[Mark], y_label: str) -> tuple[Markup, float]:
    """The y label and the marks in rows above the plot, and the room that they need."""
    spans = [(0.0, width_of(y_label)), *(_span(float(x(at)), label) for at, label in marks)]
    rows = canvas.stack(spans)
    room = LINE * (max(rows) + 1) + ABOVE
    heights = [20 + LINE * row - room for row in rows]
    flags = [
        _flag(float(x(at)), label, span, height)
        for (at, label), span, height in zip(marks, spans[1:], heights[1:], strict=True)
    ]
    return join([text(0, heights[0], y_label), *flags]), room


def _span(at: float, label: str) -> tuple[float, float]:
    """Start and end of a mark's label: right of its line, or left of it near the right edge."""
    width = width_of(label) + 8
    return (at, at + width) if at + width <= WIDTH else (at - width, at)


def _flag(at: float, label: str, span: tuple[float, float], height: float) -> Markup:
    pole = canvas.line((at, height - 14), (at, PLOT), "soft", stroke_width=1.25)
    x, anchor = (at + 8, "start") if span[0] == at else (at - 8, "end")
    return join((pole, text(x, height, label, anchor=anchor, fill="soft", class_="halo")))


def scatter_chart(
    x: ArrayLike,
    y: ArrayLike,
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    diagonal: bool = True,
    level: float | None = None,
) -> str:
    """Points, such as predicted (y) against true values (x).

    `diagonal` draws the line where both are equal, `level` a horizontal line, such as the 0 of
    residuals. Of more than `MOST_POINTS`, that many are drawn, always the same ones, and the chart
    says so.
    """
    points = _pair(x, y, title)
    if not points[0].size:
        return no_data(title)
    shown = thin_points(*points, MOST_POINTS)
    many, few = points[0].size, shown[0].size
    note = f"{few:,} of {many:,} points" if few < many else ""
    top = canvas.below_title(title) + LINE + ABOVE
    return chart(
        title,
        _points_description(points, x_label, y_label, note, diagonal),
        text(0, top - ABOVE - 8, y_label),
        text(RIGHT, top - ABOVE - 8, note, anchor="end", fill="soft"),
        canvas.moved(top, _points(shown, x_label, diagonal, level)),
        height=top + SQUARE + BELOW,
    )


def _points(points: Line, x_label: str, diagonal: bool, level: float | None) -> Markup:
    """The plot of a scatter chart; with a diagonal, both axes cover the same values."""
    x, y = points
    both = np.concatenate([x, y])
    y_values = both if diagonal else np.append(y, [] if level is None else level)
    down = spread(y_values, SQUARE, 0.0)
    across = spread(both if diagonal else x, canvas.left_of(down), RIGHT)
    axes = (canvas.y_axis(across, down), canvas.x_axis(across, down, x_label))
    dashed = [(down.start, down.end)] if diagonal else []
    dashed += [] if level is None else [(float(down(level)),) * 2]
    rules = (_dashed((across.start, first), (across.end, last)) for first, last in dashed)
    return join((*axes, _dots(across, down, points), *rules))


def _dashed(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    return canvas.line(start, end, "ink", stroke_width=1.5, stroke_dasharray="6 5")


def _dots(x: Scale, y: Scale, points: Line) -> Markup:
    centers = zip(x(points[0]), y(points[1]), strict=True)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in centers)
    opacity = "0.35" if points[0].size > 200 else "0.6"
    return tag("g", Markup(dots), fill="var(--series-1)", fill_opacity=opacity)


def _points_description(points: Line, x_label: str, y_label: str, note: str, diagonal: bool) -> str:
    """The text alternative of a scatter chart."""
    x, y = points
    words = (
        f"Scatter chart of {y_label or 'y'} against {x_label or 'x'}, {counted(x.size, 'point')}."
    )
    words += f" It shows {note}." if note else ""
    if not diagonal:
        return words
    half = number(float(np.median(np.abs(y - x))), 3)
    return f"{words} On the dashed diagonal both are equal; half of the points lie within {half}."
