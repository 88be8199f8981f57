"""One run on an engine and on the interpreter, and what must be the same about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.engine import registry
from talweg.engine.native.runtime import launch
from talweg.engine.run.engine import AnyRows
from talweg.engine.run.program import Program
from talweg.graph import Graph, Recorded

REFERENCE = registry.interpreter().name
COMPARED = [name for name in registry.ENGINES if name != REFERENCE]
"""The engines that are compared with the interpreter: rows of every conformance test."""
under_test = COMPARED[0]
"""The engine that `agree` and `computed` run: one after the other, by the fixture `engine`."""
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
    """Compare a run of the engine under test with the interpreter's, and return it."""
    expected = trained(make, x, y, engine=REFERENCE, **settings)
    found = trained(make, x, y, engine=under_test, **settings)
    check(found, expected)
    return found


def computed(graph: Graph, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a graph on the engine under test."""
    function = registry.engine(under_test).function(graph)
    return dict(zip(graph.outputs, function.run(*arrays.values()), strict=True))


def for_any_rows(graph: Recorded) -> AnyRows:
    """A graph as a function of any number of rows, on the engine under test."""
    engine = registry.engine(under_test)
    if not engine.capabilities.any_rows:
        pytest.skip("the engine makes functions of one number of rows")
    return engine.function_of_rows(graph)


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
