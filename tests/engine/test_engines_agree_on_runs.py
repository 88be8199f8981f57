"""Whole runs, each engine against the interpreter: the same history, weights and end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import talweg as tw
from conformance import engines
from conformance.engines import BITS, CLASSES, N, X, Y, agree, network
from conformance.losses import REFERENCE
from conformance.optimizers import ROWS as OPTIMIZERS
from talweg.engine.native.runtime import launch
from talweg.nn import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("engine")

slow = pytest.mark.slow
BOTH_DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
TARGETS = {"numbers": Y, "binary": BITS, "classes": CLASSES}
WEIGHTS = np.linspace(0.25, 3.0, N) * (np.arange(N) % 5 != 2)


@BOTH_DTYPES
def test_a_run_with_all_there_is(dtype: str) -> None:
    agree(
        dtype=dtype,
        optimizer=tw.Adam(lr=0.01, weight_decay=0.1),
        epochs=6,
        validation=0.3,
        metrics=["mae", "sse"],
        sample_weight=WEIGHTS,
        stop=[tw.EarlyStopping(2), tw.TargetLoss(1e-9) & tw.MaxEpochs(3)],
    )


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", REFERENCE)
def test_losses(loss: str, weighted: bool, dtype: str) -> None:
    target = TARGETS[REFERENCE[loss][2]]
    weights = WEIGHTS if weighted else None
    agree(
        lambda: network(outputs=3 if target is CLASSES else 2),
        y=target,
        loss=loss,
        dtype=dtype,
        sample_weight=weights,
        metrics=["accuracy"],
        validation=(X[:9], target[:9]),
        optimizer=tw.SGD(lr=0.02),
    )


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: str) -> None:
    agree(lambda: network(name), dtype=dtype, optimizer=tw.SGD(lr=0.05))
    if name in ("sigmoid", "softmax"):
        ends = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}
        target = BITS if name == "sigmoid" else np.argmax(Y, axis=1)
        make = lambda: tw.Sequential(tw.Dense(4, name), tw.Dense(2, name))  # noqa: E731
        agree(make, y=target, loss=ends[name], metrics=["accuracy"], dtype=dtype)


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, dtype: str) -> None:
    agree(optimizer=OPTIMIZERS[name].rule, dtype=dtype, epochs=8)


@slow
@pytest.mark.parametrize("rows", [N, 1, 2, 8])
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("size", [1, 2, 7, N - 1, N, None, 1000])
def test_batch_sizes(size: int | None, shuffle: bool, rows: int) -> None:
    agree(x=X[:rows], y=Y[:rows], batch_size=size, shuffle=shuffle, epochs=3)


@slow
@pytest.mark.parametrize("restore_best", [True, False, None])
@pytest.mark.parametrize("validation", [None, 0.2, (X[:1], Y[:1]), (X, Y, WEIGHTS)], ids=repr)
def test_validation(validation: Any, restore_best: bool | None) -> None:
    """A learning rate that is too large makes the best epoch one in the middle."""
    rough = tw.SGD(lr=0.7, momentum=0.5)
    agree(
        validation=validation, restore_best=restore_best, optimizer=rough, epochs=9, metrics=["mae"]
    )


@slow
@pytest.mark.parametrize("rows", [1023, 1024, 1025, 2500])
def test_validation_of_more_rows_than_are_evaluated_at_once(rows: int) -> None:
    held = np.resize(X, (rows, 3)), np.resize(Y, (rows, 2)), np.resize(WEIGHTS + 0.1, rows)
    agree(validation=held, metrics=["mae"], epochs=2)
    agree(x=held[0], y=held[1], batch_size=500, restore_best=True, epochs=2)


@slow
@pytest.mark.parametrize("class_weight", ["balanced", {0: 2, 2: 0.5}, [1, 0, 3]], ids=repr)
def test_weights_of_classes(class_weight: Any) -> None:
    agree(
        lambda: network(outputs=3),
        y=CLASSES,
        loss="cross_entropy",
        class_weight=class_weight,
        sample_weight=WEIGHTS,
        metrics=["accuracy", "cross_entropy"],
    )


METRICS = {
    "mse": (["mse", "mae", "huber", "sse", "half_sse", "accuracy"], Y),
    "binary_cross_entropy": (["accuracy", "mse", "mae", "binary_cross_entropy"], BITS),
    "cross_entropy": (["accuracy", "cross_entropy"], np.argmax(Y, axis=1)),
}


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("loss", METRICS)
def test_metrics(loss: str, dtype: str) -> None:
    names, target = METRICS[loss]
    own = tw.Metric("own", lambda p, t: tw.exp(-abs(p[:, 0])))
    agree(y=target, loss=loss, metrics=[*names, own], validation=0.3, dtype=dtype)


# Stopping ---------------------------------------------------------------------------------------

STOPS = {
    "max_epochs": tw.MaxEpochs(3),
    "target": tw.TargetLoss(0.4),
    "target of a metric": tw.TargetLoss(0.55, watch="mae"),
    "min_decrease": tw.MinDecrease(0.02),
    "min_decrease with patience": tw.MinDecrease(0.05, patience=3),
    "min_decrease of validation": tw.MinDecrease(0.01, patience=2, watch="val_loss"),
    "patience": tw.EarlyStopping(2),
    "patience with decrease": tw.EarlyStopping(2, min_delta=0.05, watch="val_mae"),
    "a budget that never ends": tw.TimeBudget(1e6),
    "both": tw.MaxEpochs(4) & tw.TargetLoss(0.5),
    "both, one with memory": tw.MinDecrease(0.05) & tw.MaxEpochs(6),
    "both, both with memory": tw.EarlyStopping(1) & tw.MinDecrease(0.05, patience=2),
    "either": tw.MaxEpochs(9) | tw.TargetLoss(0.45),
    "either of both": (tw.MaxEpochs(3) & tw.TargetLoss(0.1)) | tw.MinDecrease(0.03),
    "both of either": (tw.MaxEpochs(5) | tw.TargetLoss(0.1)) & tw.TargetLoss(0.6),
    "a list": [tw.TargetLoss(0.1), tw.MaxEpochs(5), tw.EarlyStopping(1)],
    "the last of a list, if two hold": [tw.TargetLoss(-1.0), tw.MaxEpochs(2), tw.TargetLoss(99.0)],
    "none that holds": [tw.TargetLoss(-1.0), tw.EarlyStopping(100)],
}


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", STOPS)
def test_stopping_rules(name: str, dtype: str) -> None:
    agree(
        stop=STOPS[name],
        dtype=dtype,
        epochs=20,
        metrics=["mae"],
        validation=(X[:8], 1.0 - Y[:8]),
        optimizer=tw.SGD(lr=0.15),
    )


class Rising(tw.Stop):
    """A rule of one's own, with memory: stops when the loss rises."""

    name = "rising"

    def init(self) -> dict[str, float]:
        return {"last": float("inf")}

    def update(self, state: Any, epoch: Any) -> Any:
        loss = epoch.measures["loss"]
        return {"last": loss}, loss > state["last"]

    def watches(self) -> set[str]:
        return {"loss"}


