"""Runs without enough memory or threads: a clear error, and everything as it was before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import talweg as tw
from talweg.engine.native.driver import run_plans
from talweg.engine.native.llvm import compiler
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.runtime import call, launch, run_memory as tables, thread_choice
from talweg.errors import EngineError

X = np.random.default_rng(0).normal(size=(60, 8))
Y = np.tanh(X[:, :2])


def network() -> tw.Sequential:
    net = tw.Sequential(tw.Dense(20, "tanh"), tw.Dense(2))
    net.init(X, seed=1)
    return net


def train(net: tw.Module, **settings: Any) -> tw.Run:
    return tw.fit(net, X, Y, **{"epochs": 2, "threads": 3, "engine": "native", **settings})


def no_thread_is_left() -> bool:
    return not [each for each in threading.enumerate() if each.name == "talweg"]


@pytest.fixture(autouse=True)
def on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_plans, "LONG", 0)
    monkeypatch.setattr(thread_choice, "FLOOR", 0)


# Threads ----------------------------------------------------------------------------------------


def only(count: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    """Let only so many threads start."""
    started: list[int] = []
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if thread.name == "talweg":
            if len(started) == count:
                raise error("can't start new thread")
            started.append(count)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@pytest.mark.parametrize("count", [1, 2])
def test_fewer_threads_than_wanted_give_the_same_run(
    count: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(network()).net.weights.flat
    only(count, monkeypatch, error)
    found = train(network()).net.weights.flat
    assert no_thread_is_left()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
def test_without_any_thread_the_run_fails(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network()
    before = net.weights.flat.copy()
    with monkeypatch.context() as patch, pytest.raises(EngineError, match="cannot start a thread"):
        only(0, patch, error)
        train(net)
    np.testing.assert_array_equal(net.weights.flat, before)
    assert no_thread_is_left()
    assert train(net).epochs == 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_ctrl_c_while_threads_start(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    before = net.weights.flat.copy()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        only(count, patch, KeyboardInterrupt)
        train(net)
    np.testing.assert_array_equal(net.weights.flat, before)
    assert no_thread_is_left()
    assert train(net).epochs == 2


# Memory -----------------------------------------------------------------------------------------


def fail(*_: Any, **__: Any) -> Any:
    raise MemoryError


PLACES: dict[str, tuple[Any, str, Any, str]] = {
    "text": (launch, "build", fail, "^$"),
    "compiling": (compiler, "_TEXT_ROOM", 2**45, "To compile and load this run needs up to"),
    "loading": (compiler, "_CODE_ROOM", 2**45, "To compile and load this run needs up to"),
    "arenas": (tables.RunMemory, "_lay_out", fail, "weights and the optimizer's state, .* 32 rows"),
    "the call": (call.Caller, "_begin", fail, "^$"),
    "a look": (call.Caller, "_look", fail, "^$"),
    "the result": (launch.NativeSession, "outcome", fail, "^$"),
}


@pytest.mark.quick("arenas", "compiling")
@pytest.mark.parametrize("place", PLACES)
def test_a_lack_of_memory_anywhere_leaves_all_as_it_was(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, value, words = PLACES[place]
    monkeypatch.setattr(compiler, "user_cache", lambda: Cache(None))
    compiler.forget()
    net = network()
    before = net.weights.flat.copy()
    with monkeypatch.context() as patch, pytest.raises(MemoryError, match=words):
        patch.setattr(where, name, value)
        train(net)
    np.testing.assert_array_equal(net.weights.flat, before)
    assert no_thread_is_left()
    assert train(net).epochs == 2


LIMITED = """
import ctypes, faulthandler, json, os, resource, sys, threading
import numpy as np, talweg as tw

class Ballast:
    # takes all memory but so many bytes, down to free pieces of pages
    def __init__(self, room):
        self.libc = ctypes.CDLL(None)
        self.libc.malloc.restype, self.libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        self.libc.free.argtypes = [ctypes.c_void_p]
        used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
        self.held = []
        try:
            for size in (2**20, 2**16, 2**12):
                while place := self.libc.malloc(size):
                    self.held.append((place, size))
        except MemoryError:  # Python's own, for the list
            pass
        while room > 0:
            room -= self.drop()
    def drop(self):
        place, size = self.held.pop()
        self.libc.free(place)
        return size
    def drop_all(self):
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        while self.held:
            self.drop()

def net():
    made = tw.Sequential(*(tw.Dense(each, "tanh") for each in units), tw.Dense(2))
    made.init(x, seed=1)
    return made

def fit(net):
    return tw.fit(net, x, x[:, :2], epochs=1, threads=2, engine="native", validation=0.2)

faulthandler.dump_traceback_later(100, exit=True)
units, rooms = json.loads(sys.argv[1]), json.loads(sys.argv[2])
x = np.random.default_rng(0).normal(size=(400, 32))
fit(tw.Sequential(tw.Dense(8), tw.Dense(2)))  # all imports are done
for room in rooms:
    wanted = net()
    before = wanted.weights.flat.copy()
    ballast, error = Ballast(room * 2**20), None
    try:
        fit(wanted)
    except Exception as raised:
        kind = MemoryError if isinstance(raised, MemoryError) else type(raised)
        error = kind.__name__, str(raised)
    ballast.drop_all()
    left = [each.name for each in threading.enumerate() if each.name == "talweg"]
    same = bool((wanted.weights.flat == before).all())
    again = fit(tw.Sequential(tw.Dense(5), tw.Dense(2))).stopped_by
    print(json.dumps({"error": error, "left": left, "same": same, "again": again}))
"""
"""Fits a network with more and more memory, and prints a line for each fit."""


def limited(units: list[int], rooms: list[float], cache: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-c", LIMITED, json.dumps(units), json.dumps(rooms)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


NETS = {
    "large arrays": ([900, 900], [3, 5, 8, 12, 20, 30, 50, 60, 70, 80, 90, 200]),
    "a long program": ([9, 8, 7, 6, 5] * 6, [3, 4, 5, 8, 16, 22, 28, 40, 60, 70, 90, 200]),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit and its count are Linux's")
@pytest.mark.parametrize("name", NETS)
def test_a_fit_within_any_memory_limit(name: str, tmp_path: Path) -> None:
    """Fits fail with an error that can be caught until memory is enough; the cache stays intact."""
    units, rooms = NETS[name]
    found = limited(units, rooms, tmp_path)
    assert len(found) == len(rooms)
    for room, each in zip(rooms, found, strict=True):
        print(room, each["error"])
        assert not each["left"] and each["again"] == "epochs"
        assert each["same"] == (each["error"] is not None)
        name, words = each["error"] or ("MemoryError", "")
        assert name == "MemoryError" or "cannot start a thread" in words
    assert found[0]["error"] and not found[-1]["error"]
    entries = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert entries and all(each.suffix == ".code" for each in entries)
    cache = Cache(entries[0].parent)
    assert all(cache.load(bytes.fromhex(each.stem)) for each in entries)
