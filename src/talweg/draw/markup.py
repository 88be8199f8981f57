"""Elements of HTML and SVG: text is escaped unless it is markup already."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

# These elements are written `<name/>`; HTML requires a closing tag for all others.
_VOID = frozenset({"meta", "line", "rect", "circle", "path"})

# What XML does not allow (control characters, surrogates, two noncharacters), and what breaks a
# line or reverses its direction.
_FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


def safe(text: str) -> Markup:
    """`text` as markup: escaped, and forbidden characters replaced by U+FFFD.

    >>> safe("a < b")
    'a &lt; b'
    """
    return text if isinstance(text, Markup) else Markup(escape(_FORBIDDEN.sub("\ufffd", text)))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """The parts joined; those that are plain text are escaped."""
    return Markup(safe(between).join(safe(part) for part in parts))


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """An element; in attribute names `_` stands for `-`, and None omits an attribute.

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
    """The value of an attribute as text; coordinates are rounded to a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
