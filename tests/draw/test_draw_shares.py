"""Charts of shares, bars with a spread, and residuals: every mark lies where its number says."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from talweg.draw import bar_chart, scatter_chart
from talweg.draw.charts.calibration import reliability_chart
from talweg.draw.charts.unit_square import unit_chart
from talweg.errors import ShapeError

LABELS = {"x_label": "taken", "y_label": "found"}
SVG = "{http://www.w3.org/2000/svg}"


def parts(svg: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(SVG + name))


def described(svg: str) -> str:
    (words,) = parts(svg, "desc")
    return words.text or ""


def places(path: str) -> list[tuple[float, float]]:
    pairs = (each.split() for each in path.removeprefix("M").split("L"))
    return [(float(x), float(y)) for x, y in pairs]


def dashed(svg: str) -> list[ET.Element]:
    return [each for each in parts(svg, "line") if each.get("stroke-dasharray") == "6 5"]


def test_a_curve_runs_from_corner_to_corner_of_the_unit_square() -> None:
    svg = unit_chart({"a": ([0, 0.5, 1], [0, 1, 1])}, title="t", diagonal=True, **LABELS)
    (path,) = parts(svg, "path")
    start, middle, end = places(path.get("d"))
    (chance,) = dashed(svg)
    corners = [tuple(float(chance.get(f"{axis}{n}")) for axis in "xy") for n in (1, 2)]
    assert start == pytest.approx(corners[0])
    assert end == pytest.approx(corners[1])
    assert middle == pytest.approx(((start[0] + end[0]) / 2, end[1]))


def test_each_curve_has_a_name_and_words() -> None:
    curves = {"a, area 1": ([0, 0, 1], [0, 1, 1]), "b, area 0.5": ([0, 1], [0, 1])}
    svg = unit_chart(curves, title="t", **LABELS)
    assert {"a, area 1", "b, area 0.5"} <= {each.text for each in parts(svg, "text")}
    assert not dashed(svg) and len(parts(svg, "path")) == 2
    assert "b, area 0.5: 0.10 at 0.1, 0.50 at 0.5, 0.90 at 0.9." in described(svg)


def test_a_curve_of_a_class_that_is_absent_is_left_out() -> None:
    nothing = ([np.nan] * 3, [0, 0.5, 1])
    assert (
        len(parts(unit_chart({"a": ([0, 1], [0, 1]), "b": nothing}, title="t", **LABELS), "path"))
        == 1
    )
    assert "no data" in unit_chart({"b": nothing}, title="t", **LABELS)


def test_a_reliability_diagram_has_a_dot_and_a_bar_per_bin() -> None:
    svg = reliability_chart([0.1, 0.5, 0.9], [0.2, 0.5, 0.7], [100, 25, 4], title="t", **LABELS)
    dots, bars = parts(svg, "circle"), parts(svg, "rect")
    assert len(dots) == len(bars) == 3
    heights = [float(bar.get("height")) for bar in bars]
    np.testing.assert_allclose(np.array(heights) / heights[0], [1, 0.5, 0.2], rtol=0.01)
    middles = [float(bar.get("x")) + float(bar.get("width")) / 2 for bar in bars]
    np.testing.assert_allclose(middles, [float(dot.get("cx")) for dot in dots], atol=0.11)
    assert "0.10 against 0.20 in 100 rows" in described(svg)
    assert "no data" in reliability_chart([], [], [], title="t", **LABELS)


def test_whiskers_reach_one_spread_to_each_side() -> None:
    svg = bar_chart(["a", "b"], [4.0, 2.0], title="t", spreads=[1.0, 0.0])
    box = parts(svg, "rect")[0]
    unit = float(box.get("width")) / 4
    level = [
        each
        for each in parts(svg, "line")
        if each.get("y1") == each.get("y2") and each.get("stroke") == "var(--ink)"
    ]
    (whisker,) = level  # none where there is no spread
    ends = [float(whisker.get("x1")), float(whisker.get("x2"))]
    zero = float(box.get("x"))
    np.testing.assert_allclose(ends, [zero + 3 * unit, zero + 5 * unit], atol=0.2)
    assert described(svg) == "Bar chart: a 4 ± 1, b 2."


def test_spreads_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 names, 2 values and 1 spreads"):
        bar_chart(["a", "b"], [1, 2], title="t", spreads=[1])


def test_capital_letters_fit() -> None:
    text = next(
        each
        for each in parts(bar_chart(["FEMALE"], [1], title="t"), "text")
        if each.text == "FEMALE"
    )
    assert float(text.get("x")) >= 6 * 15.5  # the width of "FEMALE" at 22 units a letter


def test_a_residual_chart_marks_zero() -> None:
    svg = scatter_chart([1, 2, 3], [5, 6, 7], title="t", diagonal=False, level=0.0)
    (zero,) = dashed(svg)
    assert zero.get("y1") == zero.get("y2")
    lowest = max(float(each.get("cy")) for each in parts(svg, "circle"))
    assert float(zero.get("y1")) > lowest  # below all points, and in the picture
