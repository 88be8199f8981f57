"""Elements of HTML and SVG: whatever is not markup already is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

# Without children these are written `<name/>`; HTML wants a closing tag on every other element.
_VOID = frozenset({"meta", "line", "rect", "circle", "path"})

# What XML cannot hold (control characters, surrogates, two non-characters), and what would break a
# line or turn its direction.
_FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


def safe(text: str) -> Markup:
    """`text` as markup: escaped, and what a page must not hold replaced by U+FFFD.

    >>> safe("a < b")
    'a &lt; b'
    """
    return text if isinstance(text, Markup) else Markup(escape(_FORBIDDEN.sub("\ufffd", text)))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """The parts in a row, escaped where they are plain text."""
    return Markup(safe(between).join(safe(part) for part in parts))


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """One element; in attribute names `_` stands for `-`, and None leaves an attribute out.

    >>> tag("td", "a & b", class_="number")
    '<td class="number">a &amp; b</td>'
    """
    inside = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{safe(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{inside}/>")
    return Markup(f"<{name}{inside}>{join(children)}</{name}>")


def _plain(value: object) -> str:
    """An attribute's value as text; a tenth of a unit is enough for a coordinate."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
