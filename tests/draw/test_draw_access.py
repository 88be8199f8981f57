"""Pages are accessible: by screen reader and keyboard, without scripts or colors, on a phone.

What a checker in a browser finds is in test_draw_browser; these rules hold without one.
"""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from conformance.pages import NAMES, page
from talweg.draw.style import PAGE_CSS

VOID = {"meta", "line", "rect", "circle", "path", "br"}


class Element:
    """A tag with what lies in it."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag, self.attributes = tag, attributes
        self.inside: list[Element] = []
        self.words = ""

    def all(self, *tags: str) -> list["Element"]:
        below = [found for each in self.inside for found in each.all(*tags)]
        return ([self] if self.tag in tags else []) + below

    def text(self) -> str:
        return self.words + "".join(each.text() for each in self.inside)


class Tree(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(self.open[-1].inside[-1])

    def handle_startendtag(self, tag, attrs) -> None:
        self.open[-1].inside.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data) -> None:
        self.open[-1].words += data


@pytest.fixture(params=NAMES)
def tree(request) -> Element:
    return Tree(page(request.param)).root


def test_it_has_a_language_a_title_and_one_main_part(tree) -> None:
    (html,), (title,), (main,) = tree.all("html"), tree.all("title")[:1], tree.all("main")
    assert html.attributes["lang"] == "en"
    assert title.text() == main.all("h1")[0].text() != ""


def test_headings_come_in_order_and_say_something(tree) -> None:
    headings = tree.all(*(f"h{level}" for level in range(1, 7)))
    levels = [int(each.tag[1]) for each in headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(each.text().strip() for each in headings)


def test_each_picture_is_told_in_words(tree) -> None:
    pictures = [each for each in tree.all("svg") if each.attributes.get("aria-hidden") != "true"]
    assert len(pictures) >= 3
    for each in pictures:
        (title,), (told,) = each.all("title"), each.all("desc")
        named = (title.attributes["id"], told.attributes["id"])
        assert each.attributes["role"] == "img"
        assert each.attributes["aria-labelledby"].split() == list(named)
        assert title.text() and len(told.text()) > 20


def test_ids_are_unique_and_links_and_labels_lead_somewhere(tree) -> None:
    everything = descend(tree)
    ids = [each.attributes["id"] for each in everything if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for each in everything:
        named = (each.attributes.get("aria-labelledby") or "").split()
        assert set(named) <= set(ids)
        if each.tag == "a":
            assert each.attributes["href"].removeprefix("#") in ids and each.text()


def descend(element: Element) -> list[Element]:
    return [element, *(found for each in element.inside for found in descend(each))]


def test_what_scrolls_can_be_reached_and_is_named(tree) -> None:
    scrolling = [
        each for each in descend(tree) if "scroll" in (each.attributes.get("class") or "").split()
    ]
    inside = {id(found) for each in scrolling for found in each.all("table", "pre", "svg")}
    assert inside == {
        id(each)
        for each in tree.all("table", "pre", "svg")
        if each.attributes.get("aria-hidden") != "true"
    }
    for each in scrolling:
        assert (each.attributes["tabindex"], each.attributes["role"]) == ("0", "group")
        assert each.attributes["aria-label"]


def test_tables_name_their_columns_and_rows(tree) -> None:
    for each in tree.all("table"):
        assert each.all("caption")[0].text()
        for row in each.all("tr"):
            assert row.inside[0].tag == "th"
        columns = len(each.all("thead")[0].all("th"))
        assert {len(row.inside) for row in each.all("tr")} == {columns}


def test_no_script_and_nothing_from_outside(tree) -> None:
    assert not tree.all("script", "link", "img", "iframe", "object", "input", "button")
    for each in descend(tree):
        assert not {name for name in each.attributes if name.startswith("on")}


def test_colors_are_those_of_the_style_alone(tree) -> None:
    """So that the contrasts of test_draw_style hold for all that is drawn, light and dark."""
    for each in descend(tree):
        for name in ("fill", "stroke"):
            value = each.attributes.get(name)
            assert value in (None, "none", "currentColor") or re.fullmatch(
                r"var\(--[\w-]+\)", value
            )


def test_a_small_screen_has_a_rule_and_the_page_may_be_enlarged(tree) -> None:
    views = [
        each.attributes for each in tree.all("meta") if each.attributes.get("name") == "viewport"
    ]
    assert views == [{"name": "viewport", "content": "width=device-width, initial-scale=1"}]
    assert "@media(max-width:480px)" in PAGE_CSS and "overflow-x:auto" in PAGE_CSS
    assert "prefers-color-scheme:dark" in PAGE_CSS


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_small(name: str) -> None:
    assert len(page(name).encode()) < 300_000
