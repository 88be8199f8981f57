"""Compiled graphs whose rows several threads share: the same bits for any cut of the rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import gates, parallel

pytest.importorskip("llvmlite")

from talweg.engine.native import function
from talweg.engine.native.function import BLOCK_ROWS, CompiledGraph
from talweg.gates import Spec
from talweg.graph import Graph, recorded, run_input

X = np.random.default_rng(0).normal(size=(3 * BLOCK_ROWS + 77, 12))


class Mixing(tw.Module):
    def __init__(self) -> None:
        self.first = tw.Dense(6)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        hidden = self.first(x)
        return hidden - hidden.mean(axis=0)


class Counting(tw.Module):
    """A network whose outputs depend on the number of rows."""

    def __init__(self) -> None:
        self.first = tw.Dense(6)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.first(x) / x.shape[0]


class Looked(tw.Module):
    def __init__(self) -> None:
        self.rows, self.last = tw.Embedding(30, 5), tw.Dense(3)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.last(self.rows(29.0 * tw.sigmoid(x[:, :4])).reshape(-1, 20))


NETWORKS: dict[str, Any] = {
    "small": lambda: tw.Sequential(tw.Dense(5, "tanh"), tw.Dense(1)),
    "wide": lambda: tw.Sequential(tw.Dense(130, "relu"), tw.Dense(70, "gelu"), tw.Dense(10)),
    "softmax": lambda: tw.Sequential(tw.Dense(40, "silu"), tw.Dense(7, "softmax")),
    "norms": lambda: tw.Sequential(tw.Dense(20), tw.BatchNorm(), tw.Dense(9), tw.LayerNorm()),
    "looked up": Looked,
}


@pytest.fixture
def helpers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every block of rows is a part, and there are four cores; the names of the threads at work."""
    names: list[str] = []
    compute = CompiledGraph._compute_part

    def noted(graph: CompiledGraph, *arguments: Any) -> None:
        names.append(threading.current_thread().name)
        compute(graph, *arguments)

    monkeypatch.setattr(CompiledGraph, "_compute_part", noted)
    monkeypatch.setattr(function, "PART", 1)
    monkeypatch.setattr(parallel, "cores", lambda: 4)
    before = threading.active_count()
    yield names
    assert threading.active_count() == before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_has_the_same_bits_in_any_part(name: str, dtype: str, helpers: list[str]) -> None:
    net = NETWORKS[name]()
    net.dtype = dtype
    net.init(X, seed=1)
    whole = net.predict(X)
    assert len(helpers) == 4
    assert net.native_forward(X).many.has_independent_rows
    for first, rows in ((0, 2), (1, 3), (5, 15), (0, BLOCK_ROWS), (17, BLOCK_ROWS + 1), (100, 480)):
        part = net.predict(X[first : first + rows])
        assert part.tobytes() == whole[first : first + rows].tobytes(), (first, rows)


@pytest.mark.parametrize("make", [Mixing, Counting])
def test_rows_that_depend_on_each_other_are_not_cut(make: Any, helpers: list[str]) -> None:
    net = make().init(X, seed=1)
    found = net.predict(X)
    np.testing.assert_allclose(found, np.array(net(X).value), rtol=1e-5, atol=1e-6)
    assert not helpers
    assert not net.native_forward(X).many.has_independent_rows


def test_random_numbers_by_position_are_not_cut() -> None:
    """A number depends on its place in the batch."""

    def record(rows: int) -> Graph:
        x = run_input(Spec((rows, 3), np.dtype(np.float32)), "x")
        key = run_input(Spec((), np.dtype(np.float32)), "key")
        noise = gates.uniform(key, shape=(rows, 3), dtype=x.dtype, stream=1)
        return Graph({"x": x, "key": key}, {"sum": x + noise, "double": x + x})

    assert not CompiledGraph(recorded(record, 16)).has_independent_rows


# Work on threads ----------------------------------------------------------------------------------


def test_each_item_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    done: list[int] = []
    parallel.for_each(done.append, range(1000))
    assert sorted(done) == list(range(1000))
    assert not parallel._busy


def test_all_calls_together_have_one_thread_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 3)
    at_work = threading.Barrier(3, timeout=10)
    most: list[int] = []

    def outer(item: int) -> None:
        at_work.wait()  # three threads are here
        parallel.for_each(lambda _: most.append(len(parallel._busy)), range(10))
        at_work.wait()

    parallel.for_each(outer, range(3))
    assert set(most) == {2}


def test_an_error_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    done: list[int] = []

    def do(item: int) -> None:
        if item == 3:
            raise MemoryError("no room")
        done.append(item)

    with pytest.raises(MemoryError, match="no room"):
        parallel.for_each(do, range(100_000))
    assert len(done) < 99_999
    assert not parallel._busy


def test_without_threads_the_caller_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(start: Any) -> None:
        raise tw.EngineError("no thread")

    monkeypatch.setattr(parallel, "cores", lambda: 8)
    monkeypatch.setattr(parallel, "start_thread", refuse)
    names: list[str] = []
    parallel.for_each(lambda _: names.append(threading.current_thread().name), range(9))
    assert names == [threading.current_thread().name] * 9
    assert not parallel._busy
