"""Simulated annealing: acceptance, cooling, and the result."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.errors import SettingError
from talweg.optim.annealing import adapted, probability

BOTH = pytest.mark.parametrize("engine", ("numpy", "native"))


class Place(tw.Module):
    """A network whose output is a point, whatever the rows."""

    def __init__(self, start, dtype: str = "float64") -> None:
        self.dtype, self.start = dtype, np.array(start, float)

    def __call__(self, x):
        return 0.0 * x + self.parameter("place", self.start.shape, self.start)


def valleys(place, target):
    """Rastrigin's function: a local minimum near each integer, the global one at 0."""
    x = place
    return tw.sum(x * x + 3.0 - 3.0 * tw.cos(2 * math.pi * x), 1)


def bowl(place, target):
    return tw.sum(0.5 * place * place, 1)


def go(rule, start=(3.0, -2.0), loss=valleys, epochs: int = 150, dtype="float64", **settings):
    rows = np.zeros((1, len(start)))
    settings = {"engine": "numpy", "batch_size": None, **settings}
    net = Place(start, dtype)
    return tw.fit(net, rows, rows, loss=loss, optimizer=rule, epochs=epochs, **settings)


HOT = tw.SimulatedAnnealing(temperature=10.0, step_size=1.0, end_fraction=1e-6, restart_after=15)


@pytest.mark.quick("*float32*numpy*", "*numpy*float32*")
@BOTH
@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_the_global_minimum_among_many_valleys(dtype: str, engine: str) -> None:
    """Gradient descent and L-BFGS end in the minimum next to their start."""
    for seed in range(3):
        place = go(HOT, dtype=dtype, seed=seed, engine=engine).net.weights["place"]
        assert_allclose(place, 0, atol=1e-2)
    for rule in (tw.SGD(lr=0.005), tw.LBFGS()):
        place = go(rule, epochs=500, dtype=dtype).net.weights["place"]
        assert np.abs(place).min() > 0.8


def test_a_low_temperature_is_hill_climbing() -> None:
    """At a low temperature and with small proposals it stays near its start."""
    cold = tw.SimulatedAnnealing(temperature=1e-9, step_size=0.05)
    assert_allclose(go(cold).net.weights["place"], [2.95, -1.966], atol=0.01)


@pytest.mark.slow
def test_a_net_learns() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 2))
    rule = tw.SimulatedAnnealing(temperature=0.1, step_size=0.3)
    settings = {"loss": "mse", "epochs": 100, "batch_size": None, "metrics": "mae"}
    run = tw.fit(tw.Sequential(tw.Dense(1)), X, X[:, :1] + 1, optimizer=rule, **settings)
    assert run.history["loss"][-1] < 0.01 * run.history["loss"][0]
    assert run.history["mae"][-1] < 0.2 * run.history["mae"][0]


# What is accepted ---------------------------------------------------------------------------------


def test_probability() -> None:
    assert probability(1.0, 0.5, 2.0) == probability(1.0, 1.0, 2.0) == 1
    assert probability(1.0, 3.0, 2.0) == pytest.approx(math.exp(-1))
    assert probability(1.0, 1.1, 0.0) == 0
    assert probability(1.0, 1e300, 1e-300) == 0


@pytest.mark.slow
@pytest.mark.parametrize("temperature", (0.5, 4.0))
def test_energies_have_a_boltzmann_distribution(temperature: float) -> None:
    """At a fixed temperature T the height of a bowl in D dimensions has mean D T / 2 and variance
    D T^2 / 2, as exp(-height / T) says.
    """
    rule = tw.SimulatedAnnealing(
        temperature, cooling=lambda done: 1.0, step_size=2 * temperature**0.5, adaptive=False
    )
    heights = go(rule, (0.0, 0.0), bowl, 2500).watched["energy"][10:]
    assert heights.mean() == pytest.approx(temperature, rel=0.08)
    assert heights.std() == pytest.approx(temperature, rel=0.12)


def test_all_proposals_are_accepted_on_a_plain_and_none_beside_a_wall() -> None:
    def plain(place, target):
        return tw.sum(0.0 * place, 1)

    def well(place, target):
        return tw.sum(tw.where(tw.absolute(place) > 0.0, 1e6, 0.0), 1)

    assert_array_equal(go(HOT, loss=plain, epochs=5).watched["accepted"], 1)
    start = (0.0, 0.0)
    run = go(HOT, start, well, 5)
    assert_array_equal(run.watched["accepted"], 0)
    assert_array_equal(run.net.weights["place"], start)


def test_a_proposal_of_nan_is_never_accepted() -> None:
    def half(place, target):
        return tw.sum(tw.log(place), 1)  # falls toward 0, beyond which there is nothing

    run = go(tw.SimulatedAnnealing(temperature=100.0, step_size=1.0), loss=half, start=(1.0, 1.0))
    assert run.failure is None
    assert np.isfinite(run.history["loss"]).all()
    assert (run.net.weights["place"] > 0).all()


# Temperature and spread ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cooling", "expected"),
    [
        ("geometric", [2, 2 * 0.01**0.25, 0.2, 2 * 0.01**0.75, 0.02]),
        ("linear", [2, 1.505, 1.01, 0.515, 0.02]),
        ("logarithmic", [2 * math.log(2) / math.log(k) for k in (2, 3, 4, 5, 6)]),
        (lambda done: 1 / (1 + done), [2, 1, 2 / 3, 0.5, 0.4]),
    ],
    ids=["geometric", "linear", "logarithmic", "function"],
)
def test_cooling(cooling, expected: list[float]) -> None:
    run = go(tw.SimulatedAnnealing(2.0, cooling, end_fraction=0.01), epochs=5)
    assert_allclose(run.watched["temperature"], expected, rtol=1e-12)


