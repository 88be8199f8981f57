"""The building blocks of an HTML page: the document, sections, tables, figures, lists of facts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from numbers import Integral
from typing import Any

from talweg.draw.charts.figure import Figure
from talweg.draw.charts.figures import figures_of
from talweg.draw.charts.scale import number
from talweg.draw.markup import Markup, tag
from talweg.draw.style import PAGE_CSS

# The page loads nothing and runs no script; this makes browsers enforce it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

# The logo: the line that water follows to its lowest point, and the point.
_VALLEY = (
    tag("path", d="M1 3C14 4 17 18 25 18S36 6 49 2", stroke="currentColor", fill="none"),
    tag("circle", cx=25, cy=18, r=3, fill="currentColor"),
)

MOST_ROWS = 30  # longer tables are collapsed

Cell = str | int | float


def document(title: str, *content: str, footer: str) -> str:
    """The whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(PAGE_CSS)),
    )
    body = tag("body", tag("main", *content), tag("footer", footer))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def brand() -> Markup:
    """The logo and the name talweg."""
    logo = tag("svg", *_VALLEY, viewBox="0 0 50 22", stroke_width=2.2, aria_hidden="true")
    return tag("p", logo, "talweg", class_="brand")


def section(key: str, heading: str, *content: str) -> Markup:
    """A section of the page, with a heading that can be linked to."""
    named = tag("h2", heading, id=f"{key}-heading")
    return tag("section", named, *content, id=key, aria_labelledby=f"{key}-heading")


def contents(sections: Sequence[tuple[str, str]]) -> Markup:
    """Links to the sections, given as key and heading."""
    links = (tag("li", tag("a", heading, href=f"#{key}")) for key, heading in sections)
    return tag("nav", tag("ul", *links), aria_label="Contents")


def facts(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Names and values, in columns."""
    rows = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs)
    return tag("dl", *rows, class_="facts") if pairs else Markup()


def notes(heading: str, sentences: Sequence[str]) -> Markup:
    """Sentences that need attention."""
    rows = (tag("li", sentence) for sentence in sentences)
    items = tag("ul", *rows)
    return tag("div", tag("h3", heading), items, class_="notes") if sentences else Markup()


def paragraph(sentence: str, class_: str | None = None) -> Markup:
    """A paragraph; nothing for an empty sentence."""
    return tag("p", sentence, class_=class_) if sentence else Markup()


def scroll(label: str, *content: str, class_: str = "scroll") -> Markup:
    """Content that scrolls sideways if it is too wide; shadows at its edges show that it does."""
    return tag("div", *content, class_=class_, tabindex=0, role="group", aria_label=label)


def figure(label: str, picture: str, caption: str) -> Markup:
    """A chart and its caption."""
    captions = [tag("figcaption", caption)] if caption else []
    return tag("figure", scroll(label, Markup(picture)), *captions)


def figures(*records: Any) -> list[Markup]:
    """All figures of the records; neighboring half-width figures stand side by side."""
    drawings = ((figure, record) for record in records for figure in figures_of(record))
    groups = groupby(drawings, key=lambda pair: pair[0].half)
    drawn = ((half, [_figure(*pair) for pair in group]) for half, group in groups)
    return [part for half, parts in drawn for part in ([pairs(parts)] if half else parts)]


def _figure(chart: Figure, record: Any) -> Markup:
    return figure(chart.label(record), chart.draw(record), chart.caption(record))


def pairs(figures: Sequence[str]) -> Markup:
    """Figures side by side, or below each other on a narrow screen."""
    return tag("div", *figures, class_="pairs") if figures else Markup()


def heading(text: str) -> Markup:
    """The heading of a part of a section."""
    return tag("h3", text)


def code(label: str, lines: str) -> Markup:
    """Code to copy."""
    pre = tag("pre", tag("code", lines))
    return scroll(label, pre, class_="scroll code") if lines else Markup()


def table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    total: Sequence[Cell] | None = None,
    wide: bool = False,
) -> Markup:
    """A table whose first column names its rows; numbers are aligned, a long table is collapsed.

    A `wide` one keeps each cell on one line.
    """
    if not rows:
        return Markup()
    numeric = [_numeric(cell) for cell in rows[0]]
    columns = zip(heads, numeric, strict=True)
    top = tag("tr", *(tag("th", head, scope="col", class_=_aligned(n)) for head, n in columns))
    parts = [tag("thead", top), tag("tbody", *map(_row, rows))]
    parts += [tag("tfoot", _row(total))] if total else []
    body = tag("table", tag("caption", caption), *parts, class_="wide" if wide else None)
    block = scroll(caption, body)
    return fold(f"{caption} ({len(rows):,} rows)", block) if len(rows) > MOST_ROWS else block


def fold(summary: str, *content: str) -> Markup:
    """Content that is collapsed under a summary."""
    return tag("details", tag("summary", summary), *content)


def _row(cells: Sequence[Cell]) -> Markup:
    first, *others = cells
    return tag("tr", tag("th", _text(first), scope="row"), *map(_cell, others))


def _cell(cell: Cell) -> Markup:
    return tag("td", _text(cell), class_=_aligned(_numeric(cell)))


def _numeric(cell: Cell) -> bool:
    return cell.endswith("%") if isinstance(cell, str) else True


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{int(cell):,}" if isinstance(cell, Integral) else number(float(cell))


def _aligned(numeric: bool) -> str | None:
    return "number" if numeric else None
