"""The page of a sweep: sound charts that show what they should, of any sweep there may be."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import talweg as tw
from talweg.draw.charts.setting_effect import loss_chart
from talweg.draw.charts.setting_grid import heat_chart
from talweg.draw.charts.setting_plane import plane_chart
from talweg.draw.charts.sweep_curves import curves_chart
from talweg.draw.pages.report import render
from talweg.insight.describe import describe

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<b>&\"'\x07"
NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5])
QUIET: dict[str, Any] = {"epochs": 4, "progress": False, "engine": "numpy"}

CHARTS = {
    "loss": lambda word: loss_chart([0.1, 0.2, 0.3], [3, 1, 2], name=word, measure=word),
    "loss by words": lambda word: loss_chart([word, "b", word], [3, 1, 2], name="n", measure="m"),
    "plane": lambda word: plane_chart(
        [1, 2, 3], [word, "b", word], [3, 1, NAN], names=(word, "n"), measure=word
    ),
    "heat": lambda word: heat_chart(
        [word, "b"], ["1", word], [[1, 2], [NAN, 0.5]], names=(word, "n"), measure=word
    ),
    "curves": lambda word: curves_chart([[3, 2, 1], [4, INF]], [1, NAN], measure=word),
}


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_sound(name: str) -> None:
    for word in ("plain", EVIL):
        svg = CHARTS[name](word)
        root = ElementTree.fromstring(svg)
        assert root.attrib["role"] == "img" and len(root[1].text or "") > 20
        assert "<b>" not in svg and not re.search(r"\b(nan|inf)\b", svg)
        colors = {each.attrib.get(key) for each in root.iter() for key in ("fill", "stroke")}
        assert all(str(each).startswith("var(--") for each in colors - {None, "none"})


@pytest.mark.parametrize(
    "svg",
    [
        loss_chart([], [], name="n", measure="m"),
        loss_chart([1, 2], [NAN, INF], name="n", measure="m"),
        plane_chart([], [], [], names=("a", "b"), measure="m"),
        heat_chart(["1"], ["2"], [[NAN]], names=("a", "b"), measure="m"),
        curves_chart([], [], measure="m"),
        curves_chart([[1, 2]], [NAN], measure="m"),
    ],
)
def test_a_chart_of_nothing_says_so(svg: str) -> None:
    assert "no data" in texts(svg)


def circles(svg: str) -> list[tuple[float, float, float]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}circle")
    return [tuple(float(each.attrib[key]) for key in ("cx", "cy", "r")) for each in found]


def test_dots_lie_where_the_runs_are_and_the_ring_is_round_the_best() -> None:
    rates, losses = [1e-4, 1e-2, 1.0, 1e-3], [4.0, 1.0, 3.0, NAN]
    *dots, ring = circles(loss_chart(rates, losses, name="lr", measure="loss"))
    assert len(dots) == 3  # a run that failed has none
    assert dots[1][:2] == ring[:2] and ring[2] > dots[1][2]
    x = [dot[0] for dot in dots]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)  # two decades each
    heights = [dot[1] for dot in dots]
    assert heights[0] < heights[2] < heights[1]  # y grows downwards
    assert "lr (log scale)" in texts(loss_chart(rates, losses, name="lr", measure="loss"))


def test_a_heat_map_is_strongest_where_the_loss_is_least() -> None:
    losses = [[0.5, 2.0], [0.1, NAN]]
    svg = heat_chart(["a", "b"], ["1", "2"], losses, names=("n", "m"), measure="loss")
    cells = [float(each.attrib["fill-opacity"]) for each in ElementTree.fromstring(svg).iter()
             if each.tag == f"{SVG}rect"]  # fmt: skip
    assert sorted(range(4), key=cells.__getitem__) == [3, 1, 0, 2]
    assert {"0.500", "2", "0.100"} <= set(texts(svg))
    assert "The lowest, 0.1000, is at n b and m 1." in svg


def test_few_of_many_curves_are_drawn_and_the_best_is_one() -> None:
    curves = [np.linspace(9, place + 1, 400) for place in range(100)]
    svg = curves_chart(curves, [each[-1] for each in curves], measure="loss")
    lines = list(ElementTree.fromstring(svg).iter(f"{SVG}path"))
    assert len(lines) == 40 and "40 of 100 runs" in texts(svg)
    assert [each.attrib["stroke"] for each in lines].count("var(--series-1)") == 1
    assert lines[-1].attrib["stroke"] == "var(--series-1)" and len(svg) < 150_000
    assert "from 9 at epoch 1 to 1 at epoch 400" in svg


# Pages --------------------------------------------------------------------------------------------


def build(hidden: int = 3, act: str = "tanh") -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, act), tw.Dense(1))


SWEEPS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a grid": (
        {"over": {"lr": [0.001, 0.01, 0.1], "hidden": [2, 3], "seed": [1, 2]}},
        ["Loss by lr", "Loss by hidden", "Loss by lr and hidden", "Loss by epoch"],
    ),
    "ranges": (
        {"over": {"lr": tw.Range(1e-4, 1, log=True), "act": ["tanh", "relu"]}, "points": 14},
        ["Loss by lr", "Loss by act", "Loss by lr and act", "Loss by epoch"],
    ),
    "validation": (
        {"over": {"lr": [0.01, 0.1]}, "validation": 0.25},
        ["Validation loss by lr", "Validation loss by epoch"],
    ),
    "seeds alone": ({"over": {"seed": range(4)}}, ["Loss by seed", "Loss by epoch"]),
    "one run": ({"over": {}}, ["Loss by epoch"]),
    "losses": (
        {"over": {"loss": ["mse", "mae"]}},
        ["Loss by loss", "Loss by epoch"],
    ),
    "halving": (
        {"over": {"seed": range(4)}, "halving": tw.SuccessiveHalving(1, factor=2)},
        ["Loss by seed", "Loss by epoch"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEEPS)
def test_the_page_of_a_sweep(name: str, tmp_path) -> None:
    given, titles = SWEEPS[name]
    sweep = tw.sweep(build, X, Y, **{**QUIET, **given})
    file = tw.report(sweep, tmp_path / "sweep.html")
    page = file.read_text("utf-8")
    assert page == render(describe(sweep)) and [each.name for each in tmp_path.iterdir()] == [
        "sweep.html"
    ]
    pictures = re.findall(r"(?s)<svg xmlns.*?</svg>", page)
    assert [ElementTree.fromstring(each)[0].text for each in pictures] == titles
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    for point in sweep.points[:1]:
        assert all(str(value) in page for value in point.values() if isinstance(value, str))
    if name == "halving":
        assert "Stopped by halving" in page
    best = sweep.table["run_loss" if "run_loss" in sweep.table else sweep.compared_by]
    assert f"{best[sweep.table.best]:.6g}" in page


def test_failures_and_restarts_have_pages_too(tmp_path) -> None:
    with pytest.warns(tw.TrainingWarning):
        sweep = tw.sweep(build, X, Y, over={"lr": [1e200, 0.1]}, optimizer="sgd", **QUIET)
    assert "Became NaN or infinite" in render(describe(sweep))
    with pytest.warns(tw.TrainingWarning):
        none = tw.sweep(build, X, Y, over={"lr": [1e200, 1e201]}, optimizer="sgd", **QUIET)
    assert "No run has a loss to compare." in render(describe(none))
    found = tw.restarts(build, X, Y, starts=3, **QUIET)
    assert "A sweep of 3 runs" in tw.report(found, tmp_path / "a.html").read_text("utf-8")
    with pytest.raises(
        tw.SettingError, match="must be a fitted TableModel, a Run, a Sweep or Restarts"
    ):
        tw.report(3, tmp_path / "b.html")
