"""Runs that stop being finite, or are cut short: the same end on each engine."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import talweg as tw
from conformance import engines
from conformance.engines import N, X, Y, agree, network, trained

pytestmark = pytest.mark.usefixtures("engine")

slow = pytest.mark.slow


def fails(**settings: Any) -> tw.Run:
    run = agree(**settings)
    assert run.stopped_by == "non_finite" and run.failure is not None
    assert np.isfinite(run.net.weights.flat).all()
    assert np.isfinite(run.history["loss"]).all()
    return run


@pytest.mark.parametrize("size", [7, pytest.param(None, marks=slow), pytest.param(1, marks=slow)])
def test_a_learning_rate_that_is_too_large(size: int | None) -> None:
    fails(make=lambda: network("relu"), optimizer=tw.SGD(lr=20.0), batch_size=size, epochs=50)


@slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("validation", [None, 0.3])
@pytest.mark.parametrize("restore_best", [True, False])
@pytest.mark.parametrize("lr", [2.0, 1e3, 1e30])
def test_learning_rates(lr: float, restore_best: bool, validation: Any, dtype: str) -> None:
    settings = {
        "validation": validation,
        "restore_best": restore_best,
        "dtype": dtype,
        "metrics": ["mae"],
    }
    fails(make=lambda: tw.Sequential(tw.Dense(2)), optimizer=tw.SGD(lr=lr), epochs=400, **settings)


@slow
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("size", [1, 4, 7, None])
@pytest.mark.parametrize("rule", [tw.SGD(lr=2.5), tw.SGD(lr=4.0, momentum=0.5)], ids=repr)
def test_after_many_epochs(rule: tw.Optimizer, size: int | None, shuffle: bool) -> None:
    """Weights grow by the same factor each step: more steps than are saved at once."""
    linear = lambda: tw.Sequential(tw.Dense(2, bias=False))  # noqa: E731
    run = fails(make=linear, x=np.ones((N, 1)), y=0.0 * Y, optimizer=rule, batch_size=size,
                epochs=2000, shuffle=shuffle)  # fmt: skip
    assert run.steps > 200


@slow
@pytest.mark.parametrize("row", [0, 6, 7, 15, N - 1])
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
def test_a_row_that_breaks_the_step_it_is_in(row: int, shuffle: bool) -> None:
    y = Y.copy()
    y[row] = 1e200
    run = fails(y=y, shuffle=shuffle, optimizer=tw.SGD(lr=0.01))
    assert run.epochs == 0
    assert shuffle or run.steps == row // 7


FIRST_STEP = {
    "exp": lambda: tw.Sequential(tw.Dense(2, tw.exp, init=1000.0)),
    "log": lambda: tw.Sequential(tw.Dense(3, init=0.0), tw.Dense(2, tw.log, init=1.0)),
    "sqrt": lambda: tw.Sequential(tw.Dense(2, tw.sqrt, init="zeros")),
    "huge": lambda: tw.Sequential(tw.Dense(2, init=1e200)),
}


@slow
@pytest.mark.parametrize("size", [None, 4])
@pytest.mark.parametrize("name", FIRST_STEP)
def test_at_the_first_step(name: str, size: int | None) -> None:
    run = fails(make=FIRST_STEP[name], batch_size=size, loss="sse", x=abs(X), metrics=["mae"])
    assert (run.failure.epoch, run.failure.step, run.best_epoch) == (1, 1, 0)


RULES = [
    tw.Adam(),
    tw.AdamW(),
    tw.SGD(momentum=0.9),
    tw.SGD(momentum=0.9, nesterov=True, lr=1e20),
    tw.SGD(weight_decay=1e30, lr=1e20),
]


@slow
@pytest.mark.parametrize("scale", [1e16, 1e19, 1e25, 1e35])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_state_and_weights_that_overflow(rule: tw.Optimizer, scale: float) -> None:
    """The loss is finite for ever, but not what the rule makes of its gradient in float32."""
    steep = lambda p, t: p[:, 0] * scale + 0.0 * t[:, 0]  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(lambda: tw.Sequential(tw.Dense(1)), y=Y[:, 0], dtype="float32",
              loss=steep, optimizer=rule, epochs=12)  # fmt: skip


class Reckless(tw.Optimizer):
    """A rule whose state alone grows: an array, and a number; the weights never feel it."""

    def __init__(self, array: float, number: float) -> None:
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "number", number)

    def init(self, weights: Any) -> dict[str, Any]:
        return {"array": np.ones_like(weights), "number": np.ones((), weights.dtype)}

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        grown = {name: state[name] * getattr(self, name) for name in state}
        return weights - self.lr * gradient, grown


@slow
@pytest.mark.parametrize("size", [None, 7])
@pytest.mark.parametrize(("array", "number"), [(1e3, 1.0), (1e10, 1.0), (1.0, 1e3), (1.0, 1e10)])
def test_state_of_ones_own_that_overflows(array: float, number: float, size: int | None) -> None:
    run = fails(optimizer=Reckless(array, number), dtype="float32", batch_size=size, epochs=100)
    assert run.steps == np.floor(np.log(3.4e38) / np.log(array * number))
    assert "gate multiply" in run.failure.message


@slow
def test_state_whose_sum_overflows_is_finite_all_the_same() -> None:
    """27 numbers of 1e38 are finite, as long as nobody adds them up."""
    run = agree(optimizer=Reckless(1e19, 1.0), dtype="float32", batch_size=None, epochs=2)
    assert run.stopped_by == "epochs"


@slow
def test_validation_alone_may_be_infinite() -> None:
    held = X[:5] * 1e200, Y[:5]
    settings = {"optimizer": tw.SGD(lr=0.01), "restore_best": False, "epochs": 3}
    expected, found = (
        trained(
            lambda: tw.Sequential(tw.Dense(2)), X, Y, validation=held, engine=engine, **settings
        )
        for engine in (engines.REFERENCE, engines.under_test)
    )
    assert found.stopped_by == expected.stopped_by == "epochs"
    np.testing.assert_array_equal(found.history["val_loss"], expected.history["val_loss"])


@slow
@pytest.mark.parametrize("metric", ["infinite", "none"])
def test_a_metric_may_be_infinite(metric: str) -> None:
    number = np.inf if metric == "infinite" else np.nan
    agree(metrics=[tw.Metric(metric, lambda p, t: p[:, 0] * number)], epochs=3)


# Cut short --------------------------------------------------------------------------------------


@slow
def test_a_time_budget_leaves_whole_steps() -> None:
    x = np.resize(X, (4000, 3)) * np.linspace(0.5, 1, 4000)[:, None]
    y = np.resize(Y, (4000, 2))
    settings = {"batch_size": 1, "shuffle": False, "epochs": 10**6, "optimizer": tw.SGD(lr=0.01)}
    run = trained(network, x, y, stop=tw.TimeBudget(0.15), engine=engines.under_test, **settings)
    assert run.stopped_by == "time_budget" and run.steps > 0
    assert run.epochs == run.steps // 4000 == len(run.history["loss"])
    assert run.weights_taken == expected_words(run, 4000)
    weights = after_steps(run.steps % 4000, run.epochs, x, y, settings)
    np.testing.assert_allclose(run.net.weights.flat, weights, rtol=1e-8)


def expected_words(run: tw.Run, per_epoch: int) -> str:
    if run.steps % per_epoch:
        return f"after step {run.steps}, within epoch {run.epochs + 1}"
    return f"after epoch {run.epochs}"


def after_steps(rest: int, epochs: int, x: Any, y: Any, settings: dict[str, Any]) -> Any:
    """The weights after so many epochs, and so many steps of one row each."""
    settings = settings | {"engine": engines.under_test}
    net = network()
    net.dtype = "float64"
    net.init(x, seed=1)
    if epochs:
        tw.fit(net, x, y, **settings | {"epochs": epochs})
    if rest:
        tw.fit(net, x[:rest], y[:rest], **settings | {"epochs": 1})
    return net.weights.flat
