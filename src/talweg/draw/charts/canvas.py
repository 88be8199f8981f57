"""What charts share: the frame with its text alternative, text, axes, legend and strokes.

A chart is 600 units wide, and its font is at most 22 units high (see `style.CHART_CSS`). Layout
reserves room for that size, and offsets from text are in `em`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from textwrap import wrap
from unicodedata import east_asian_width
from zlib import crc32

from talweg.draw.charts.scale import Scale
from talweg.draw.markup import Markup, join, safe, tag
from talweg.draw.style import CHART_CSS

WIDTH = 600.0
EM = 22.0  # the largest font size
LINE = 28.0  # the height of a line of text
RIGHT = WIDTH - 32.0  # where the plot ends: room for half of the last tick label

MAX_NAME = 24  # characters of a name in a title or a legend

# Widths in em of DejaVu Sans, the widest of the fonts in `style.SANS`.
_NARROW, _OTHER, _CAPITAL, _SIGN, _WIDEST = 0.42, 0.64, 0.79, 0.84, 1.0
_WIDTHS = {
    **dict.fromkeys("fijlrtIJ.,:;'|!()[]/- ⁰¹²³⁴⁵⁶⁷⁸⁹⁻", _NARROW),
    **dict.fromkeys("+=<>±→↓~\u00d7\u2212", _SIGN),
    **dict.fromkeys("mwMW%@…", _WIDEST),
}

COLORS = ("series-1", "series-2", "series-3", "series-4")
DASHES = (None, "9 5", "2 5", "14 5 2 5")


def chart(
    title: str,
    description: str,
    *body: str,
    height: float,
    width: float = WIDTH,
    fixed: bool = False,
) -> str:
    """A whole chart: `title` is drawn and names it, `description` is for screen readers.

    A `fixed` chart is not shrunk below the width where its font is 12 px high.
    """
    description, content = safe(description), join((_heading(title), *body))
    key = f"chart-{crc32((description + content).encode()):08x}"
    texts = (tag("title", title, id=f"{key}-t"), tag("desc", description, id=f"{key}-d"))
    return tag(
        "svg",
        *(*texts, tag("style", Markup(CHART_CSS)), content),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
        class_="talweg-chart fixed" if fixed else "talweg-chart",
        style=f"min-width:{width * 12 / 13:.0f}px" if fixed else None,
    )


def no_data(title: str) -> str:
    """A chart that says that there is no data."""
    top = below_title(title)
    message = text(WIDTH / 2, top + 70, "no data", anchor="middle", fill="soft")
    return chart(title, "There is no data to show.", message, height=top + 140)


def below_title(title: str) -> float:
    """The y where the room below the title begins."""
    return 8.0 + LINE * len(_title_lines(title))


def _title_lines(title: str) -> list[str]:
    return wrap(title, 46)


def _heading(title: str) -> Markup:
    lines = enumerate(_title_lines(title))
    return join(text(0, 22, line, dy=f"{1.25 * row}em", font_weight=600) for row, line in lines)


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    fill: str = "ink",
    **attributes: object,
) -> Markup:
    """Text at (x, y) in a color of the palette; empty text draws nothing."""
    if not words:
        return Markup()
    where = None if anchor == "start" else anchor
    return tag("text", words, x=x, y=y, text_anchor=where, fill=f"var(--{fill})", **attributes)


def line(
    start: tuple[float, float], end: tuple[float, float], color: str, **attributes: object
) -> Markup:
    """A straight line in a color of the palette."""
    (x1, y1), (x2, y2) = start, end
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=f"var(--{color})", **attributes)


def moved(top: float, *parts: str) -> Markup:
    """The parts, moved down by `top`."""
    return tag("g", *parts, transform=f"translate(0 {top:.1f})")


def shorten(words: str, length: int) -> str:
    """The text, cut to at most `length` characters, the last of which is an ellipsis."""
    return words if len(words) <= length else words[: length - 1] + "…"


def shorten_to(words: str, room: float) -> str:
    """The text, cut with an ellipsis to fit into `room` units; two characters always remain."""
    lengths = range(len(words), 1, -1)
    return next((s for n in lengths if width_of(s := shorten(words, n)) <= room), words[:2])


def capitalized(title: str) -> str:
    """The title with a capital first letter."""
    return title[:1].upper() + title[1:]


def short(name: str) -> str:
    """A name, cut to fit into the title or the legend of a chart."""
    return shorten(name, MAX_NAME)


def width_of(words: str) -> float:
    """The units that a text needs at the largest font size.

    >>> width_of("Genève") < width_of("GENÈVE")
    True
    """
    return EM * sum(map(_width, words))


def _width(letter: str) -> float:
    """The width of a letter in em; ideographs fill a square."""
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if east_asian_width(letter) in "WF":
        return _WIDEST
    return _CAPITAL if letter.isupper() else _OTHER


def left_of(y: Scale) -> float:
    """The x where the plot begins: room for the widest tick label of the y axis."""
    return 14 + max((width_of(label) for _, label in y.ticks()), default=EM)


def x_axis(x: Scale, y: Scale, label: str) -> Markup:
    """Gridlines, tick labels and label of the x axis, below the plot."""
    ticks = x.ticks()
    grid = join(line((at, y.start), (at, y.end), "grid") for at, _ in ticks)
    base = line((x.start, y.start), (x.end, y.start), "rule")
    labeled = ticks[:: _label_step(ticks, x.end - x.start)]
    labels = join(_tick_label(at, y.start + 6, words) for at, words in labeled)
    name = text((x.start + x.end) / 2, y.start + 6, label, anchor="middle", dy="2.2em")
    return join((grid, base, labels, name))


def _tick_label(at: float, top: float, words: str) -> Markup:
    """The label centered under its tick, or moved left to end at the edge of the chart."""
    if at + width_of(words) / 2 <= WIDTH:
        return text(at, top, words, anchor="middle", fill="soft", dy=".9em")
    return text(WIDTH, top, words, anchor="end", fill="soft", dy=".9em")


def _label_step(ticks: Sequence[tuple[float, str]], room: float) -> int:
    """The step from one labeled tick to the next, so that the labels have room."""
    widest = max((width_of(words) for _, words in ticks), default=0.0)
    return max(1, ceil(len(ticks) * (widest + 0.7 * EM) / room))


def y_axis(x: Scale, y: Scale) -> Markup:
    """Gridlines and tick labels of the y axis; its label stands above the plot."""
    ticks = y.ticks()
    grid = join(line((x.start, at), (x.end, at), "grid") for at, _ in ticks)
    labels = (
        text(x.start - 8, at, words, anchor="end", fill="soft", dy=".34em") for at, words in ticks
    )
    return join((grid, *labels))


def legend(names: Sequence[str], top: float) -> tuple[Markup, float]:
    """A line sample and the name of each series in as many rows as needed, and the y below them."""
    if not names:
        return Markup(), top
    x, y, parts = 0.0, top + 20, []
    for index, name in enumerate(names):
        width = 38 + width_of(name) + 22
        if x and x + width > WIDTH:
            x, y = 0.0, y + LINE
        parts += [_sample(index, x, y), text(x + 38, y, name)]
        x += width
    return join(parts), y + 12


def stroke(index: int) -> dict[str, object]:
    """The stroke of series number `index`: color and dashes."""
    return {
        "stroke": f"var(--{COLORS[index % len(COLORS)]})",
        "stroke_width": 2.5,
        "stroke_dasharray": DASHES[index % len(DASHES)],
    }


def _sample(index: int, x: float, y: float) -> Markup:
    return tag("line", x1=x, y1=y, x2=x + 30, y2=y, transform="translate(0 -5)", **stroke(index))


def stack(spans: Sequence[tuple[float, float]]) -> list[int]:
    """The first row with room for each span, so that no two spans in a row touch.

    >>> stack([(0, 10), (5, 15), (12, 20)])
    [0, 1, 0]
    """
    rows: list[list[tuple[float, float]]] = []
    chosen: list[int] = []
    for start, end in spans:
        free = (all(end < a or start > b for a, b in row) for row in rows)
        row = next((index for index, fits in enumerate(free) if fits), len(rows))
        rows += [[]] if row == len(rows) else []
        rows[row].append((start, end))
        chosen.append(row)
    return chosen
