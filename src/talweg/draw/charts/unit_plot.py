"""Charts of shares from 0 to 1 on both axes, as SVG text: trade-offs, and claims beside facts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LINE, RIGHT, chart, no_data, text
from talweg.draw.charts.scale import Floats, Scale, finite, number, thin_line
from talweg.draw.markup import Markup, join, tag
from talweg.errors import counted

PLOT = 330.0  # the height of the plot
ABOVE, BELOW = 16.0, 66.0  # room for the label above, for ticks and label below
ROWS = 46.0  # the height of the strip that shows how many rows a bin holds


def share_chart(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    diagonal: bool = False,
) -> str:
    """Curves by name, each its x and y from 0 to 1; `diagonal` draws what chance would give."""
    lines = {name: _known(*xy) for name, xy in curves.items()}
    lines = {name: xy for name, xy in lines.items() if xy[0].size}
    if not lines:
        return no_data(title)
    key, top = canvas.legend(list(lines) if len(lines) > 1 else [], canvas.below_title(title))
    x, y = _scales()
    drawn = [_curve(x, y, index, line) for index, line in enumerate(lines.values())]
    plot = (_axes(x, y, x_label, y_label), _diagonal(x, y) if diagonal else "", *drawn)
    return chart(
        title,
        _told(lines, x_label, y_label),
        *(key, canvas.moved(top + LINE + ABOVE, *plot)),
        height=top + LINE + ABOVE + PLOT + BELOW,
    )


def reliability_chart(
    claimed: ArrayLike,
    happened: ArrayLike,
    counts: ArrayLike,
    *,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """What was claimed (x) beside what happened (y) in bins, and bars of how many rows each holds.

    On the diagonal claims can be believed; below it they promise too much.
    """
    xs, ys = _known(claimed, happened)
    if not xs.size:
        return no_data(title)
    rows, top = np.asarray(counts, dtype=np.float64), canvas.below_title(title) + LINE + ABOVE
    x, y = _scales()
    points = _curve(x, y, 0, (xs, ys)), _dots(x, y, xs, ys)
    strip = canvas.moved(PLOT + BELOW + LINE, _strip(x, xs, rows))
    plot = (_axes(x, y, x_label, y_label), _diagonal(x, y), *points, strip)
    return chart(
        title,
        _reliability_told(xs, ys, rows, x_label, y_label),
        canvas.moved(top, *plot),
        height=top + PLOT + BELOW + LINE + ROWS + 4,
    )


def _known(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    xs, ys = (np.asarray(each, dtype=np.float64).ravel() for each in (x, y))
    kept = finite(xs) & finite(ys)
    return xs[kept], ys[kept]


def _scales() -> tuple[Scale, Scale]:
    y = Scale(0.0, 1.0, PLOT, 0.0)
    return Scale(0.0, 1.0, canvas.left_of(y), RIGHT), y


def _axes(x: Scale, y: Scale, x_label: str, y_label: str) -> Markup:
    return join((canvas.y_axis(x, y), canvas.x_axis(x, y, x_label), text(0, -ABOVE - 8, y_label)))


def _diagonal(x: Scale, y: Scale) -> Markup:
    ends = (x.start, y.start), (x.end, y.end)
    return canvas.line(*ends, "ink", stroke_width=1.5, stroke_dasharray="6 5")


def _curve(x: Scale, y: Scale, index: int, line: tuple[Floats, Floats]) -> Markup:
    xs, ys = thin_line(*line, 300)
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x(xs), y(ys), strict=True))
    return tag("path", d=path, fill="none", stroke_linejoin="round", **canvas.stroke(index))


def _dots(x: Scale, y: Scale, xs: Floats, ys: Floats) -> Markup:
    places = zip(x(xs).tolist(), y(ys).tolist(), strict=True)
    return join(tag("circle", cx=a, cy=b, r=5, fill="var(--series-1)") for a, b in places)


def _strip(x: Scale, places: Floats, rows: Floats) -> Markup:
    """A bar for each bin, as high as its share of the fullest one, under a word on what it is."""
    heights = ROWS * np.sqrt(rows / rows.max())
    bars = zip(x(places).tolist(), heights.tolist(), strict=True)
    drawn = (
        tag("rect", x=at - 9, y=ROWS - high, width=18.0, height=high, fill="var(--soft)")
        for at, high in bars
    )
    said = f"rows in each bin, up to {number(float(rows.max()))} (square-root scale)"
    return join((text(0, -8, said, fill="soft"), *drawn))


def _told(lines: Mapping[str, tuple[Floats, Floats]], x_label: str, y_label: str) -> str:
    """In words what the curves show: their height at three places."""
    seen = [f"Curves of {y_label} against {x_label}, both from 0 to 1."]
    for name, (xs, ys) in lines.items():
        order = np.argsort(xs, kind="stable")
        at = np.interp([0.1, 0.5, 0.9], xs[order], ys[order])
        words = ", ".join(
            f"{number(float(high), 2)} at {where}"
            for high, where in zip(at, ("0.1", "0.5", "0.9"), strict=True)
        )
        seen.append(f"{name}: {words}.")
    return " ".join(seen)


def _reliability_told(xs: Floats, ys: Floats, rows: Floats, x_label: str, y_label: str) -> str:
    bins = (
        f"{number(float(a), 2)} against {number(float(b), 2)} in {counted(int(n), 'row')}"
        for a, b, n in zip(xs, ys, rows, strict=True)
    )
    return f"{x_label[:1].upper()}{x_label[1:]} beside {y_label}: {', '.join(bins)}."
