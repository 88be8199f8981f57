"""What a sweep found, as SVG text: the loss against a setting or two, and all learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts import canvas
from talweg.draw.charts.canvas import LETTER, LINE, RIGHT, WIDTH, chart, no_data, text
from talweg.draw.charts.scale import Floats, Scale, finite, number, spread, thin_line, wants_log
from talweg.draw.markup import Markup, join, tag
from talweg.errors import counted

PLOT = 250.0  # the height of a plot
LOG_RATIO = 30.0  # settings that are all positive and further apart are drawn on a log scale
LONGEST = 12  # letters of a value that is no number
MOST_CURVES = 40  # evenly over the ranks, the best among them
MOST_STEPS = 150  # points of a curve
BELOW = 66.0


@dataclass(frozen=True)
class Named(Scale):
    """A scale of words in a row, which have the places 0, 1, 2, ..."""

    names: tuple[str, ...] = ()

    def ticks(self) -> list[tuple[float, str]]:
        places = self(np.arange(len(self.names))).tolist()
        return list(zip(places, self.names, strict=True))


def loss_chart(values: Sequence[Any], losses: ArrayLike, *, name: str, measure: str) -> str:
    """The loss of each run against what a setting was; a ring marks the least."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by {name}"
    at, names = places(values)
    shown = finite(loss) & finite(at)
    if not shown.any():
        return no_data(title)
    y = spread(loss[shown], PLOT, 0.0, log=wants_log(loss[shown]))
    x = _scale(at[shown], names, canvas.left_of(y), RIGHT)
    points = np.stack([x(at[shown]), y(loss[shown])], axis=1)
    best = int(np.argmin(loss[shown]))
    top = canvas.below_title(title) + LINE + 16
    label = _with_log(measure, y)
    return chart(
        title,
        _told(values, loss, name, measure),
        text(0, top - 22, label),
        canvas.moved(
            top,
            *(canvas.y_axis(x, y), canvas.x_axis(x, y, _with_log(name, x))),
            _dots(points, np.full(len(points), 0.55)),
            _ring(points[best]),
        ),
        height=top + PLOT + BELOW,
    )


def plane_chart(
    first: Sequence[Any],
    second: Sequence[Any],
    losses: ArrayLike,
    *,
    names: tuple[str, str],
    measure: str,
) -> str:
    """Runs in the plane of two settings, the stronger the smaller their loss; a ring: the least."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by {names[0]} and {names[1]}"
    (at, words), (height, other_words) = places(first), places(second)
    shown = finite(loss) & finite(at) & finite(height)
    if not shown.any():
        return no_data(title)
    y = _scale(height[shown], other_words, PLOT, 0.0)
    x = _scale(at[shown], words, canvas.left_of(y), RIGHT)
    points = np.stack([x(at[shown]), y(height[shown])], axis=1)
    order = np.argsort(-loss[shown], kind="stable")  # the best is drawn last
    top = canvas.below_title(title) + LINE + 16
    return chart(
        title,
        f"Chart of {counted(len(order), 'run')}. "
        f"{_best_told([first, second], loss, names, measure)}",
        text(0, top - 22, _with_log(names[1], y)),
        canvas.moved(
            top,
            *(canvas.y_axis(x, y), canvas.x_axis(x, y, _with_log(names[0], x))),
            _dots(points[order], np.linspace(0.12, 1, len(order))),
            _ring(points[order[-1]]),
        ),
        height=top + PLOT + BELOW,
    )


def heat_chart(
    rows: Sequence[str], columns: Sequence[str], losses: ArrayLike, *, names: tuple[str, str],
    measure: str,
) -> str:  # fmt: skip
    """The loss for each pair of two settings, (rows, columns): the stronger, the smaller it is."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by {names[0]} and {names[1]}"
    if not finite(loss).any():
        return no_data(title)
    short = [canvas.shorten(each, LONGEST) for each in rows]
    left = LETTER * max(map(len, [*short, names[0] + " ↓"])) + 14
    cell, row, top = (WIDTH - left) / len(columns), 40.0, canvas.below_title(title) + 2 * LINE + 4
    ranks = np.argsort(np.argsort(np.where(finite(loss), loss, np.inf), axis=None), axis=None)
    share = 1 - ranks.reshape(loss.shape) / max(1, loss.size - 1)
    parts = [text(left, top - 8 - LINE, names[1] + " →", fill="soft")]
    parts += [text(left - 10, top - 8, names[0] + " ↓", fill="soft", anchor="end")]
    for place, each in enumerate(short):
        parts.append(text(left - 10, top + row * (place + 0.5), each, anchor="end", dy=".34em"))
    room = max(2, int(cell / LETTER))
    for place, each in enumerate(columns):
        at = left + cell * (place + 0.5)
        parts.append(text(at, top - 8, canvas.shorten(each, room), anchor="middle"))
    for i, j in np.ndindex(*loss.shape):
        box = (left + cell * j, top + row * i, cell, row)
        parts.append(_cell(box, float(loss[i, j]), float(share[i, j]), room))
    told = f"Table of the {measure} by {names[0]} (rows) and {names[1]} (columns)."
    i, j = divmod(int(np.nanargmin(np.where(finite(loss), loss, np.nan))), len(columns))
    told += f" The least, {number(float(loss[i, j]))}, is at {names[0]} {rows[i]} and "
    told += f"{names[1]} {columns[j]}."
    return chart(title, told, *parts, height=top + row * len(rows) + 8)


