"""Warnings of parameters that no gradient reaches at the start, and runs without one."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.engine.numpy.interpreter import Interpreter
from talweg.train.run.gradient_flow import Flow

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
Y = X[:, :1] * X[:, 1:2]
COMMON: dict[str, Any] = {"epochs": 2, "batch_size": 8, "progress": False}


class Own(tw.Module):
    """A custom module made of a function of itself and x."""

    def __init__(self, call: Callable[[Any, Any], Any]) -> None:
        self.call = call

    def __call__(self, x: Any) -> Any:
        return self.call(self, x)


def weight(module: tw.Module, x: Any, init: Any = None) -> Any:
    return x @ module.parameter("w", (x.shape[-1], 4), init)


def unused(module: tw.Module, x: Any) -> Any:
    module.parameter("w", (2, 2))
    return x


def after(first: Callable[[Any, Any], Any], last: Any = None) -> tw.Sequential:
    return tw.Sequential(Own(first), last or tw.Dense(1))


DENSE = tw.Dense
# the net, the settings of its run, the parameters that are named, and why
TOLD: dict[str, tuple[Callable[[], tw.Module], dict[str, Any], str, str]] = {
    "zeros behind relu": (
        lambda: after(lambda m, x: tw.relu(weight(m, x, "zeros"))), {},
        "0.w, 1.weight, ", "layer 0 is dead",
    ),
    "dead relus": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)), {},
        "0.weight, 0.bias, 1.weight, ", "layer 0 is dead",
    ),
    "dead relus, with weights that decay": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)),
        {"optimizer": tw.AdamW(weight_decay=0.1)}, "0.weight, 0.bias, 1.weight, ", "layer 0",
    ),
    "dead relus in the middle": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(4, "relu", bias_init=-99), DENSE(1)), {},
        "0.weight, 0.bias, 1.weight and 2 more, ", "layer 1 is dead",
    ),
    "a dead output": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(1, "relu", bias_init=-99)), {},
        "0.weight, 0.bias, 1.weight and 1 more, ", "layer 1 is dead",
    ),
    "saturated units": (
        lambda: tw.Sequential(DENSE(4, "sigmoid", init=1e6), DENSE(1)), {},
        "0.weight, 0.bias, ", "layer 0 is saturated",
    ),
    "two layers of zeros": (
        lambda: tw.Sequential(DENSE(4, init="zeros"), DENSE(1, init="zeros")), {},
        "0.weight, 0.bias, 1.weight, ", "weights or inputs that are all 0",
    ),
    "a stopped gradient": (
        lambda: after(lambda m, x: tw.stop_gradient(weight(m, x))), {},
        "0.w, ", "does not depend on it",
    ),
    "a comparison": (
        lambda: after(lambda m, x: tw.cast(weight(m, x) > 0, "float32")), {},
        "0.w, ", "does not depend on it",
    ),
    "a sign": (
        lambda: after(lambda m, x: tw.sign(weight(m, x))), {}, "0.w, ", "",
    ),
    "a product with 0": (
        lambda: after(lambda m, x: weight(m, x) * 0.0), {}, "0.w, 1.weight, ", "",
    ),
    "a parameter that nothing uses": (
        lambda: after(unused), {}, "0.w, ", "does not depend on it",
    ),
    "a scale of 0": (
        lambda: tw.Sequential(
            DENSE(3), Own(lambda m, x: tw.relu(x * m.parameter("scale", (3,)))), DENSE(1)
        ), {}, "0.weight, 0.bias, 1.scale and 1 more, ", "",
    ),
    "by a search": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)),
        {"optimizer": tw.LBFGS(), "batch_size": None}, "0.weight, 0.bias, 1.weight, ", "layer 0",
    ),
    "by a sampler": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)),
        {"sampler": tw.AdaptiveSampling()}, "0.weight, 0.bias, 1.weight, ", "layer 0",
    ),
    "float64, in batches of one": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1), dtype="float64"),
        {"batch_size": 1}, "0.weight, 0.bias, 1.weight, ", "in all of 40 rows",
    ),
    "but for what is frozen": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)),
        {"lr_multipliers": {"0.weight": 0, "1": 0.5}}, "0.bias, 1.weight, ", "layer 0",
    ),
    "of classes": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)),
        {"loss": "binary_cross_entropy"}, "0.weight, 0.bias, 1.weight, ", "layer 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("name", TOLD)
def test_parameters_without_a_gradient_are_warned_of(name: str, engine: str) -> None:
    make, settings, names, why = TOLD[name]
    target = (Y > 0).astype(float) if "loss" in settings else Y
    with pytest.warns(tw.TrainingWarning, match="No gradient reaches") as caught:
        tw.fit(make(), X, target, engine=engine, **{**COMMON, **settings})
    (words,) = [str(each.message) for each in caught]
    assert words.startswith(f"No gradient reaches {names}so training leaves ")
    assert why in words and words.endswith(".")
    assert caught[0].filename == __file__


def test_the_warning_of_a_sweep_names_points() -> None:
    def build(hidden: int, bias: float) -> tw.Sequential:
        return tw.Sequential(DENSE(hidden, "relu", bias_init=bias), DENSE(1))

    over = {"hidden": [2, 3], "bias": [0.0, -99.0], "seed": [1, 2]}
    with pytest.warns(tw.TrainingWarning) as caught:
        tw.sweep(build, X, Y, over=over, **COMMON)
    (words,) = [str(each.message) for each in caught]
    assert words.startswith("sweep at hidden=2, bias=-99, seed=1: No gradient reaches 0.weight")
    assert "1 other point" in words


def test_restarts_also_warn() -> None:
    with pytest.warns(tw.TrainingWarning, match="No gradient reaches 0.weight"):
        tw.restarts(TOLD["dead relus"][0](), X, Y, starts=2, **COMMON)


# Where nothing is told --------------------------------------------------------------------------

CODES = RANDOM.integers(0, 3, (40, 1))


def rezero(module: tw.Module, x: Any) -> Any:
    return x + module.parameter("alpha", ()) * tw.tanh(x @ module.parameter("w", (3, 3)))


def low_rank(module: tw.Module, x: Any) -> Any:
    return x @ module.parameter("a", (3, 2)) @ module.parameter("b", (2, 1), "zeros")


SILENT: dict[str, tuple[Callable[[], tw.Module], dict[str, Any]]] = {
    "a usual net": (lambda: tw.Sequential(DENSE(4, "relu"), DENSE(1)), {}),
    "a default start": (lambda: after(lambda m, x: tw.relu(weight(m, x))), {}),
    "a last layer of zeros": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(4, "tanh"), DENSE(1, init="zeros")), {},
    ),
    "the same, while the rate warms up from 0": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(1, init="zeros")),
        {"optimizer": tw.SGD(lr=tw.LinearWarmup(0.1))},
    ),
    "the same, by a search": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(1, init="zeros")),
        {"optimizer": tw.BFGS(), "batch_size": None},
    ),
    "a branch that starts at 0": (lambda: tw.Sequential(Own(rezero), DENSE(1)), {}),
    "a product of low rank": (lambda: Own(low_rank), {}),
    "a linear model of zeros": (lambda: DENSE(1, init="zeros"), {}),
    "a rate that rounds away": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(1)), {"optimizer": tw.SGD(lr=1e-30)},
    ),
    "frozen": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1, init="zeros")),
        {"lr_multipliers": {"0": 0, "1.weight": 0}},
    ),
    "running moments": (lambda: tw.Sequential(DENSE(4), tw.BatchNorm(), DENSE(1)), {}),
    "much dropout": (
        lambda: tw.Sequential(DENSE(9, "tanh"), tw.Dropout(0.9), DENSE(1)), {"batch_size": 1},
    ),
    "few units, one row a step": (
        lambda: tw.Sequential(DENSE(2, "relu"), DENSE(1)), {"batch_size": 1, "seed": 1},
    ),
    "annealing, which needs no gradient": (
        lambda: tw.Sequential(DENSE(4, "relu", bias_init=-99), DENSE(1)),
        {"optimizer": tw.SimulatedAnnealing(), "batch_size": None},
    ),
    "clipped gradients": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(1)),
        {"optimizer": tw.Muon(clip_norm=1e-6, clip_value=1e-9)},
    ),
    "sampled": (
        lambda: tw.Sequential(DENSE(4, "tanh"), DENSE(1)), {"sampler": tw.AdaptiveSampling()},
    ),
    "limits": (lambda: tw.Sequential(DENSE(4, max_norm=0.1), DENSE(1)), {}),
    "penalties": (
        lambda: tw.Sequential(DENSE(4, weight_penalty=tw.L1(1.0)), DENSE(1, init="zeros")), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_no_warning_if_gradients_reach_all_parameters(name: str) -> None:
    make, settings = SILENT[name]
    tw.fit(make(), X, Y, **{**COMMON, **settings})


@pytest.mark.parametrize("init", [None, "zeros"])
def test_no_warning_for_levels_that_do_not_occur(init: Any) -> None:
    net = tw.Sequential(tw.Embedding(50, 3, init=init), Own(lambda m, x: x[:, 0]), DENSE(1))
    tw.fit(net, CODES, Y, **COMMON)


@pytest.mark.parametrize("method", [tw.RBM(4), tw.RBM(4, persistent=True), tw.RBM(4, k=2)])
def test_no_warning_for_boltzmann_machines(method: tw.RBM) -> None:
    bits = (X > 0).astype(float)
    tw.fit(method, bits, bits, loss=method.loss, **COMMON)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((4, 3)), np.ones(4)),  # inputs that say nothing
        (X[:4], np.zeros(4)),  # a loss of 0
        (np.array([[1.0, 0, 0], [-1, 0, 0]]), np.ones(2)),  # rows that cancel each other
    ],
)
def test_no_warning_if_there_is_nothing_to_learn(x: Any, y: Any) -> None:
    tw.fit(DENSE(1, init="zeros"), x, y, epochs=1, batch_size=None)


def test_a_check_without_a_warning_costs_one_step_and_changes_no_bit(monkeypatch) -> None:
    def run() -> tw.Run:
        net = tw.Sequential(DENSE(5, "tanh"), tw.Dropout(0.2), tw.BatchNorm(), DENSE(1))
        return tw.fit(net, X, Y, watch="step", **COMMON)

    monkeypatch.setattr(
        "talweg.train.run.gradient_flow.Look", None
    )  # what would be recorded beside
    looked = run()
    monkeypatch.setattr(Flow, "warning", lambda *_: None)
    plain = run()
    np.testing.assert_array_equal(looked.net.weights.flat, plain.net.weights.flat)
    assert looked.watched.keys() == plain.watched.keys()


@pytest.mark.parametrize(
    "settings", [{}, {"optimizer": "lbfgs"}, {"lr_multipliers": {"1": 0.1}}], ids=str
)
def test_some_rows_of_a_large_batch_are_checked(settings: Any, monkeypatch) -> None:
    sizes = []

    def interpreter(graph: tw.graph.Graph) -> Interpreter:
        sizes.append(graph.inputs["x"].shape[0])
        return Interpreter(graph)

    monkeypatch.setattr("talweg.train.run.gradient_flow.Interpreter", interpreter)
    x = RANDOM.normal(size=(3000, 3))
    given = {"epochs": 1, "batch_size": None, **settings}
    tw.fit(tw.Sequential(DENSE(4, "tanh"), DENSE(1)), x, x[:, 0], **given)
    assert sizes == [256]


def test_the_net_is_unchanged_if_the_warning_is_an_error() -> None:
    net = TOLD["dead relus"][0]().init(X)
    before = net.weights.flat.copy()
    with warnings.catch_warnings(), pytest.raises(tw.TrainingWarning):
        warnings.simplefilter("error")
        tw.fit(net, X, Y, **COMMON)
    np.testing.assert_array_equal(net.weights.flat, before)


def test_a_resumed_run_does_not_warn_again(tmp_path: Any) -> None:
    make = TOLD["dead relus"][0]
    given = {**COMMON, "checkpoint": tmp_path / "a.run"}
    with pytest.warns(tw.TrainingWarning):
        tw.fit(make(), X, Y, **given)
    tw.fit(make(), X, Y, resume=True, **{**given, "epochs": 3})
