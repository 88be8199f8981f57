"""One run on both engines, and what must be the same about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.engine.native.runtime import launch
from talweg.engine.run.program import Program

CLOSE = {"float32": 1e-4, "float64": 1e-9}
N = 23
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(N, 3))
Y = np.tanh(X @ RANDOM.normal(size=(3, 2))) + 0.1 * RANDOM.normal(size=(N, 2))
BITS = (Y > 0).astype(float)
CLASSES = RANDOM.integers(0, 3, N)


def network(activation: Any = "tanh", outputs: int = 2) -> tw.Sequential:
    return tw.Sequential(tw.Dense(5, activation), tw.Dense(outputs))


def trained(make: Callable[[], tw.Module], x: Any, y: Any, **settings: Any) -> tw.Run:
    """A run of a new net from the same start; `dtype` is that of the net."""
    net = make()
    net.dtype = settings.pop("dtype", "float64")
    net.init(x, seed=1)
    settings = {"epochs": 4, "batch_size": 7, "seed": 5, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)
        return tw.fit(net, x, y, **settings)


def agree(
    make: Callable[[], tw.Module] = network, x: Any = X, y: Any = Y, **settings: Any
) -> tw.Run:
    """Train on both engines, see that all agrees, and give the native run."""
    expected = trained(make, x, y, engine="numpy", **settings)
    found = trained(make, x, y, engine="native", **settings)
    check(found, expected)
    return found


class _CaughtError(Exception):
    """What an engine was to run."""


def program_of(make: Callable[[], tw.Module], x: Any, y: Any, **settings: Any) -> Program:
    """The program that `fit` would give to the native engine."""

    def catch(program: Program) -> None:
        raise _CaughtError(program)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(_CaughtError) as caught:
        patch.setattr(launch, "prepare", catch)
        trained(make, x, y, engine="native", **settings)
    program: Program = caught.value.args[0]
    return program


def check(found: tw.Run, expected: tw.Run) -> None:
    for name in (
        "stopped_by",
        "stop_reason",
        "best_epoch",
        "weights_taken",
        "epochs",
        "steps",
        "failure",
    ):
        assert getattr(found, name) == getattr(expected, name), name
    assert list(found.history) == list(expected.history)
    close = CLOSE[expected.net.weights.flat.dtype.name]
    for name, values in expected.history.items():
        assert found.history[name].dtype == values.dtype
        np.testing.assert_allclose(found.history[name], values, close, close, err_msg=name)
    for name, values in expected.net.weights.items():
        assert found.net.weights[name].dtype == values.dtype
        np.testing.assert_allclose(found.net.weights[name], values, close, close, err_msg=name)