@slow
def test_a_stopping_rule_of_ones_own() -> None:
    run = agree(stop=Rising(), optimizer=tw.SGD(lr=1.5), epochs=50)
    assert run.stopped_by == "rising"


# Own parts --------------------------------------------------------------------------------------


def quartic(prediction: Any, target: Any) -> Any:
    return tw.mean((prediction - target) ** 4, axis=1)


class SignDescent(tw.Optimizer):
    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        return weights - self.lr * tw.sign(gradient), {}


class Clipped(tw.Optimizer):
    """The gradient cut to the length 1, with the largest of its parts remembered."""

    def init(self, weights: Any) -> dict[str, Any]:
        return {"largest": np.zeros((), weights.dtype), "seen": np.zeros_like(weights)}

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        length = tw.sqrt((gradient * gradient).sum())
        cut = gradient / tw.maximum(length, 1.0)
        largest = tw.maximum(state["largest"], abs(gradient).max())
        return weights - self.lr * cut, {"largest": largest, "seen": state["seen"] + abs(cut)}


@slow
@BOTH_DTYPES
@pytest.mark.parametrize("rule", [SignDescent(lr=0.01), Clipped(lr=0.1)], ids=repr)
def test_a_loss_and_a_rule_of_ones_own(rule: tw.Optimizer, dtype: str) -> None:
    agree(loss=quartic, optimizer=rule, dtype=dtype, epochs=6)


@slow
def test_going_on_from_trained_weights() -> None:
    first = agree(epochs=3)
    again = tw.fit(first.net, X, Y, epochs=3, batch_size=7, seed=5, engine=engines.under_test)
    assert again.history["loss"][0] < first.history["loss"][0]


# Histories in pieces ----------------------------------------------------------------------------

PIECES: dict[str, dict[str, Any]] = {
    "to the end": {"validation": 0.3},
    "a whole piece": {"epochs": 10, "restore_best": True},
    "a rule": {"stop": tw.MaxEpochs(8) & tw.TargetLoss(9.0)},
    "a rule that remembers": {"stop": tw.MinDecrease(0.0, patience=7), "validation": 0.3},
    "a rule at the end of a piece": {"stop": tw.MaxEpochs(5)},
    "a step that fails": {"optimizer": tw.SGD(lr=40.0), "epochs": 900},
}


@slow
@pytest.mark.parametrize("name", PIECES)
def test_more_epochs_than_one_call_records(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "HISTORY_ROWS", 5)
    linear = lambda: tw.Sequential(tw.Dense(2))  # noqa: E731
    agree(linear, **{"epochs": 23, "optimizer": tw.SGD(lr=0.05), **PIECES[name]})
