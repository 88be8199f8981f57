"""Every update rule: one table row each, with its trajectory in a few lines of NumPy."""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.errors import SettingError
from talweg.optim import OPTIMIZERS

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def sgd(w, gradient, steps, *, lr, momentum, nesterov, weight_decay):
    velocity = np.zeros_like(w)
    for _ in range(steps):
        g = gradient(w) + weight_decay * w
        velocity = momentum * velocity + g
        w = w - lr * (g + momentum * velocity if nesterov else velocity)
        yield w


def adam(w, gradient, steps, *, lr, beta1, beta2, eps, weight_decay, decoupled=False):
    mean, square = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient(w)
        if decoupled:
            w = w * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * w
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        w = w - lr * (mean / (1 - beta1**t)) / (np.sqrt(square / (1 - beta2**t)) + eps)
        yield w


adamw = partial(adam, decoupled=True)


class Row(NamedTuple):
    """A rule, its reference, and the steps it needs in a parabola and in Rosenbrock's valley;
    None where decay moves the lowest point, or the steps are too long."""

    rule: tw.Optimizer
    reference: Callable[..., Iterator[np.ndarray]]
    parabola: int | None = None
    valley: int | None = None


ROWS = {
    "plain": Row(tw.SGD(lr=0.1), sgd, 100),
    "small steps": Row(tw.SGD(lr=0.002), sgd, 3000, 6000),
    "momentum": Row(tw.SGD(lr=0.001, momentum=0.9), sgd, 1000, 3000),
    "nesterov": Row(tw.SGD(lr=0.001, momentum=0.9, nesterov=True), sgd, 1000, 3000),
    "decay": Row(tw.SGD(lr=0.1, weight_decay=0.05), sgd),
    "momentum and decay": Row(tw.SGD(lr=0.01, momentum=0.8, weight_decay=0.1), sgd),
    "adam": Row(tw.Adam(lr=0.05), adam, 600, 3000),
    "adam, no averages": Row(tw.Adam(lr=0.01, beta1=0.0, beta2=0.0), adam, 600),
    "adam, others": Row(tw.Adam(lr=0.02, beta1=0.8, beta2=0.99, eps=1e-3), adam, 600, 3000),
    "adam and decay": Row(tw.Adam(lr=0.05, weight_decay=0.1), adam),
    "adamw": Row(tw.AdamW(lr=0.05), adamw),
    "adamw, strong decay": Row(tw.AdamW(lr=0.05, weight_decay=0.5), adamw),
    "adamw, no decay": Row(tw.AdamW(lr=0.05, weight_decay=0), adamw, 600, 3000),
}
X = np.random.default_rng(0).normal(size=(20, 4))
Y = X @ [[1.0], [-2.0], [3.0], [0.0]] + np.random.default_rng(1).normal(size=(20, 1))
START = np.array([[0.5], [0.5], [-0.5], [0.1]])


def settings_of(rule: tw.Optimizer) -> dict[str, float]:
    return {each.name: getattr(rule, each.name) for each in dataclasses.fields(rule)}


def gradient(w: np.ndarray) -> np.ndarray:
    """Of the mean squared error of X w."""
    return 2 / len(X) * X.T @ (X @ w - Y)


def trained(rule: tw.Optimizer, epochs: int, dtype: str = "float64") -> np.ndarray:
    net = tw.Sequential(tw.Dense(1, bias=False, init=START), dtype=dtype)
    tw.fit(net, X, Y, loss="mse", optimizer=rule, epochs=epochs, batch_size=None)
    return net.weights["0.weight"]


def test_every_rule_by_name_has_a_row() -> None:
    assert {type(row.rule) for row in ROWS.values()} == set(OPTIMIZERS.values())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ROWS)
