"""Learning rates of parts of a network, and frozen parts."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from conformance.optimizers import OUTPUTS, ROWS, START, X, Y, gradient, settings_of, trained
from talweg.errors import SettingError
from talweg.optim import OPTIMIZERS
from talweg.train.run.job import job_of
from talweg.train.run.lower import DEFAULTS

ENGINES = ("numpy", "native")
SLOW = pytest.mark.slow
BOTH = pytest.mark.parametrize("engine", ENGINES)
IS_BIAS = np.arange(len(START)) >= len(START) - OUTPUTS


def deep(dtype: str = "float64") -> tw.Module:
    parts = tw.Dense(6, "tanh"), tw.Dense(4, "tanh"), tw.Dense(3)
    return tw.Sequential(*parts, dtype=dtype).init(X, seed=1)


def fit(engine: str, rule: Any = "adam", dtype: str = "float64", **settings: Any) -> tw.Run:
    given = {"epochs": 6, "batch_size": 7, "seed": 3, "engine": engine, **settings}
    return tw.fit(deep(dtype), X, Y, optimizer=rule, **given)


@BOTH
@pytest.mark.parametrize("name", ["plain", "momentum and decay", "adam", "lion", "nadam"])
def test_each_part_has_its_own_learning_rate(name: str, engine: str) -> None:
    """Each bias is trained alone, with all other parameters frozen."""
    row = ROWS[name]
    multipliers = {"0.weight": 0.5, "0.bias": 2.0}
    rate = np.where(IS_BIAS, 2.0, 0.5)
    settings = settings_of(row.rule)
    path = row.reference(START, gradient, 20, **{**settings, "lr": settings["lr"] * rate})
    *_, expected = path
    assert_allclose(
        trained(row.rule, 20, engine=engine, lr_multipliers=multipliers), expected, rtol=1e-10
    )


@pytest.mark.quick("*-numpy", "sgd-*", "adam-*", "muon-*")
@BOTH
@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=SLOW), "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_parts_keep_every_bit(name: str, dtype: str, engine: str) -> None:
    rule = OPTIMIZERS[name](weight_decay=0.1, clip_norm=1.0)
    before = deep(dtype).weights
    after = fit(engine, rule, dtype, lr_multipliers={"1": 0, "2.bias": 0}).net.weights
    for part in before:
        is_frozen = part in ("1.weight", "1.bias", "2.bias")
        assert np.array_equal(after[part], before[part]) is is_frozen, part


@pytest.mark.quick("sgd-{'0': 0, '1': 0.1}-None")
@pytest.mark.parametrize("watch", [None, True])
@pytest.mark.parametrize(
    "multipliers", [{"0": 0}, {"0": 0, "1": 0.1}, {"0": 0.3, "0.bias": 0}], ids=str
)
@pytest.mark.parametrize(
    "name", ["sgd", pytest.param("adamw", marks=SLOW), pytest.param("muon", marks=SLOW)]
)
def test_engines_agree(name: str, multipliers: dict[str, float], watch: Any) -> None:
    found, expected = (
        fit(e, name, lr_multipliers=multipliers, watch=watch) for e in reversed(ENGINES)
    )
    assert_allclose(found.net.weights.flat, expected.net.weights.flat, rtol=1e-9, atol=1e-12)
    assert [*found.watched] == [*expected.watched]


@BOTH
def test_watching_changes_no_bit(engine: str) -> None:
    multipliers = {"0": 0, "1": 0.1}
    plain, watched = (
        fit(engine, lr_multipliers=multipliers, watch=watch) for watch in (None, True)
    )
    assert_array_equal(plain.net.weights.flat, watched.net.weights.flat)
    assert "1.weight/gradient_norm" in watched.watched
    assert "0.weight/gradient_norm" not in watched.watched
    assert not watched.direction_changes["0.weight"].any()
    assert watched.direction_changes["2.weight"].any()


def test_threads_agree_to_the_bit() -> None:
    x = np.random.default_rng(0).normal(size=(64, 100))
    found = []
    for threads in (1, 2):
        net = tw.Sequential(tw.Dense(64, "relu"), tw.Dense(64, "relu"), tw.Dense(1))
        net.init(x, seed=0)
        settings = {"lr_multipliers": {"1": 0}, "epochs": 3, "engine": "native", "threads": threads}
        found.append(tw.fit(net, x, x[:, :1], **settings).net.weights.flat)
    assert_array_equal(*found)


def test_a_multiplier_of_1_changes_nothing() -> None:
    for engine in ENGINES:
        same = fit(engine, lr_multipliers={"0": 1, "1.weight": 1.0})
        assert_array_equal(same.net.weights.flat, fit(engine).net.weights.flat)


def products(multipliers: dict[str, float] | None) -> int:
    given = {**DEFAULTS, "optimizer": "sgd", "lr_multipliers": multipliers}
    graph = job_of(deep(), X, Y, given).program.step
    return [node.gate.name for node in graph.nodes if node.gate].count("matmul")


def test_gradients_of_frozen_parts_are_not_computed() -> None:
    """A step of three layers has 3 products forward, 2 backward, and 3 for weights."""
    assert products(None) == 8
    assert products({"0": 0}) == 6
    assert products({"0": 0, "1": 0}) == 4
    assert products({"2": 0}) == 7


def test_the_clipped_norm_covers_trained_parameters_only() -> None:
    g = gradient(START)
    rule = tw.SGD(lr=1.0, clip_norm=0.1)
    moved = START - trained(rule, 1, lr_multipliers={"0.bias": 0})
    norm = np.linalg.norm(g[~IS_BIAS])
    assert_allclose(moved, np.where(IS_BIAS, 0, 0.1 * g / norm), rtol=1e-5, atol=1e-15)


@pytest.mark.slow
def test_a_sweep_of_lr_multipliers() -> None:
    over = {"lr_multipliers": [None, {"0": 0.1}, {"0": 0.2}, {"0": 0}], "lr": [0.1, 0.2]}
    settings = {"epochs": 5, "engine": "native"}
    found = tw.sweep(deep, X, Y, over=over, optimizer="sgd", **settings)
    assert found.programs == 3
    for point, run in zip(found.points, found.runs, strict=True):
        rule = tw.SGD(lr=point["lr"])
        alone = tw.fit(
            deep(), X, Y, optimizer=rule, lr_multipliers=point["lr_multipliers"], **settings
        )
        assert_array_equal(run.net.weights.flat, alone.net.weights.flat)
        assert run.settings["lr_multipliers"] == point["lr_multipliers"]


class Together(tw.Optimizer):
    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        return weights - self.lr * gradient / tw.sqrt((gradient * gradient).sum()), {}


@pytest.mark.parametrize(
    ("multipliers", "words"),
    [
        ({"3": 0.1}, "lr_multipliers: the network has no part '3'"),
        ({"0.wight": 0.1}, "Did you mean '0.weight'?"),
        ({7: 0.1}, "the network has no part 7."),
        ({"0": -1}, "the multiplier of '0' must be a number of at least 0, but -1 was given"),
        ({"0": "slow"}, "but 'slow' was given"),
        ({"0": float("nan")}, "but nan was given"),
        (["0"], "lr_multipliers must be a mapping of parts to numbers"),
        ({"0": 0, "1": 0, "2": 0}, "lr_multipliers has only zeros"),
    ],
)
def test_invalid_lr_multipliers_are_refused(multipliers: Any, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        fit("numpy", lr_multipliers=multipliers)
    assert words in str(raised.value)


def test_an_optimizer_of_all_weights_together_has_one_learning_rate() -> None:
    with pytest.raises(SettingError, match="Together updates all weights together"):
        fit("numpy", Together(), lr_multipliers={"0": 0.1})
