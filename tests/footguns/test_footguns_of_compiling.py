"""Known surprises of compiled runs, and what talweg does instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import gates

X = np.random.default_rng(0).normal(size=(24, 3))
Y = X @ [1.0, -2.0, 0.5]
QUIET: dict[str, Any] = {"epochs": 3, "batch_size": 8, "progress": False, "optimizer": "sgd"}


def line(units: int = 1, **settings: Any) -> tw.Sequential:
    return tw.Sequential(tw.Dense(units, **settings), dtype="float64")


def trained(net: tw.Module, **settings: Any) -> Any:
    tw.fit(net, X, Y, **{**QUIET, **settings})
    return net.weights.flat.copy()


# What Python does while a run is recorded is done once ------------------------------------------


def test_a_branch_on_a_value_is_refused_with_its_line() -> None:
    class Branching(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            w = self.parameter("w", (3, 1), "ones")
            return x @ w if not x.recorded or x.sum() > 0 else -x @ w

    with pytest.raises(tw.RecordingError, match=r"test_footguns_of_compiling\.py:\d+.*tw\.where"):
        trained(Branching())


def test_a_counter_in_a_module_counts_recordings_not_steps() -> None:
    class Counting(tw.Module):
        def __init__(self) -> None:
            self.inner, self._calls = tw.Dense(1), 0

        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            self._calls += 1
            return self.inner(x)

    few, many = Counting(), Counting()
    trained(few)
    trained(many, epochs=200)
    assert few._calls == many._calls < 20


def test_random_numbers_in_a_module_are_drawn_once_and_so_refused_or_frozen() -> None:
    """Two recordings with different constants show that a constant depends on rows or chance."""
    random = np.random.default_rng(0)

    class Noisy(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return (x * random.normal()) @ self.parameter("w", (3, 1), "ones")

    run = tw.fit(Noisy(), X, Y, **QUIET)
    assert run.steps == 9  # a fixed draw: the same number for every step of the run
    assert np.isfinite(run.history["loss"]).all()


def test_a_loop_over_epochs_belongs_to_fit() -> None:
    """Each call of `fit` starts with a new optimizer state: Adam's moments do not carry over."""
    once, twice = line(init="ones"), line(init="ones")
    trained(once, epochs=2, optimizer="adam", shuffle=False)
    for _ in range(2):
        trained(twice, epochs=1, optimizer="adam", shuffle=False)
    assert not np.array_equal(once.weights.flat, twice.weights.flat)


def test_a_stopping_rule_that_decides_in_python_is_refused_by_name() -> None:
    class Lucky(tw.Stop):
        def update(self, state: Any, epoch: Any) -> Any:
            return {}, np.random.default_rng(1).random() > 0.5

    with pytest.raises(tw.EngineError, match=r"Lucky.*decides in Python.*engine='numpy'"):
        trained(line(), stop=Lucky())
    trained(line(), stop=Lucky(), engine="numpy")


def test_a_stopping_rule_that_looks_at_a_number_is_refused() -> None:
    class Looking(tw.Stop):
        def update(self, state: Any, epoch: Any) -> Any:
            return {}, float(epoch.measures["loss"]) < 0.1

    with pytest.raises(tw.EngineError, match=r"Looking.*cannot be compiled"):
        trained(line(), stop=Looking())


# Arrays -------------------------------------------------------------------------------------------


def test_an_array_that_is_captured_may_change_later() -> None:
    scale = np.full(3, 2.0)

    class Scaled(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return (x * scale) @ self.parameter("w", (3, 1), "ones")

    net = Scaled()
    net.dtype = "float64"
    first = trained(net)
    scale[:] = 0.0
    with pytest.warns(tw.TrainingWarning, match="No gradient reaches w"):
        np.testing.assert_array_equal(trained(net, epochs=1), first)


def test_non_contiguous_data_is_read_correctly() -> None:
    wide = np.zeros((24, 6))
    wide[:, ::2] = X
    expected = trained(line(init="ones"))
    net = line(init="ones")
    tw.fit(net, wide[:, ::2], Y, **QUIET)
    np.testing.assert_array_equal(net.weights.flat, expected)


def test_views_of_the_weights_show_the_trained_values() -> None:
    net = line().init(X)
    held = net.weights["0.weight"]
    before = held.copy()
    trained(net)
    assert held is net.weights["0.weight"] or np.shares_memory(held, net.weights.flat)
    assert not np.array_equal(held, before)


def test_the_data_is_unchanged() -> None:
    x, y = X.copy(), Y.copy()
    trained(line())
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


# Types and gates ----------------------------------------------------------------------------------


def test_arrays_of_two_float_types_are_refused() -> None:
    class Mixed(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return (x * np.ones(3, np.float64)) @ self.parameter("w", (3, 1), "ones")

    with pytest.raises(tw.DtypeError, match="float64 and a tensor of float32 are mixed"):
        trained(Mixed())


def test_a_gate_without_native_code_is_refused_by_name_and_never_run_elsewhere() -> None:
    cube = gates.elementwise(
        "cube", "x^3", lambda x: x**3, backward=(lambda g, out, x: g * 3 * x * x,), slopes=("3x^2",)
    )
    net = tw.Sequential(tw.Dense(1, cube), dtype="float64")
    with pytest.raises(tw.EngineError, match=r"'cube'.*no native code.*engine='numpy'"):
        trained(net)
    trained(net, engine="numpy", optimizer=tw.SGD(lr=1e-4))
    assert net.predict(X[:1]).shape == (1, 1)  # a prediction is interpreted then


def test_a_custom_gate_with_native_code_is_compiled() -> None:
    cube = gates.elementwise(
        "cube",
        "x^3",
        lambda x: x**3,
        backward=(lambda g, out, x: g * 3 * x * x,),
        slopes=("3x^2",),
        native=lambda f, x: f.multiply(x, f.multiply(x, x)),
    )
    found = {}
    for engine in ("numpy", "native"):
        net = tw.Sequential(tw.Dense(1, cube), dtype="float64").init(X, seed=1)
        found[engine] = trained(net, engine=engine, optimizer=tw.SGD(lr=1e-4))
    np.testing.assert_allclose(found["native"], found["numpy"], rtol=1e-12)


# Compiled once ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"optimizer": tw.SGD(lr=0.5)},
        {"epochs": 7},
        {"seed": 5},
        {"batch_size": 7},
        {"rows": 17},
        {"rows": 19, "batch_size": 8},
    ],
    ids=str,
)
def test_other_settings_do_not_recompile(other: dict[str, Any]) -> None:
    """Learning rate, epochs, seed, the last batch, data of another length: one program."""
    from talweg.engine.native.runtime import launch

    texts = []
    load = launch.load

    def noting(build: Any) -> Any:
        texts.append(build.text)
        return load(build)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "load", noting)
        for settings in ({}, dict(other)):
            count = settings.pop("rows", 24)
            tw.fit(line(), X[:count], Y[:count], **{**QUIET, **settings})
    assert texts[0] == texts[1]


def test_a_changed_module_predicts_with_its_new_settings() -> None:
    net = tw.Sequential(tw.Dense(2, "relu"), tw.Dense(1), dtype="float64").init(X)
    before = net.predict(X)
    net.layers[0] = tw.Dense(2, "tanh")
    net.layers = list(net.layers)  # a list that is changed in place is not noticed: set it
    assert not np.array_equal(net.predict(X), before)


def test_weights_that_are_written_to_change_predictions_at_once() -> None:
    net = line().init(X)
    net.predict(X[:1])
    net.weights.flat[:] = 0.0
    assert net.predict(X[:1]).item() == 0.0 and not net.predict(X).any()
