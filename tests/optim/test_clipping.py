"""Gradient clipping and weight decay, which all optimizers have: over the whole network."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from conformance.optimizers import START, X, Y, gradient, trained
from talweg.optim import OPTIMIZERS

BOTH = pytest.mark.parametrize("engine", ("numpy", "native"))


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_norm_of_the_whole_gradient_is_bounded(engine: str, dtype: str) -> None:
    g = gradient(START)
    moved = START - trained(tw.SGD(lr=1.0, clip_norm=0.5), 1, dtype, engine=engine)
    assert np.linalg.norm(g) > 1
    assert_allclose(moved, 0.5 * g / np.linalg.norm(g), rtol=1e-5, atol=1e-6)


@BOTH
def test_a_small_gradient_is_not_clipped(engine: str) -> None:
    long = trained(tw.SGD(lr=1.0, clip_norm=100.0), 1, engine=engine)
    assert_allclose(long, trained(tw.SGD(lr=1.0), 1, engine=engine), rtol=1e-15)


@BOTH
def test_clip_value_bounds_each_element(engine: str) -> None:
    moved = START - trained(tw.SGD(lr=1.0, clip_value=0.1), 1, engine=engine)
    assert_allclose(moved, np.clip(gradient(START), -0.1, 0.1), rtol=1e-12)
    assert (abs(moved) > 0.0999).any()
    assert (abs(moved) < 0.0999).any()


@BOTH
def test_decay_comes_after_clipping(engine: str) -> None:
    rule = tw.SGD(lr=1.0, clip_norm=0.5, weight_decay=0.5)
    g = gradient(START)
    moved = START - trained(rule, 1, engine=engine)
    assert_allclose(moved, 0.5 * g / (np.linalg.norm(g) + 1e-6) + 0.5 * START, rtol=1e-12)


class OneSign(tw.Optimizer):
    """A custom optimizer."""

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        return weights - self.lr * gradient, {}


@pytest.mark.quick("True-native", "False-numpy")
@BOTH
@pytest.mark.parametrize("decoupled", [False, True])
def test_a_custom_optimizer_decays_and_clips(decoupled: bool, engine: str) -> None:
    settings = {"clip_value": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": decoupled}
    own = trained(OneSign(lr=0.1, **settings), 20, engine=engine)
    assert_array_equal(own, trained(tw.SGD(lr=0.1, **settings), 20, engine=engine))


def net_of_layers(x: Any) -> tw.Module:
    parts = tw.Dense(80, "relu"), tw.Dense(40, "tanh"), tw.Dense(3)
    return tw.Sequential(*parts, dtype="float64").init(x, seed=1)


RANDOM = np.random.default_rng(3)
WIDE = RANDOM.normal(size=(50, 33))
CLASSES = RANDOM.integers(0, 3, 50)


def long_run(rule: tw.Optimizer, **settings: Any) -> tw.Run:
    given = {"loss": "cross_entropy", "epochs": 3, "batch_size": 16, "optimizer": rule}
    return tw.fit(net_of_layers(WIDE), WIDE, CLASSES, **given, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_rule_on_several_layers(name: str) -> None:
    """Engines agree, and neither threads nor watching change a bit."""
    rule = OPTIMIZERS[name](clip_norm=0.7, clip_value=0.2)
    one, two = (long_run(rule, engine="native", threads=each) for each in (1, 2))
    expected = long_run(rule, engine="numpy")
    flat = one.net.weights.flat
    assert_array_equal(two.net.weights.flat, flat)
    assert_allclose(flat, expected.net.weights.flat, rtol=1e-8, atol=1e-9)
    watched = long_run(rule, engine="native", watch=True)
    assert_array_equal(watched.net.weights.flat, flat)


@pytest.mark.quick("numpy")
@BOTH
def test_the_watched_gradient_is_the_unclipped_one(engine: str) -> None:
    plain, clipped = (
        long_run(rule, engine=engine, watch="step").watched["1.weight/gradient_norm"][0]
        for rule in (tw.SGD(lr=0.1), tw.SGD(lr=0.1, clip_norm=1e-3))
    )
    assert_allclose(clipped, plain, rtol=1e-12)
    assert plain > 1e-2


def test_a_sweep_over_clipping() -> None:
    found = tw.sweep(
        lambda: tw.Sequential(tw.Dense(3)),
        X,
        Y,
        over={"clip_norm": [0.1, 0.5], "weight_decay": [0.1, 0.2]},
        optimizer=tw.SGD(lr=0.1),
        epochs=5,
    )
    assert len(found.runs) == 4
    assert found.programs == 1
    assert len({run.history["loss"][-1] for run in found.runs}) == 4
