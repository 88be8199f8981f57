"""What charts share: the frame with its text alternative, text, axes, legend and strokes.

A chart is 600 units wide, and its letters are up to 22 units high (see `style.CHART_CSS`). Room is
reserved for that size, and offsets from text are in `em`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from textwrap import wrap
from zlib import crc32

from talweg.draw.charts.scale import Scale
from talweg.draw.markup import Markup, join, safe, tag
from talweg.draw.style import CHART_CSS

WIDTH = 600.0
LETTER = 12.0  # the width of a letter, some 0.55 em, where letters are largest
LINE = 28.0  # the height of a line of words
RIGHT = WIDTH - 32.0  # where the plot ends: room for half of the last tick's words

LONGEST_NAME = 24  # letters of a name in a title or a legend

_WIDEST = frozenset("mwMW%@")

COLORS = ("series-1", "series-2", "series-3", "series-4")
DASHES = (None, "9 5", "2 5", "14 5 2 5")


def chart(
    title: str, seen: str, *body: str, height: float, width: float = WIDTH, fixed: bool = False
) -> str:
    """A whole chart: `title` is drawn and names it, `seen` describes it for screen readers.

    A `fixed` chart is not shrunk below the width where its letters are 12 px high.
    """
    seen, inside = safe(seen), join((_heading(title), *body))
    key = f"chart-{crc32((seen + inside).encode()):08x}"
    words = (tag("title", title, id=f"{key}-t"), tag("desc", seen, id=f"{key}-d"))
    return tag(
        "svg",
        *(*words, tag("style", Markup(CHART_CSS)), inside),
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
    words = text(WIDTH / 2, top + 70, "no data", anchor="middle", fill="soft")
    return chart(title, "There is no data to show.", words, height=top + 140)


def below_title(title: str) -> float:
    """Where the room under the title begins."""
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
    """Words at a place, in one of the palette's colors; nothing where there are none."""
    if not words:
        return Markup()
    where = None if anchor == "start" else anchor
    return tag("text", words, x=x, y=y, text_anchor=where, fill=f"var(--{fill})", **attributes)


def line(
    start: tuple[float, float], end: tuple[float, float], color: str, **attributes: object
) -> Markup:
    """A straight line, in one of the palette's colors."""
    (x1, y1), (x2, y2) = start, end
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=f"var(--{color})", **attributes)


def moved(top: float, *parts: str) -> Markup:
    """The parts, so that what they call 0 lies at the height `top`."""
    return tag("g", *parts, transform=f"translate(0 {top:.1f})")


def shorten(words: str, most: int) -> str:
    """At most so many letters, the last one an ellipsis where some are left out."""
    return words if len(words) <= most else words[: most - 1] + "…"


def short(name: str) -> str:
    """A name that has room in the title or the legend of a chart."""
    return shorten(name, LONGEST_NAME)


def width_of(words: str) -> float:
    """The room that words need where letters are largest; capitals and some others are wider."""
    widest = sum(letter in _WIDEST for letter in words)
    return LETTER * len(words) + 4 * sum(map(str.isupper, words)) + 8 * widest


def left_of(y: Scale) -> float:
    """Where the plot begins: room for the longest word on the y axis."""
    return 14 + LETTER * max((len(words) for _, words in y.ticks()), default=1)


def x_axis(x: Scale, y: Scale, label: str) -> Markup:
    """Gridlines, ticks and label of the x axis, under the plot."""
    ticks = x.ticks()
    grid = join(line((at, y.start), (at, y.end), "grid") for at, _ in ticks)
    base = line((x.start, y.start), (x.end, y.start), "rule")
    kept = ticks[:: _every(ticks, x.end - x.start)]
    words = join(_tick(at, y.start + 6, word) for at, word in kept)
    name = text((x.start + x.end) / 2, y.start + 6, label, anchor="middle", dy="2.2em")
    return join((grid, base, words, name))


def _tick(at: float, top: float, word: str) -> Markup:
    """The word under a tick; at the right edge, where half of a long one has no room, before it."""
    if at + LETTER * len(word) / 2 <= WIDTH:
        return text(at, top, word, anchor="middle", fill="soft", dy=".9em")
    return text(WIDTH, top, word, anchor="end", fill="soft", dy=".9em")


def _every(ticks: Sequence[tuple[float, str]], room: float) -> int:
    """Which ticks have room for their words: each one, every second, every third, ..."""
    longest = max((len(word) for _, word in ticks), default=0)
    return max(1, ceil(len(ticks) * (longest + 1.5) * LETTER / room))


def y_axis(x: Scale, y: Scale) -> Markup:
    """Gridlines and ticks of the y axis; its label stands above the plot."""
    ticks = y.ticks()
    grid = join(line((x.start, at), (x.end, at), "grid") for at, _ in ticks)
    words = (
        text(x.start - 8, at, word, anchor="end", fill="soft", dy=".34em") for at, word in ticks
    )
    return join((grid, *words))


def legend(names: Sequence[str], top: float) -> tuple[Markup, float]:
    """A sample and a name for each series, in as many rows as needed, and where they end."""
    if not names:
        return Markup(), top
    x, y, parts = 0.0, top + 20, []
    for index, name in enumerate(names):
        width = 38 + LETTER * len(name) + 22
        if x and x + width > WIDTH:
            x, y = 0.0, y + LINE
        parts += [_sample(index, x, y), text(x + 38, y, name)]
        x += width
    return join(parts), y + 12


def stroke(index: int) -> dict[str, object]:
    """How the series number `index` is drawn: color and dashes."""
    return {
        "stroke": f"var(--{COLORS[index % len(COLORS)]})",
        "stroke_width": 2.5,
        "stroke_dasharray": DASHES[index % len(DASHES)],
    }


def _sample(index: int, x: float, y: float) -> Markup:
    return tag("line", x1=x, y1=y, x2=x + 30, y2=y, transform="translate(0 -5)", **stroke(index))


def stack(spans: Sequence[tuple[float, float]]) -> list[int]:
    """The row of each span, so that no two spans in a row touch: the first row with room.

    >>> stack([(0, 10), (5, 15), (12, 20)])
    [0, 1, 0]
    """
    rows: list[list[tuple[float, float]]] = []
    chosen = []
    for start, end in spans:
        free = (all(end < a or start > b for a, b in row) for row in rows)
        row = next((index for index, fits in enumerate(free) if fits), len(rows))
        rows += [[]] if row == len(rows) else []
        rows[row].append((start, end))
        chosen.append(row)
    return chosen
