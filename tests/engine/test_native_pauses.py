"""Native runs that pause, within an epoch too, and go on with another number of threads."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw

pytest.importorskip("llvmlite")

from talweg.engine.native.runtime import launch, run_memory
from talweg.engine.native.runtime.thread_choice import Slice

MOST = 4
ROOT = Path(__file__).resolve().parents[2]


class Pausing:
    """Pauses every few steps, and goes on with another number of threads."""

    def __init__(self, steps: int) -> None:
        self.threads = itertools.cycle([1, 4, 2, 3, 3, 1, 2, 4])
        self.steps, self.slices = steps, 0
        self.slice = Slice(2, steps)

    def begin(self, step: int) -> None:
        self.slices += 1

    def look(self, *counts: Any) -> bool:
        return False

    def end(self, step: int, seconds: float) -> None:
        assert 0 < seconds < 60
        self.slice = Slice(next(self.threads), self.steps)


@pytest.fixture
def choosers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The choosers of all runs, which pause after as many steps as the parameter says."""
    made: list[Pausing] = []

    def make(*arguments: Any) -> Pausing:
        made.append(Pausing(request.param))
        return made[-1]

    monkeypatch.setattr(run_memory, "most_threads", lambda *arguments: MOST)
    monkeypatch.setattr(launch, "chooser_for", make)
    return made


slow = pytest.mark.slow
AFTER = pytest.mark.parametrize("choosers", [1, 3], indirect=True)
NAMES = [
    "optimizer/adam",
    "schedule/one cycle",
    "schedule/plateau and one cycle",
    "stop/patience",
    "run/batch of 1",
    "run/full batch",
    "run/in order",
    "run/keep best",
    "run/watching steps",
    "run/watching epochs",
    "run/diverging",
    "run/resumed from a checkpoint",
    "layer/dropout",
    "layer/batch norm",
    "layer/embedding",
    "layer/mixed rows",
    "layer/large",
    "sweep/replicas",
]


@pytest.fixture
def bits_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The bits of each part of a recorded case."""
    with monkeypatch.context() as path:
        path.syspath_prepend(ROOT)
        from benchmarks.same_bits import run
        from benchmarks.same_bits_cases import CASES
    return lambda name: run(CASES[f"native/{name}/float32"]).bits


@slow
@AFTER
@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_pauses_has_the_same_bits(
    name: str,
    bits_of: Callable[[str], Any],
    choosers: list[Pausing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = bits_of(name)
    assert sum(chooser.slices for chooser in choosers) > len(choosers)
    monkeypatch.undo()
    assert found == bits_of(name)


X = np.random.default_rng(0).normal(size=(60, 8))


def train(**settings: Any) -> tw.Run:
    net = tw.Sequential(tw.Dense(20, "tanh"), tw.Dense(2)).init(X, seed=1)
    given = {"epochs": 5, "batch_size": 7, "validation": 0.2, "watch": True, **settings}
    return tw.fit(net, X, np.tanh(X[:, :2]), engine="native", **given)


@pytest.mark.parametrize("choosers", [4], indirect=True)
def test_a_pause_is_not_seen(choosers: list[Pausing], monkeypatch: pytest.MonkeyPatch) -> None:
    found = train()
    assert choosers[0].slices > 5
    monkeypatch.undo()
    expected = train()
    assert found.net.weights.flat.tobytes() == expected.net.weights.flat.tobytes()
    assert (found.epochs, found.steps) == (expected.epochs, expected.steps)
    for name, values in expected.history.items():
        np.testing.assert_array_equal(found.history[name], values)
    for name, values in expected.watched.items():
        np.testing.assert_array_equal(found.watched[name], values)


@pytest.mark.parametrize("choosers", [4], indirect=True)
def test_a_system_without_a_clock(choosers: list[Pausing], monkeypatch: pytest.MonkeyPatch) -> None:
    """Then Python measures the slices."""
    address = run_memory._address_of
    monkeypatch.setattr(
        run_memory, "_address_of", lambda name: 0 if name == "clock_gettime" else address(name)
    )
    assert train().epochs == 5
    assert choosers[0].slices > 5


@pytest.mark.parametrize("choosers", [2], indirect=True)
def test_a_run_ends_between_two_slices(choosers: list[Pausing]) -> None:
    """Its time is over soon after a pause, within an epoch."""
    before = threading.active_count()
    found = train(epochs=10**6, stop=tw.TimeBudget(0.1))
    assert found.stopped_by == "time_budget"
    assert found.epochs == len(found.history["loss"])
    assert threading.active_count() == before
