"""`restarts`: many runs side by side, the minima that they reach, and the printed table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw

ENGINES = ["native", "numpy"]
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
BOTTOMS = [-1.0, 0.5, 2.0]
"""Of a curve with three valleys, (x + 1)^2 (x - 1/2)^2 (x - 2)^2, tilted a little."""


def height(x: Any) -> Any:
    return ((x + 1) * (x - 0.5) * (x - 2)) ** 2 + 0.05 * (x + 1)


def ball() -> tw.Sequential:
    start = tw.Uniform(-1.6, 2.6)
    return tw.Sequential(tw.Dense(1, bias=False, init=start), dtype="float64")


def roll(**settings: Any) -> tw.Restarts:
    given: dict[str, Any] = {
        "loss": lambda place, _: height(place[:, 0]),
        "optimizer": tw.SGD(lr=0.01),
        "epochs": 400,
        "starts": 24,
        "progress": False,
        **settings,
    }
    return tw.restarts(ball, [[1.0]], [0.0], **given)


@pytest.mark.quick("native")
@pytest.mark.parametrize("engine", ENGINES)
def test_balls_in_one_valley_are_one_minimum(engine: str) -> None:
    found = roll(engine=engine)
    ends = np.array([run.net.weights.flat[0] for run in found.runs])
    valley = np.abs(ends[:, None] - BOTTOMS).argmin(axis=1)
    assert_allclose(ends, np.array(BOTTOMS)[valley], atol=0.02)
    assert len(found.minima) == 3
    for place, each in enumerate(found.minima):  # the tilt makes the first valley the deepest
        assert each.indices == np.flatnonzero(valley == place).tolist()
        assert each.count == len(each.indices)
        assert each.loss == min(found.losses[each.indices])
        assert each.run in [found.runs[i] for i in each.indices]
    assert found.best is found.minima[0].run is found.sweep.best
    assert found.solved == np.mean(valley == 0)


def test_each_start_equals_a_run_of_fit() -> None:
    X, y = CORNERS
    net = tw.Sequential(tw.Dense(3, "tanh"), tw.Dense(1), dtype="float64")
    settings: dict[str, Any] = {"epochs": 5, "batch_size": 2, "progress": False}
    found = tw.restarts(net, X, y, starts=3, seed=7, **settings)
    assert not net.is_initialized
    for seed, run in zip([7, 8, 9], found.runs, strict=True):
        alone = tw.Sequential(tw.Dense(3, "tanh"), tw.Dense(1), dtype="float64")
        alone = tw.fit(alone, X, y, seed=seed, **settings).net
        assert_array_equal(run.net.weights.flat, alone.weights.flat)
    assert found.sweep.points == [{"seed": 7}, {"seed": 8}, {"seed": 9}]


def test_minima_do_not_depend_on_the_order_of_the_starts() -> None:
    def of_seed(order: dict[int, int]):
        def made(seed: int) -> tw.Sequential:
            net = ball()
            net.weights = {"0.weight": [[-1.6 + 0.35 * order[seed]]]}
            return net

        settings = {"loss": lambda place, _: height(place[:, 0]), "optimizer": tw.SGD(lr=0.01)}
        return tw.restarts(made, [[1.0]], [0.0], starts=13, epochs=400, progress=False, **settings)

    plain, turned = (of_seed(dict(enumerate(each))) for each in (range(13), range(12, -1, -1)))
    for one, two in zip(plain.minima, turned.minima, strict=True):
        assert one.loss == two.loss and one.indices == sorted(12 - place for place in two.indices)


def test_networks_with_one_loss_and_two_functions_are_two_minima() -> None:
    def made(seed: int) -> tw.Sequential:
        """y = (w x)^2 has the minima w = 1 and w = -1: one function; x w of |w| = 1 are two."""
        net = tw.Sequential(tw.Dense(1, bias=False), dtype="float64")
        net.weights = {"0.weight": [[0.5 if seed % 2 else -0.5]]}
        return net

    settings: dict[str, Any] = {"starts": 6, "epochs": 200, "progress": False, "batch_size": None}
    X, y = np.array([[1.0], [2.0]]), np.array([1.0, 2.0])
    apart = tw.restarts(
        made, X, y, loss=lambda p, t: (p[:, 0] ** 2 - t[:, 0] ** 2) ** 2,
        optimizer=tw.SGD(lr=0.01), **settings,
    )  # fmt: skip
    assert [each.count for each in apart.minima] == [3, 3]
    assert_allclose([each.loss for each in apart.minima], 0, atol=1e-6)
    signs = [np.sign(each.run.net.weights.flat[0]) for each in apart.minima]
    assert sorted(signs) == [-1, 1]
    together = tw.restarts(
        made, X, y, tolerance=3.0, loss=lambda p, t: (p[:, 0] ** 2 - t[:, 0] ** 2) ** 2,
        optimizer=tw.SGD(lr=0.01), **settings,
    )  # fmt: skip
    assert [each.count for each in together.minima] == [6]


def test_the_printed_table() -> None:
    found = roll(solved=0.02)
    losses = found.losses
    assert found.solved == np.mean(losses < 0.02) and 0 < found.solved < 1
    spread = found.spread
    assert list(spread) == ["best", "10 %", "median", "90 %", "worst", "solved"]
    assert_allclose(list(spread.values())[:5], np.quantile(losses, [0, 0.1, 0.5, 0.9, 1]))
    assert_allclose(found.chance(3), 1 - (1 - found.solved) ** 3)
    enough = int(found.enough)
    assert found.chance(enough) >= 0.95 > found.chance(enough - 1)
    lines = str(found).splitlines()
    assert lines[0].split() == ["minimum", "loss", "starts", "share"]
    assert [line.split()[2] for line in lines[1:4]] == [str(c.count) for c in found.minima]
    assert lines[4].startswith("24 starts: 10 % ") and max(map(len, lines)) <= 80
    assert lines[5].startswith(f"{found.solved:.0%} of the starts were solved (a loss below 0.02)")
    assert repr(found) == "<Restarts: 24 starts, 3 minima; print it>"


def test_starts_that_fail_belong_to_no_minimum() -> None:
    settings: dict[str, Any] = {"starts": 8, "epochs": 60}
    with pytest.warns(tw.TrainingWarning, match=r"\d of 8 runs"):
        some = roll(optimizer=tw.SGD(lr=0.06), **settings)
    failed = [run.failure is not None for run in some.runs]
    assert 0 < sum(failed) < 8
    assert np.isnan(some.losses).tolist() == failed
    counted = sum(each.count for each in some.minima) + len(some.unconverged)
    assert counted == 8 - sum(failed)
    assert f"8 starts; {sum(failed)} failed: 10 %" in str(some)
    with pytest.warns(tw.TrainingWarning, match="8 of 8 runs"):
        none = roll(optimizer=tw.SGD(lr=1e30), **settings)
    assert none.minima == [] and none.solved == 0 and none.enough == np.inf
    assert str(none) == "none of 8 starts has a loss: see the `failure` of each"
    with pytest.raises(tw.DataError, match="no start stayed finite"):
        _ = none.spread
    stopped = roll(**settings, stop=tw.TimeBudget(1e-9))
    assert str(stopped) == "none of 8 starts has a loss: see the `stopped_by` of each"


def trained() -> tw.Module:
    return tw.Sequential(tw.Dense(1)).init([[1.0]])


REFUSED = [
    (ball, {"starts": 0}, "restarts: starts must be an integer of at least 1"),
    (ball, {"tolerance": 0}, "restarts: tolerance must be a number above 0"),
    (ball, {"seed": -1}, "fit: seed must be an integer"),
    (ball, {"over": {"lr": [1]}}, "only the seeds vary; for other settings use tw.sweep"),
    (trained(), {}, "the network already has weights"),
    (3, {}, "build must be a function that builds a new network"),
]


@pytest.mark.parametrize(("net", "given", "words"), REFUSED, ids=[each[2] for each in REFUSED])
def test_refused_before_anything_is_trained(monkeypatch, net, given, words: str) -> None:
    monkeypatch.setattr("talweg.train.search.bracket.Executor", None)
    with pytest.raises(tw.SettingError, match=words):
        tw.restarts(net, [[1.0]], [0.0], **given)