def test_a_single_epoch_has_the_initial_temperature() -> None:
    assert go(tw.SimulatedAnnealing(2.0), epochs=1).watched["temperature"] == [2.0]


def test_the_step_size_follows_coranas_rule() -> None:
    assert adapted(0.1, 0.3, 9) == adapted(0.1, 0.2, 9) == adapted(0.1, 0.4, 9) == 0.1
    assert adapted(0.1, 1.0, 9) == pytest.approx(0.3)
    assert adapted(0.1, 0.7, 9) == pytest.approx(0.2)
    assert adapted(0.3, 0.0, 9) == pytest.approx(0.1)
    assert adapted(0.3, 0.1, 9) == pytest.approx(0.15)
    assert adapted(0.1, 1.0, 0.15) == 0.15


@pytest.mark.slow
def test_the_step_size_follows_the_acceptance_rate() -> None:
    run = go(HOT)
    spread, accepted = run.watched["step_size"], run.watched["accepted"]
    assert spread[0] == 1.0
    assert_allclose(
        spread[1:], [adapted(*each, 1.0) for each in zip(spread[:-1], accepted[:-1], strict=True)]
    )
    assert spread[-1] < 0.1
    fixed = go(tw.SimulatedAnnealing(temperature=10.0, adaptive=False))
    assert_array_equal(fixed.watched["step_size"], 0.1)


@pytest.mark.slow
def test_the_fraction_of_moved_weights() -> None:
    """A tiny fraction moves one weight in each proposal, one half moves about half of them."""
    counts = {}
    for share in (1e-9, 0.5, 1.0):
        rule = tw.SimulatedAnnealing(
            move_fraction=share, proposals=1, temperature=1e9, end_fraction=1.0
        )
        found = []
        for seed in range(20):
            run = go(rule, [1.0] * 40, lambda place, _: -bowl(place, _), 1, seed=seed)
            found.append(np.count_nonzero(run.net.weights["place"] != 1.0))
        counts[share] = np.array(found)
    assert set(counts[1e-9]) == {0, 1}  # the net has the lowest place, here the farthest from 0
    assert set(counts[1.0]) == {0, 40}
    half = counts[0.5][counts[0.5] > 0]
    assert 10 < half.min() < 20 < half.max() < 30


# Where it is --------------------------------------------------------------------------------------


def test_the_network_has_the_lowest_point_seen() -> None:
    run = go(
        tw.SimulatedAnnealing(temperature=5.0, cooling=lambda done: 1.0, step_size=1.0), epochs=60
    )
    assert (np.diff(run.history["loss"]) <= 0).all()
    assert (run.watched["energy"] >= valleys_at(run.net.weights["place"])).all()
    assert run.watched["energy"][-1] > valleys_at(run.net.weights["place"])


def valleys_at(place) -> float:
    return float((place**2 + 3 - 3 * np.cos(2 * math.pi * place)).sum())


def test_the_search_returns_to_the_lowest_point() -> None:
    """At a high temperature the walk drifts away; a return in each epoch keeps it near."""
    hot = {"temperature": 1e6, "end_fraction": 1.0, "step_size": 1.0, "adaptive": False}
    rules = (tw.SimulatedAnnealing(**hot, restart_after=epochs) for epochs in (None, 1, 10))
    free, held, some = (go(rule, (0.0, 0.0), bowl, 100).watched["energy"] for rule in rules)
    assert np.median(held) < 0.3 * np.median(some) < 0.3 * np.median(free)


def test_the_same_seed_is_the_same_run() -> None:
    one, same, other = (go(HOT, seed=seed, epochs=20) for seed in (4, 4, 5))
    assert_array_equal(one.net.weights["place"], same.net.weights["place"])
    for name, each in one.watched.items():
        assert_array_equal(each, same.watched[name])
    assert (one.watched["energy"] != other.watched["energy"]).any()


def test_engines_agree() -> None:
    runs = [go(HOT, engine=engine, epochs=30) for engine in ("numpy", "native")]
    for name in ("energy", "accepted"):
        assert_allclose(*(each.watched[name] for each in runs), rtol=1e-9)
    assert_allclose(*(each.net.weights["place"] for each in runs), rtol=1e-9)


def test_stopping_rules_apply() -> None:
    run = go(HOT, epochs=500, stop=tw.EarlyStopping(30, watch="loss"))
    assert run.stopped_by == "early_stopping"
    assert run.epochs < 500


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": 0}, "SimulatedAnnealing: temperature must be a number above 0"),
        (
            {"cooling": "slow"},
            "SimulatedAnnealing: cooling must be 'geometric', 'linear', 'logarithmic' or",
        ),
        ({"move_fraction": 0}, "SimulatedAnnealing: move_fraction must be"),
        ({"proposals": 0}, "SimulatedAnnealing: proposals must be"),
        ({"restart_after": 0}, "SimulatedAnnealing: restart_after must be"),
    ],
)
def test_invalid_numbers_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        tw.SimulatedAnnealing(**settings)


def test_invalid_runs_are_refused() -> None:
    with pytest.raises(
        SettingError, match="cooling must return a number of at least 0, but returned -1"
    ):
        go(tw.SimulatedAnnealing(cooling=lambda done: -1))
    X = np.zeros((40, 2))
    with pytest.raises(SettingError, match="Annealing uses all 40 rows in each step"):
        tw.fit(tw.Sequential(tw.Dense(1)), X, X[:, :1], optimizer="annealing")
