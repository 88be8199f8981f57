"""Drawing for the lessons: pages of talweg's charts, and a plane with contours and paths."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from talweg.draw.charts import canvas
from talweg.draw.charts.scale import Scale, number
from talweg.draw.markup import Markup, join, tag
from talweg.draw.pages import page

HEIGHT = 360.0  # of the plot of a plane
GRID = 101  # points along each side of the grid that contours are drawn from

Area = tuple[tuple[float, float], tuple[float, float]]
Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]


def write(path: str | None, title: str, *figures: tuple[str, str]) -> None:
    """Write a page of figures, (picture, caption) each; without a path, write nothing."""
    if path is None:
        return
    shown = (page.figure(caption, picture, caption) for picture, caption in figures)
    content = (tag("header", page.brand(), tag("h1", title)), *shown)
    Path(path).write_text(page.document(title, *content, footer="A lesson of talweg"), "utf-8")
    print(f"\nThe picture is in {Path(path).name}.")


def plane(
    error: Curve,
    paths: Mapping[str, np.ndarray],
    *,
    area: Area,
    levels: Sequence[float],
    title: str,
    labels: tuple[str, str] = ("weight 1", "weight 2"),
) -> str:
    """Contours of an error over two weights, and named paths (n, 2), each ending in a dot."""
    legend, top = canvas.legend(list(paths), canvas.below_title(title))
    top += 44.0
    y = Scale(*area[1], HEIGHT, 0.0)
    x = Scale(*area[0], canvas.left_of(y), canvas.RIGHT)
    grid = np.meshgrid(*(np.linspace(*side, GRID) for side in area))
    lines = (_contour(*grid, error(*grid), level, x, y) for level in levels)
    tracks = (_track(points, x, y, index) for index, points in enumerate(paths.values()))
    inside = _window(x, y, *lines, *tracks)
    axes = (canvas.y_axis(x, y), canvas.x_axis(x, y, labels[0]), canvas.text(0, -16, labels[1]))
    ends = (f"{name} ends at {_end(points)}." for name, points in paths.items())
    return canvas.chart(
        title,
        " ".join((f"Contours of an error over {' and '.join(labels)}, with paths.", *ends)),
        *(legend, canvas.moved(top, *axes, inside)),
        height=top + HEIGHT + 66,
    )


def _end(path: np.ndarray) -> str:
    return ", ".join(number(value, 3) for value in path[-1])


def _window(x: Scale, y: Scale, *content: str) -> Markup:
    """The content clipped to the axes."""
    box = {"x": x.start, "y": y.end, "width": x.end - x.start, "height": y.start - y.end}
    view = " ".join(f"{length:.1f}" for length in box.values())
    return tag("svg", *content, **box, viewBox=view, overflow="hidden")


def _track(path: np.ndarray, x: Scale, y: Scale, index: int) -> Markup:
    """A path with a ring at its start and a dot at its end."""
    with np.errstate(over="ignore"):
        points = np.clip(np.stack([x(path[:, 0]), y(path[:, 1])], 1), -1e4, 1e4)
    line = tag("path", d=_path(points), fill="none", **canvas.stroke(index))
    (ax, ay), (bx, by) = points[0], points[-1]
    color = f"var(--{canvas.COLORS[index]})"
    start = tag("circle", cx=ax, cy=ay, r=5, fill="none", stroke="var(--ink)", stroke_width=2)
    return join((line, start, tag("circle", cx=bx, cy=by, r=6, fill=color)))


def _path(points: np.ndarray) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points)


def _contour(
    gx: np.ndarray, gy: np.ndarray, error: np.ndarray, level: float, x: Scale, y: Scale
) -> Markup:
    pieces = contour(gx, gy, error, level)
    ends = np.stack([x(pieces[..., 0]), y(pieces[..., 1])], -1)
    return tag("path", d="".join(map(_path, ends)), stroke="var(--soft)", stroke_opacity=0.5)


def contour(gx: np.ndarray, gy: np.ndarray, heights: np.ndarray, level: float) -> np.ndarray:
    """The segments (n, 2, 2) of the contour at a level; each grid cell is cut as two triangles."""
    points = np.stack([gx, gy, heights], -1)
    a, b, c, d = points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]
    triangles = [np.stack(three, 2).reshape(-1, 3, 3) for three in ((a, b, c), (a, c, d))]
    corners = np.concatenate(triangles)
    following = np.roll(corners, -1, axis=1)
    crosses = (corners[..., 2] > level) != (following[..., 2] > level)  # two sides, or none
    start, side = corners[crosses], (following - corners)[crosses]
    share = (level - start[:, 2]) / side[:, 2]
    return (start + share[:, None] * side)[:, :2].reshape(-1, 2, 2)
