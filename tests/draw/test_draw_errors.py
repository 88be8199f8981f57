"""The histogram of errors: bar heights match counts, and shares are correct."""

import re
from itertools import pairwise

import numpy as np
import pytest

from talweg.draw.charts.error_histogram import error_chart
from talweg.draw.pages.report import render
from talweg.insight.predictions import ErrorSpread, PredictedNumbers
from talweg.insight.table_report import Result, TableReport

NORMAL = np.random.default_rng(0).normal(size=20_000) * 7.0


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """x, y, width and height of each bar, from left to right."""
    found = re.findall(r"<rect ([^>]*)/?>", svg)
    names = ("x", "y", "width", "height")
    return [
        tuple(float(re.search(rf'(?<!\w){name}="([^"]*)"', each)[1]) for name in names)
        for each in found
    ]


def rules(svg: str) -> list[float]:
    """Where the dashed lines stand."""
    lines = re.findall(r'<line [^>]*stroke-dasharray="6 5"[^>]*>', svg)
    return sorted(float(re.search(r' x1="([^"]*)"', each)[1]) for each in lines)


def test_a_typical_error_is_the_root_of_the_mean_square() -> None:
    assert ErrorSpread.of([3.0, -4.0]).typical == pytest.approx(np.sqrt(12.5))
    assert ErrorSpread.of([0.0, 0.0]).typical == 0.0
    assert np.isnan(ErrorSpread.of([np.nan]).typical)


def test_the_shares_within_one_and_two_are_those_of_a_bell_curve() -> None:
    assert ErrorSpread.of(NORMAL).within_one == pytest.approx(0.683, abs=0.01)
    assert ErrorSpread.of(NORMAL).within_two == pytest.approx(0.954, abs=0.01)
    assert ErrorSpread.of([1.0, -1.0, 1.0, np.inf]).within_one == 1.0
    assert ErrorSpread.of([0.0, 0.0, 0.0, 2.0]).within_one == 0.75


def test_bars_hold_all_rows_and_touch() -> None:
    few = NORMAL[:200]
    errors = np.append(few, [*[70.0] * 6, -70.0, np.nan])
    bars = boxes(error_chart(ErrorSpread.of(errors), title="t"))
    heights = np.array([bar[3] for bar in bars])
    by = ErrorSpread.of(errors).typical
    edges = by * np.linspace(-4, 4, 33)
    counts = np.histogram(few, edges)[0]
    assert counts.sum() == 200 and edges[-1] < 70
    counts[[0, -1]] += [1, 6]
    assert len(bars) == 32
    np.testing.assert_allclose(heights / heights.sum(), counts / counts.sum(), atol=1e-3)
    assert len({round(bar[1] + bar[3], 1) for bar in bars}) == 1  # all stand on one line
    for (left, _, width, _), (right, *_) in pairwise(bars):
        assert right - left == pytest.approx(width + 1, abs=0.15)


def test_dashed_lines_stand_at_0_and_at_one_and_two_typical_errors() -> None:
    svg = error_chart(ErrorSpread.of(NORMAL), title="t")
    bars, places = boxes(svg), rules(svg)
    lefts = [bars[place][0] - 0.5 for place in (8, 12, 16, 20, 24)]
    np.testing.assert_allclose(places, lefts, atol=0.2)


def test_the_text_alternative_has_the_numbers() -> None:
    errors = ErrorSpread.of([1.0, -1.0, 1.0, -5.0])
    svg = error_chart(errors, title="How far off", x_label="true minus predicted")
    told = re.search(r"<desc[^>]*>([^<]*)</desc>", svg)[1]
    assert told.startswith("Histogram of true minus predicted in 4 rows, at most 2 in one of 32")
    assert "75% lie within 2.65 of 0, 100% within twice that" in told


@pytest.mark.parametrize("errors", [[], [np.nan, np.inf], [0.0, 0.0]])
def test_nothing_to_draw(errors: list[float]) -> None:
    assert "no data" in error_chart(ErrorSpread.of(errors), title="t")


def test_a_report_says_how_many_lie_within_one_and_two() -> None:
    predictions = PredictedNumbers.of([0.0, 0.0, 0.0, 2.0], [0.0] * 4, "size")
    page = render(TableReport(title="t", result=Result(scores=[], predictions=predictions)))
    words = " ".join(page.split())
    assert "75% of the rows lie within one typical error of 0 (1, the root" in words
    assert "100% within two" in words