def curves_chart(curves: Sequence[ArrayLike], losses: ArrayLike, *, measure: str) -> str:
    """The learning curves of all runs, or of some of every rank, by epoch; the best stands out."""
    loss, title = np.asarray(losses, np.float64), f"{measure} by epoch"
    order = [int(each) for each in np.argsort(loss, kind="stable") if finite(loss)[each]]
    if not order:
        return no_data(title)
    kept = [order[i] for i in np.unique(np.linspace(0, len(order) - 1, MOST_CURVES).astype(int))]
    lines = {place: np.asarray(curves[place], np.float64) for place in kept}
    every = np.concatenate([each[finite(each)] for each in lines.values()])
    y = spread(every, PLOT, 0.0, log=wants_log(every))
    longest = max(map(len, lines.values()))
    x = Scale(1, max(2, longest), canvas.left_of(y), RIGHT, whole=True)
    paths = [_curve(x, y, lines[place], place == order[0]) for place in reversed(kept)]
    top = canvas.below_title(title) + LINE + 16
    note = f"{len(kept)} of {len(curves)} runs" if len(kept) < len(curves) else ""
    best = lines[order[0]]
    return chart(
        title,
        f"Curves of {counted(len(kept), 'run')}. That of the best goes from {number(best[0])} at "
        f"epoch 1 to {number(best[-1])} at epoch {len(best)}.",
        text(0, top - 22, _with_log(measure, y)),
        text(RIGHT, top - 22, note, anchor="end", fill="soft"),
        canvas.moved(top, canvas.y_axis(x, y), canvas.x_axis(x, y, "epoch"), *paths),
        height=top + PLOT + BELOW,
    )


# Parts --------------------------------------------------------------------------------------------


def places(values: Sequence[Any]) -> tuple[Floats, tuple[str, ...]]:
    """Where values lie on an axis, and their names where they are no numbers.

    >>> places([0.1, 2]), places(["a", "b", "a"])
    ((array([0.1, 2. ]), ()), (array([0., 1., 0.]), ('a', 'b')))
    """
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        return np.array(values, np.float64), ()
    words = [canvas.shorten(str(each), LONGEST) for each in values]
    names = tuple(dict.fromkeys(words))
    return np.array([names.index(each) for each in words], np.float64), names


def _scale(at: Floats, names: tuple[str, ...], start: float, end: float) -> Scale:
    if names:
        return Named(-0.5, len(names) - 0.5, start, end, names=names)
    is_log = bool(at.min() > 0 and at.max() / at.min() > LOG_RATIO)
    return spread(at, start, end, log=is_log)


def _with_log(name: str, scale: Scale) -> str:
    return f"{name} (log scale)" if scale.log else name


def _dots(points: Floats, strengths: Floats) -> Markup:
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill-opacity="{strength:.2f}"/>'
        for (x, y), strength in zip(points.tolist(), strengths.tolist(), strict=True)
    )
    return tag("g", Markup(dots), fill="var(--series-1)")


def _ring(point: Floats) -> Markup:
    x, y = map(float, point)
    return tag("circle", cx=x, cy=y, r=8, fill="none", stroke="var(--series-2)", stroke_width=2.5)


def _cell(box: tuple[float, float, float, float], loss: float, share: float, room: int) -> Markup:
    x, y, width, height = box
    shade = tag(
        "rect",
        x=x + 1,
        y=y + 1,
        width=width - 2,
        height=height - 2,
        fill="var(--right)",
        fill_opacity=f"{0.1 + 0.9 * share:.2f}",
    )
    words = number(loss, 2 if room < 7 else 3)
    words = words if len(words) <= room else ""
    place = (x + width / 2, y + height / 2)
    return join((shade, text(*place, words, anchor="middle", dy=".34em")))


def _curve(x: Scale, y: Scale, values: Floats, is_best: bool) -> Markup:
    shown = finite(values)
    epochs = np.arange(1, len(values) + 1, dtype=np.float64)[shown]
    xs, ys = thin_line(epochs, values[shown], MOST_STEPS)
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x(xs), y(ys), strict=True))
    style: Mapping[str, Any] = {"stroke": "var(--soft)", "stroke_opacity": 0.45}
    if is_best:
        style = canvas.stroke(0)
    return tag("path", d=path, fill="none", stroke_linejoin="round", **style)


def _told(values: Sequence[Any], loss: Floats, name: str, measure: str) -> str:
    shown = int(finite(loss).sum())
    return f"Chart of {counted(shown, 'run')}. {_best_told([values], loss, [name], measure)}"


def _best_told(
    values: Sequence[Sequence[Any]], loss: Floats, names: Sequence[str], measure: str
) -> str:
    best = int(np.nanargmin(np.where(finite(loss), loss, np.nan)))
    at = " and ".join(f"{n} {_word(v[best])}" for n, v in zip(names, values, strict=True))
    return f"The least {measure}, {number(float(loss[best]))}, is at {at}."


def _word(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number(float(value)) if is_number else str(value)
