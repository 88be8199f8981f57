"""The results of a run: its history, the best or the final weights, and its text."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 3))
Y = np.sin(X.sum(axis=1)) + RANDOM.normal(0, 0.5, 12)
HELD = RANDOM.normal(size=(2500, 3))
HELD_Y = np.sin(HELD.sum(axis=1))
# long steps on few rows: the validation loss falls, then rises and falls again
JUMPY = {"optimizer": tw.SGD(lr=0.5), "batch_size": 4, "seed": 5}


def network() -> tw.Sequential:
    return tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1), dtype="float64").init(X, seed=2)


def mse(net: tw.Module, x: np.ndarray, y: np.ndarray) -> float:
    return float(((net.predict(x)[:, 0] - y) ** 2).mean())


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["loss"]),
        ({"metrics": ["mae", "accuracy"]}, ["loss", "mae", "accuracy"]),
        ({"validation": (HELD, HELD_Y)}, ["loss", "val_loss"]),
        ({"validation": 0.25, "metrics": ["mae"]}, ["loss", "mae", "val_loss", "val_mae"]),
    ],
)
def test_history_has_one_entry_per_epoch_for_each_measure(settings, names: list[str]) -> None:
    run = tw.fit(network(), X, Y, epochs=4, **settings)
    assert [*run.history] == names
    assert all(each.shape == (4,) and each.dtype == float for each in run.history.values())


def test_the_loss_is_measured_before_each_update() -> None:
    net = network()
    before = mse(net, X, Y)
    run = tw.fit(net, X, Y, epochs=1, batch_size=None)
    assert_allclose(run.history["loss"], before, rtol=1e-13)


def test_validation_is_measured_after_each_epoch() -> None:
    run = tw.fit(network(), X, Y, epochs=3, validation=(HELD, HELD_Y), restore_best=False, **JUMPY)
    assert_allclose(run.history["val_loss"][-1], mse(run.net, HELD, HELD_Y), rtol=1e-12)


def test_a_sum_loss_is_summed_over_the_validation_rows() -> None:
    run = tw.fit(
        network(), X, Y, loss="sse", epochs=2, validation=(HELD, HELD_Y), restore_best=False,
        optimizer=tw.SGD(lr=0.001),
    )  # fmt: skip
    expected = mse(run.net, HELD, HELD_Y) * len(HELD)
    assert_allclose(run.history["val_loss"][-1], expected, rtol=1e-12)


@pytest.mark.parametrize(("share", "held"), [(0.25, 3), (0.5, 6), (0.9, 11)])
def test_a_share_of_the_rows_validates(share: float, held: int) -> None:
    run = tw.fit(network(), X, Y, epochs=1, batch_size=1, validation=share)
    assert run.steps == 12 - held


def test_validation_rows_are_never_trained_on() -> None:
    """They have an input of their own, whose weight only they would change."""
    marked = np.eye(12)
    net = tw.Sequential(tw.Dense(1, init="zeros", bias=False))
    run = tw.fit(net, marked, np.ones(12), validation=0.25, epochs=5, restore_best=False)
    assert (net.weights.flat == 0).sum() == 3
    assert_array_equal(run.history["val_loss"], np.ones(5))


# Keeping ------------------------------------------------------------------------------------------


def test_the_best_weights_equal_those_of_a_run_that_ends_at_the_best_epoch() -> None:
    best = tw.fit(network(), X, Y, epochs=30, validation=(HELD, HELD_Y), **JUMPY)
    losses = best.history["val_loss"]
    assert best.best_epoch == losses.argmin() + 1
    assert 1 < best.best_epoch < 30, "this data shall have its best epoch in between"
    assert_allclose(mse(best.net, HELD, HELD_Y), losses.min(), rtol=1e-12)
    again = tw.fit(network(), X, Y, epochs=best.best_epoch, **JUMPY)
    assert_array_equal(best.net.weights.flat, again.net.weights.flat)
    assert_array_equal(best.net.predict(X), again.net.predict(X))


@pytest.mark.parametrize(
    ("restore_best", "validated", "restored"),
    [
        (None, True, True),
        (None, False, False),
        (True, True, True),
        (False, True, False),
        (False, False, False),
    ],
)
def test_which_weights_a_run_keeps(
    restore_best: bool | None, validated: bool, restored: bool
) -> None:
    validation = (HELD, HELD_Y) if validated else None
    run = tw.fit(
        network(), X, Y, epochs=30, validation=validation, restore_best=restore_best, **JUMPY
    )
    last = tw.fit(network(), X, Y, epochs=30, **JUMPY)
    assert (run.restored_epoch is not None) == (run.best_epoch < 30) == restored
    assert np.array_equal(run.net.weights.flat, last.net.weights.flat) != restored


def test_without_validation_the_best_epoch_has_the_lowest_loss_over_all_rows() -> None:
    run = tw.fit(network(), X, Y, epochs=12, restore_best=True, **JUMPY)
    losses = [
        mse(tw.fit(network(), X, Y, epochs=epochs, **JUMPY).net, X, Y) for epochs in range(1, 13)
    ]
    assert run.best_epoch == np.argmin(losses) + 1
    assert_allclose(mse(run.net, X, Y), min(losses), rtol=1e-12)
    assert [*run.history] == ["loss"]


def test_of_equal_losses_the_first_is_the_best() -> None:
    net = tw.Sequential(tw.Dense(1, init="zeros", bias=False))
    run = tw.fit(net, [[0.0]], [1.0], epochs=5, validation=([[0.0]], [1.0]))
    assert run.best_epoch == 1  # nothing ever changes, so the first is as good as any


def test_the_text_of_a_run() -> None:
    run = tw.fit(network(), X, Y, epochs=3, batch_size=5, validation=0.25, metrics=["mae"])
    lines = str(run).splitlines()
    assert lines[0].startswith("3 epochs, 6 steps in 0.0")
    assert all(f"{name} {run.history[name][-1]:.6g}" in lines[0] for name in run.history)
    assert lines[1] == "stopped because all 3 epochs were done"
    assert lines[2] == f"the weights are those after epoch {run.best_epoch}"
    assert run.stopped_by == "epochs" and run.failure is None and run.seconds > 0
    expected = {"loss": "mse", "epochs": 3, "batch_size": 5, "seed": 0, "engine": "native"}
    assert {name: run.settings[name] for name in expected} == expected
