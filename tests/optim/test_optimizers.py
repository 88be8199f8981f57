"""Every optimizer: one row of a table, with its trajectory in a few lines of NumPy."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from conformance.optimizers import ROWS, START, X, Y, gradient, settings_of, trained
from talweg.errors import SettingError
from talweg.optim import OPTIMIZERS

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
ENGINES = ("numpy", "native")
DTYPES = (pytest.param("float32", marks=pytest.mark.slow), "float64")


KINDS = set(OPTIMIZERS.values())


def test_every_rule_by_name_has_a_row() -> None:
    assert {type(row.rule) for row in ROWS.values()} == KINDS


@pytest.mark.quick(
    "*-numpy",
    "plain-*",
    "nesterov-*",
    "amsgrad-*",
    "adamw-*",
    "rmsprop, all-*",
    "radam-*",
    "muon-*",
)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROWS)
def test_trajectory(name: str, dtype: str, engine: str) -> None:
    rule, reference = ROWS[name][:2]
    path = [*reference(START, gradient, 50, **settings_of(rule))]
    for epochs in (1, 2, 50):
        found = trained(rule, epochs, dtype, engine=engine)
        assert found.dtype == dtype
        assert_allclose(found, path[epochs - 1], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.quick(
    "nesterov",
    "adam",
    "adamw, strong decay",
    "adagrad",
    "adadelta",
    "rmsprop, all",
    "adamax",
    "nadam",
    "radam",
    "lion",
    "muon",
)
@pytest.mark.parametrize("name", ROWS)
def test_other_numbers_share_a_program(name: str) -> None:
    """Settings are inputs of a compiled run."""
    rule = ROWS[name].rule
    other = dataclasses.replace(
        rule, **{name: value * 0.9 for name, value in rule.run_settings().items()}
    )

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(3))

    over = {"optimizer": [rule, other]}
    assert tw.sweep(build, X, Y, over=over, epochs=2, engine="native").programs == 1


@pytest.mark.quick("nesterov-numpy", "amsgrad-native", "rmsprop, all-native", "muon-native")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ROWS)
def test_a_resumed_run_is_the_uninterrupted(name: str, engine: str, tmp_path: Path) -> None:
    rule, file = ROWS[name].rule, tmp_path / "a.run"
    trained(rule, 3, engine=engine, checkpoint=file)
    found = trained(rule, 7, engine=engine, checkpoint=file, resume=True)
    np.testing.assert_array_equal(found, trained(rule, 7, engine=engine), strict=True)


def test_every_optimizer_descends_both_hills() -> None:
    for hill in ("parabola", "valley"):
        assert {type(row.rule) for row in ROWS.values() if getattr(row, hill)} == KINDS, hill


# Minimising ---------------------------------------------------------------------------------------


class Point(tw.Module):
    """A network whose output is a point in the plane, whatever the rows."""

    def __init__(self, dtype: str, *start: float) -> None:
        self.dtype, self.start = dtype, np.array(start)

    def __call__(self, x):
        return 0.0 * x + self.parameter("place", (2,), self.start)


def lowest(rule, height, start, steps, dtype="float64", engine=None) -> np.ndarray:
    net, rows = Point(dtype, *start), np.zeros((1, 2))
    tw.fit(net, rows, rows, loss=height, optimizer=rule, epochs=steps, engine=engine)
    return net.weights["place"]


def parabola(place, target):
    return 0.5 * (place[:, 0] - 1.0) ** 2 + 2.0 * (place[:, 1] + 0.5) ** 2


def valley(place, target):
    """Rosenbrock's function: a curved valley with its minimum at (1, 1)."""
    x, y = place[:, 0], place[:, 1]
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


