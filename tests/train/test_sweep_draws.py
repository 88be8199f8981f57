"""Points drawn from ranges and lists: their values, how even they are, and what is refused."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.train.search.ranges import SHARES, visited

X = np.random.default_rng(0).normal(size=(6, 3))
Y = X.sum(axis=1)
OVER = {"lr": tw.Range(1e-4, 1, log=True), "hidden": tw.Range(2, 5, integer=True)}
QUIET: dict[str, Any] = {"epochs": 1, "progress": False, "optimizer": "sgd", "engine": "numpy"}
SAMPLINGS = ["random", "sobol"]


def build(hidden: int = 2) -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dense(1))


@pytest.fixture(autouse=True)
def scipy_for_sobol(request) -> None:
    if "sobol" in request.node.name:
        pytest.importorskip("scipy")


# Ranges -------------------------------------------------------------------------------------------

RANGES = {
    "plain": (tw.Range(-2, 6), [-2.0, 0.0, 6.0]),
    "log": (tw.Range(1e-4, 1, log=True), [1e-4, 1e-3, 1.0]),
    "whole": (tw.Range(1, 4, integer=True), [1, 2, 4]),
    "whole log": (tw.Range(1, 255, log=True, integer=True), [1, 4, 255]),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_share_gives_a_value_of_the_range(name: str) -> None:
    between, (low, quarter, high) = RANGES[name]
    last = float(np.nextafter(1.0, 0.0))
    found = [between.at(0.0), between.at(0.25), between.at(last)]
    assert found[:2] == [low, quarter] and found[2] == pytest.approx(high, rel=1e-12)
    assert {type(each) for each in found} == {int if between.integer else float}


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(list(RANGES)))
def test_no_value_lies_outside(share: float, name: str) -> None:
    between, (low, _, high) = RANGES[name]
    assert low <= between.at(share) <= high


@pytest.mark.parametrize("log", [False, True])
def test_integers_are_drawn_equally_often(log: bool) -> None:
    between = tw.Range(1, 3, integer=True, log=log)
    counts = np.bincount([between.at(share) for share in (np.arange(4000) + 0.5) / 4000])[1:]
    share = np.log([2 / 1, 3 / 2, 4 / 3]) / np.log(4) if log else np.full(3, 1 / 3)
    assert np.abs(counts - 4000 * share).max() <= 1


BROKEN = [
    ((1, 1), {}, "low must be below high"),
    ((2, 1), {}, "low must be below high"),
    ((0, 1), {"log": True}, "low must be above 0"),
    ((0.5, 2), {"integer": True}, "both ends must be whole"),
    (("a", 2), {}, "Range: low must be a number, but 'a'"),
    ((1, float("inf")), {}, "Range: high must be a number"),
    ((1, 2), {"log": 1}, "Range: log must be True or False"),
]


@pytest.mark.parametrize(("ends", "settings", "words"), BROKEN)
def test_bad_ranges_are_refused(ends, settings, words: str) -> None:
    with pytest.raises(tw.SettingError, match=words):
        tw.Range(*ends, **settings)


# Points -------------------------------------------------------------------------------------------


@pytest.mark.quick("random")
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_points_follow_from_the_seed_and_more_points_keep_the_first(sampling: str) -> None:
    def points(count: int, seed: int) -> list[dict[str, Any]]:
        settings = {**QUIET, "points": count, "sampling": sampling, "seed": seed}
        return tw.sweep(build, X, Y, over=OVER, **settings).points

    few, many = points(5, 3), points(13, 3)
    assert len(many) == 13 and many[:5] == few and points(5, 4) != few
    assert {type(value) for point in many for value in point.values()} == {float, int}
    assert all(1e-4 <= point["lr"] <= 1 and 2 <= point["hidden"] <= 5 for point in many)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_drawn_point_is_trained_as_by_fit(sampling: str) -> None:
    sweep = tw.sweep(build, X, Y, over=OVER, points=4, sampling=sampling, **QUIET)
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        settings = {**QUIET, "optimizer": tw.SGD(lr=point["lr"])}
        alone = tw.fit(build(point["hidden"]), X, Y, **settings)
        np.testing.assert_array_equal(run.net.weights.flat, alone.net.weights.flat)
    assert sweep.table["lr"].dtype == float and sweep.table["hidden"].dtype.kind == "i"


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_values_of_lists_are_drawn_evenly(sampling: str) -> None:
    over = {"a": list("abcd"), "b": tw.Range(0, 1), "c": [1, 2]}
    columns, places = visited(over, 4096, sampling, 7)
    counts = np.bincount([each[0] for each in places])
    spread = 0 if sampling == "sobol" else 4 * np.sqrt(4096 * 0.25 * 0.75)
    assert columns["a"] == list("abcd") and np.abs(counts - 1024).max() <= spread
    both = np.unique([(each[0], each[2]) for each in places], axis=0)
    assert len(both) == 8
    shares = np.array([columns["b"][each[1]] for each in places])
    assert abs(shares.mean() - 0.5) < 0.02 and abs(shares.std() - np.sqrt(1 / 12)) < 0.01


@pytest.mark.slow
def test_sobol_fills_the_square_more_evenly() -> None:
    gaps = {}
    for sampling in SAMPLINGS:
        shares = SHARES[sampling](64, 2, 0)
        cells = np.zeros((8, 8), int)
        np.add.at(cells, tuple((shares * 8).astype(int).T), 1)
        gaps[sampling] = int((cells == 0).sum())
    assert gaps["sobol"] == 0 < gaps["random"]


@pytest.mark.parametrize("count", [1, 2, 3, 1000])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_any_number_of_points_can_be_drawn(sampling: str, count: int) -> None:
    shares = SHARES[sampling](count, 3, 0)
    assert shares.shape == (count, 3) and (shares >= 0).all() and (shares < 1).all()


def test_values_that_are_inputs_of_a_program_share_it() -> None:
    pytest.importorskip("llvmlite")
    over = {"lr": tw.Range(0.01, 0.1), "momentum": tw.Range(0.1, 0.9), "seed": range(3)}
    settings = {**QUIET, "engine": None}
    assert tw.sweep(build, X, Y, over=over, points=20, **settings).programs == 1


REFUSED = [
    ({"over": OVER}, r"over\['lr'\] is a range, which has no grid: .* points=32"),
    ({"over": OVER, "points": 0}, "sweep: points must be an integer of at least 1 or None"),
    ({"over": OVER, "points": 3, "sampling": "soboll"}, "Did you mean 'sobol'"),
    ({"over": {"lr": [1]}, "sampling": "random"}, "sampling='random' needs a number of points"),
    ({"over": {}, "points": 3}, "points=3 was given, but over is empty"),
    ({"over": {"hidden": tw.Range(0.1, 0.2)}, "points": 3}, "sweep at hidden=0.1"),
    ({"over": {"lr": tw.Range(-1, 1)}, "points": 9}, "SGD: lr must be a number above 0"),
    ({"over": OVER, "points": 3, "seed": -1}, "fit: seed must be an integer"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_refused_before_anything_is_trained(monkeypatch, given, words: str) -> None:
    monkeypatch.setattr("talweg.train.search.bracket.Executor", None)
    with pytest.raises(tw.SettingError, match=words):
        tw.sweep(build, X, Y, **{**QUIET, **given})


def test_sobol_without_scipy_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(tw.SettingError, match=r"needs SciPy: pip install 'talweg\[search\]'"):
        tw.sweep(build, X, Y, over=OVER, points=2, sampling="sobol", **QUIET)
    assert len(tw.sweep(build, X, Y, over=OVER, points=2, **QUIET).runs) == 2