def test_trajectory(name: str, dtype: str) -> None:
    rule, reference = ROWS[name][:2]
    path = [*reference(START, gradient, 50, **settings_of(rule))]
    for epochs in (1, 2, 50):
        found = trained(rule, epochs, dtype)
        assert found.dtype == dtype
        assert_allclose(found, path[epochs - 1], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("name", ROWS)
def test_like_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed, so not compared with")
    row = ROWS[name]
    settings = settings_of(row.rule)
    if not isinstance(row.rule, tw.SGD):
        settings["betas"] = settings.pop("beta1"), settings.pop("beta2")
    w = torch.tensor(START, requires_grad=True)
    rule = getattr(torch.optim, type(row.rule).__name__)([w], **settings)
    for _ in range(50):
        rule.zero_grad()
        ((torch.tensor(X) @ w - torch.tensor(Y)) ** 2).mean().backward()
        rule.step()
    assert_allclose(trained(row.rule, 50), w.detach().numpy(), rtol=1e-10, atol=1e-15)


# Minimising ---------------------------------------------------------------------------------------


class Point(tw.Module):
    """A net that is nothing but a point in the plane, whatever the rows."""

    dtype = "float64"

    def __init__(self, *start: float) -> None:
        self.start = np.array(start)

    def __call__(self, x):
        return 0.0 * x + self.parameter("place", (2,), self.start)


def lowest(rule: tw.Optimizer, height, start: tuple[float, float], steps: int) -> np.ndarray:
    net = Point(*start)
    tw.fit(net, np.zeros((1, 2)), np.zeros((1, 2)), loss=height, optimizer=rule, epochs=steps)
    return net.weights["place"]


def parabola(place, target):
    return 0.5 * (place[:, 0] - 1.0) ** 2 + 2.0 * (place[:, 1] + 0.5) ** 2


def valley(place, target):
    """Rosenbrock's: a curved valley, whose lowest point is (1, 1)."""
    x, y = place[:, 0], place[:, 1]
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


@pytest.mark.parametrize("name", [each for each in ROWS if ROWS[each].parabola])
def test_a_parabola(name: str) -> None:
    place = lowest(ROWS[name].rule, parabola, (-1.0, 2.0), ROWS[name].parabola)
    assert_allclose(place, [1, -0.5], atol=0.02)


@pytest.mark.parametrize("name", [each for each in ROWS if ROWS[each].valley])
def test_rosenbrocks_valley(name: str) -> None:
    place = lowest(ROWS[name].rule, valley, (-0.5, 0.5), ROWS[name].valley)
    assert valley(place[None], None).item() < 1e-2


def test_decay_pulls_to_zero() -> None:
    """A parabola 1/2 a (x - c)^2 with decay d has its lowest point at a c / (a + d)."""
    place = lowest(tw.SGD(lr=0.1, weight_decay=0.5), parabola, (0.0, 0.0), 200)
    assert_allclose(place, [1 / 1.5, -0.5 * 4 / 4.5], rtol=1e-6)


# Settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (tw.SGD, {"lr": -0.1}, "SGD: lr must be a number above 0, but -0.1 was given"),
        (tw.SGD, {"lr": 0}, "lr must be a number above 0"),
        (tw.SGD, {"lr": float("nan")}, "lr must be a number above 0"),
        (tw.SGD, {"lr": float("inf")}, "lr must be a number above 0"),
        (tw.SGD, {"lr": "0.1"}, "lr must be a number above 0, but '0.1' was given"),
        (tw.SGD, {"lr": True}, "lr must be a number above 0"),
        (tw.SGD, {"momentum": 1.0}, "momentum must be a number at least 0 and below 1"),
        (tw.SGD, {"momentum": -0.1}, "momentum must be a number at least 0 and below 1"),
        (tw.SGD, {"weight_decay": -1e-9}, "weight_decay must be a number at least 0"),
        (tw.SGD, {"nesterov": 1}, "nesterov must be True or False"),
        (tw.SGD, {"nesterov": True}, "give momentum > 0"),
        (tw.Adam, {"lr": None}, "Adam: lr must be a number above 0, but None was given"),
        (tw.Adam, {"beta1": 1.0}, "beta1 must be a number at least 0 and below 1"),
        (tw.Adam, {"beta2": 1.5}, "beta2 must be a number at least 0 and below 1"),
        (tw.Adam, {"eps": -1e-8}, "eps must be a number at least 0"),
        (tw.AdamW, {"weight_decay": -1}, "AdamW: weight_decay must be a number at least 0"),
    ],
)
def test_what_settings_allow(kind, settings, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        kind(**settings)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "inputs", "state"),
    [
        (tw.SGD(lr=0.1), {"lr"}, set()),
        (tw.SGD(lr=0.1, momentum=0.9), {"lr", "momentum"}, {"velocity"}),
        (tw.SGD(lr=0.1, weight_decay=1), {"lr", "weight_decay"}, set()),
        (tw.Adam(), {"lr", "beta1", "beta2", "eps"}, {"mean", "square", "step"}),
        (tw.Adam(beta1=0, eps=0), {"lr", "beta2"}, {"mean", "square", "step"}),
        (tw.AdamW(), {"lr", "beta1", "beta2", "eps", "weight_decay"}, {"mean", "square", "step"}),
    ],
)
def test_a_setting_of_0_leaves_its_part_out(rule, inputs, state) -> None:
    """Numbers that take part are inputs of the run, so another value never recompiles it."""
    assert set(rule.run_settings()) == inputs
    assert set(rule.init(np.zeros(3, "float32"))) == state


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_by_name(name: str) -> None:
    np.testing.assert_array_equal(trained(name, 5), trained(OPTIMIZERS[name](), 5))


@pytest.mark.parametrize(
    ("given", "words"),
    [("adm", "Did you mean 'adam'?"), (0.1, "Give tw.SGD(lr=0.01)"), (tw.SGD, "SGD")],
)
def test_what_is_no_rule(given, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        trained(given, 1)
    assert words in str(raised.value)


def test_a_rule_of_ones_own() -> None:
    """Steps along the sign of the gradient, in a few lines."""

    class SignDescent(tw.Optimizer):
        def update(self, weights, gradient, state):
            return weights - self.lr * tw.sign(gradient), {}

    w = START
    for _ in range(10):
        w = w - 0.01 * np.sign(gradient(w))
    assert_allclose(trained(SignDescent(lr=0.01), 10), w, rtol=1e-13)


def test_rules_are_values() -> None:
    assert tw.Adam(lr=0.1) == tw.Adam(lr=0.1) != tw.AdamW(lr=0.1)
    assert repr(tw.SGD(lr=0.1)) == "SGD(lr=0.1, momentum=0.0, nesterov=False, weight_decay=0.0)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        tw.SGD().lr = 1.0