@pytest.mark.quick(
    "nesterov-*",
    "adam-*",
    "adagrad-*",
    "adadelta-*",
    "rmsprop-*",
    "adamax-*",
    "nadam-*",
    "radam-*",
    "lion-*",
)
@pytest.mark.parametrize("engine", [pytest.param("numpy", marks=pytest.mark.slow), "native"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [each for each in ROWS if ROWS[each].parabola])
def test_a_parabola(name: str, dtype: str, engine: str) -> None:
    row = ROWS[name]
    place = lowest(row.rule, parabola, (-1.0, 2.0), row.parabola, dtype, engine)
    assert_allclose(place, [1, -0.5], atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", [each for each in ROWS if ROWS[each].valley])
def test_rosenbrocks_valley(name: str, dtype: str, engine: str) -> None:
    row = ROWS[name]
    place = lowest(row.rule, valley, (-0.5, 0.5), row.valley, dtype, engine)
    assert valley(place[None], None).item() < 1e-2


def test_weight_decay_shrinks_weights() -> None:
    """The parabola 1/2 a (x - c)^2 with weight decay d has its minimum at a c / (a + d)."""
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
        (tw.SGD, {"momentum": 1.0}, "momentum must be a number of at least 0 and below 1"),
        (tw.SGD, {"momentum": -0.1}, "momentum must be a number of at least 0 and below 1"),
        (tw.SGD, {"weight_decay": -1e-9}, "weight_decay must be a number of at least 0"),
        (tw.SGD, {"nesterov": 1}, "nesterov must be True or False"),
        (tw.SGD, {"nesterov": True}, "needs a momentum above 0"),
        (tw.Adam, {"lr": None}, "Adam: lr must be a number above 0, but None was given"),
        (tw.Adam, {"beta1": 1.0}, "beta1 must be a number of at least 0 and below 1"),
        (tw.Adam, {"beta2": 1.5}, "beta2 must be a number of at least 0 and below 1"),
        (tw.Adam, {"eps": -1e-8}, "eps must be a number of at least 0"),
        (tw.AdamW, {"weight_decay": -1}, "AdamW: weight_decay must be a number of at least 0"),
        (tw.Lion, {"decoupled_weight_decay": 1}, "decoupled_weight_decay must be True or False"),
        (tw.RMSProp, {"alpha": 1}, "RMSProp: alpha must be a number of at least 0 and below 1"),
        (tw.NAdam, {"momentum_decay": -1}, "momentum_decay must be a number of at least 0"),
        (tw.Muon, {"momentum": 1}, "Muon: momentum must be a number of at least 0 and below 1"),
        (tw.SGD, {"clip_norm": -1}, "SGD: clip_norm must be a number of at least 0"),
        (tw.AdaGrad, {"clip_value": None}, "clip_value must be a number of at least 0"),
    ],
)
def test_constraints_on_settings(kind, settings, words: str) -> None:
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
        (tw.RMSProp(), {"lr", "alpha", "eps"}, {"square"}),
        (tw.SGD(clip_norm=1, clip_value=2), {"lr", "clip_norm", "clip_value"}, set()),
    ],
)
def test_a_setting_of_0_leaves_its_part_out(rule, inputs, state) -> None:
    """Settings other than 0 are inputs of the run, so another value never recompiles it."""
    assert set(rule.run_settings()) == inputs
    assert set(rule.init(np.zeros(3, "float32"))) == state


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_by_name(name: str) -> None:
    np.testing.assert_array_equal(trained(name, 5), trained(OPTIMIZERS[name](), 5))


@pytest.mark.parametrize(
    ("given", "words"),
    [("adm", "Did you mean 'adam'?"), (0.1, "Give tw.SGD(lr=0.01)"), (tw.SGD, "SGD")],
)
def test_what_is_not_an_optimizer_is_refused(given, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        trained(given, 1)
    assert words in str(raised.value)


def test_a_custom_optimizer() -> None:
    """Steps along the sign of the gradient, in a few lines."""

    class SignDescent(tw.Optimizer):
        def update(self, weights, gradient, state):
            return weights - self.lr * tw.sign(gradient), {}

    w = START
    for _ in range(10):
        w = w - 0.01 * np.sign(gradient(w))
    assert_allclose(trained(SignDescent(lr=0.01), 10), w, rtol=1e-13)


def test_optimizers_compare_by_value() -> None:
    assert tw.Adam(lr=0.1) == tw.Adam(lr=0.1) != tw.AdamW(lr=0.1)
    assert repr(tw.SGD(lr=0.1)).startswith("SGD(lr=0.1, ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        tw.SGD().lr = 1.0
