"""Charts on two axes, as SVG text: lines and points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LETTER, LINE, RIGHT, WIDTH, chart, no_data, text
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
ABOVE = 16.0  # room between a plot and the words above it
BELOW = 66.0  # room for ticks and label under a plot


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
    """Lines by name, each its x and y; `marks` are vertical lines with a word, as a best epoch.

    The y axis is logarithmic where `log_y` says so or, if it says nothing, all values are positive
    and span more than two decades; the x axis where `log_x` asks for it. It has dates where x is of
    NumPy's moments.
    Values that are not finite are left out; long lines are thinned, and keep their extremes.
    """
    dated = any(_are_moments(x) for x, _ in series.values())
    lines = {name: _pair(*xy, name) for name, xy in series.items()}
    lines = {name: xy for name, xy in lines.items() if xy[0].size}
    if not lines:
        return no_data(title)
    marks = [(float(at), words) for at, words in marks if isfinite(at)]
    x, y = _scales(lines, marks, log_x, log_y, dated)
    y_label = f"{y_label} (log scale)".strip() if y.log else y_label
    names = list(lines) if len(lines) > 1 else []
    key, below_key = canvas.legend(names, canvas.below_title(title))
    flags, room = _flags(x, marks, y_label)
    curves = (_curve(x, y, index, line) for index, line in enumerate(lines.values()))
    plot = (canvas.y_axis(x, y), canvas.x_axis(x, y, x_label), flags, *curves)
    return chart(
        title,
        _lines_told(lines, marks, x_label, y_label, _day if dated else number),
        *(key, canvas.moved(below_key + room, *plot)),
        height=below_key + room + PLOT + BELOW,
    )


def _pair(x: ArrayLike, y: ArrayLike, name: str) -> Line:
    """x and y as flat arrays of the values that can be drawn."""
    days = np.asarray(x).astype("datetime64[s]").astype(float) / 86_400 if _are_moments(x) else x
    xs, ys = (np.asarray(values, dtype=np.float64).ravel() for values in (days, y))
    if xs.size != ys.size:
        raise ShapeError(
            f"A chart got {xs.size} x values and {ys.size} y values for {name!r}. Give the same "
            "number of both."
        )
    kept = finite(xs) & finite(ys)
    return xs[kept], ys[kept]


def _are_moments(x: ArrayLike) -> bool:
    return np.asarray(x).dtype.kind == "M"


def _scales(
    lines: Mapping[str, Line], marks: Sequence[Mark], log_x: bool, log_y: bool | None, dated: bool
) -> tuple[Scale, Scale]:
    """The scales that hold all lines and marks."""
    all_x, all_y = (np.concatenate(values) for values in zip(*lines.values(), strict=True))
    y = spread(all_y, PLOT, 0.0, log=wants_log(all_y) if log_y is None else log_y)
    all_x = np.append(all_x, [at for at, _ in marks])
    return along(all_x, canvas.left_of(y), RIGHT, log=log_x, dated=dated), y


def _lines_told(
    lines: Mapping[str, Line],
    marks: Sequence[Mark],
    x_label: str,
    y_label: str,
    said: Callable[[float], str],
) -> str:
    """The text alternative of a line chart."""
    at = x_label or "x"
    seen = [f"Line chart of {y_label or 'values'} by {at}."]
    seen += [_line_told(name, line, at, said) for name, line in lines.items()]
    return " ".join(seen + [f"Marked at {at} {said(where)}: {words}." for where, words in marks])


def _line_told(name: str, line: Line, at: str, said: Callable[[float], str]) -> str:
    x, y = line
    lowest, highest = int(np.argmin(y)), int(np.argmax(y))
    return (
        f"{name} goes from {number(y[0])} at {at} {said(x[0])} to {number(y[-1])} at {at} "
        f"{said(x[-1])}; lowest {number(y[lowest])} at {said(x[lowest])}, "
        f"highest {number(y[highest])} at {said(x[highest])}."
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
    """The y label and the marks in rows above the plot, and the room that they take."""
    spans = [(0.0, LETTER * len(y_label)), *(_span(float(x(at)), words) for at, words in marks)]
    rows = canvas.stack(spans)
    room = LINE * (max(rows) + 1) + ABOVE
    heights = [20 + LINE * row - room for row in rows]
    flags = [
        _flag(float(x(at)), words, span, height)
        for (at, words), span, height in zip(marks, spans[1:], heights[1:], strict=True)
    ]
    return join([text(0, heights[0], y_label), *flags]), room


def _span(at: float, words: str) -> tuple[float, float]:
    """From where to where a mark's words reach: right of its line, or left where room is short."""
    width = LETTER * len(words) + 8
    return (at, at + width) if at + width <= WIDTH else (at - width, at)


def _flag(at: float, words: str, span: tuple[float, float], height: float) -> Markup:
    pole = canvas.line((at, height - 14), (at, PLOT), "soft", stroke_width=1.25)
    place, anchor = (at + 8, "start") if span[0] == at else (at - 8, "end")
    return join((pole, text(place, height, words, anchor=anchor, fill="soft", class_="halo")))


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
    """Points, as predicted (y) against true (x); `diagonal` draws where both are equal.

    `level` draws a y of its own, as the 0 of residuals.

    At most `MOST_POINTS` are drawn, the same ones each time, and the chart says so.
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
        _points_told(points, x_label, y_label, note, diagonal),
        text(0, top - ABOVE - 8, y_label),
        text(RIGHT, top - ABOVE - 8, note, anchor="end", fill="soft"),
        canvas.moved(top, _points(shown, x_label, diagonal, level)),
        height=top + SQUARE + BELOW,
    )


def _points(points: Line, x_label: str, diagonal: bool, level: float | None) -> Markup:
    """The plot of a scatter chart; with a diagonal both axes run over the same values."""
    x, y = points
    both = np.concatenate([x, y])
    held = both if diagonal else np.append(y, [] if level is None else level)
    down = spread(held, SQUARE, 0.0)
    across = spread(both if diagonal else x, canvas.left_of(down), RIGHT)
    axes = (canvas.y_axis(across, down), canvas.x_axis(across, down, x_label))
    dashed = [(down.start, down.end)] if diagonal else []
    dashed += [] if level is None else [(float(down(level)),) * 2]
    rules = (_dashed((across.start, first), (across.end, last)) for first, last in dashed)
    return join((*axes, _dots(across, down, points), *rules))


def _dashed(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    return canvas.line(start, end, "ink", stroke_width=1.5, stroke_dasharray="6 5")


def _dots(x: Scale, y: Scale, points: Line) -> Markup:
    places = zip(x(points[0]), y(points[1]), strict=True)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in places)
    opacity = "0.35" if points[0].size > 200 else "0.6"
    return tag("g", Markup(dots), fill="var(--series-1)", fill_opacity=opacity)


def _points_told(points: Line, x_label: str, y_label: str, note: str, diagonal: bool) -> str:
    """The text alternative of a scatter chart."""
    x, y = points
    seen = (
        f"Scatter chart of {y_label or 'y'} against {x_label or 'x'}, {counted(x.size, 'point')}."
    )
    seen += f" It shows {note}." if note else ""
    if not diagonal:
        return seen
    half = number(float(np.median(np.abs(y - x))), 3)
    return f"{seen} On the dashed diagonal both are equal; half of the points lie within {half}."
