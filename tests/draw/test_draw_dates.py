"""An axis of dates: ticks at whole years, months, days or hours, and words that are dates."""

import re

import numpy as np
import pytest

from talweg.draw import bar_chart, line_chart
from talweg.draw.charts.canvas import WIDTH, width_of
from talweg.draw.charts.scale import date_ticks, moments

SPANS = [  # from, to, the words of the ticks
    ("2013-05-01", "2021-02-03", ["2014", "2016", "2018", "2020"]),
    ("2019-11-20", "2021-02-03", ["2020-01", "2020-07", "2021-01"]),
    ("2021-02-01", "2021-08-20", ["2021-03", "2021-05", "2021-07"]),
    ("2021-02-03", "2021-02-07", [f"2021-02-0{day}" for day in (3, 4, 5, 6, 7)]),
    ("2021-02-03T05", "2021-02-03T09", [f"2021-02-03 0{hour}:00" for hour in (5, 6, 7, 8, 9)]),
    ("1850-01-01", "2050-01-01", ["1850", "1900", "1950", "2000", "2050"]),
]


def days(moment: str) -> float:
    return np.datetime64(moment, "s").astype(int) / 86_400


@pytest.mark.parametrize(("first", "last", "words"), SPANS)
def test_ticks_are_whole_dates(first: str, last: str, words: list[str]) -> None:
    places, found = date_ticks(days(first), days(last))
    assert found == words
    for at, word in zip(places, found, strict=True):
        assert str(moments(at)).replace("T", " ").startswith(word)


def test_any_span_has_few_ticks() -> None:
    for span in np.geomspace(1 / 24, 400 * 365, 200).tolist():
        assert len(date_ticks(18_000.3, 18_000.3 + span)[0]) <= 7


def test_a_line_of_moments_has_an_axis_of_dates_and_says_dates() -> None:
    at = np.array(["2021-02-01", "2021-04-01", "2021-08-20"], "datetime64[s]")
    svg = line_chart({"price": (at, [1.0, 3.0, 2.0])}, title="day")
    assert re.findall(r">(20[\d-]*)</text>", svg) == ["2021-03", "2021-05", "2021-07"]
    assert "from 1 at x 2021-02-01 to 2 at x 2021-08-20" in svg
    assert "highest 3 at 2021-04-01" in svg


def test_the_last_tick_has_room_for_its_words() -> None:
    svg = line_chart({"a": ([0.0, 600_000.0], [0.0, 1.0])}, title="t")
    ends = re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>([\d,]+)</text>', svg)
    for x, anchor, word in ends:
        half = {"middle": 0.5, "end": 0.0}[anchor]
        assert float(x) + half * width_of(word) <= WIDTH
    assert "600,000" in [word for *_, word in ends]


def test_wide_letters_have_room() -> None:
    svg = bar_chart(["mmmm", "llll"], [1, 2], title="t")
    (x,) = {float(each) for each in re.findall(r'<text x="([\d.]+)"[^>]*>(?:mmmm|llll)<', svg)}
    assert x >= 4 * 20  # the width of an m, 0.91 em of 22 units
