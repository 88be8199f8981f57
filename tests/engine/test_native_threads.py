"""Native runs on threads: the same bits on any number of threads, and no thread left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import talweg as tw

pytest.importorskip("llvmlite")

slow = pytest.mark.slow
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(500, 64))
Y = np.tanh(X[:, :10] + 0.5 * X[:, 10:20])
CLASSES = RANDOM.integers(0, 10, 500)


def wide() -> tw.Sequential:
    """The gradient of its second weights is large enough for tickets."""
    return tw.Sequential(tw.Dense(330, "relu"), tw.Dense(200, "tanh"), tw.Dense(10))


def small() -> tw.Sequential:
    return tw.Sequential(tw.Dense(5, "tanh"), tw.Dense(10))


class Mixing(tw.Module):
    """A network that mixes rows, so that threads share outputs and not rows."""

    def __init__(self) -> None:
        self.first, self.last = tw.Dense(70, "tanh"), tw.Dense(10)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        hidden = self.first(x)
        return self.last(hidden - hidden.mean(axis=0) + tw.softmax(hidden @ hidden.T) @ hidden)


class Looked(tw.Module):
    """A network with an embedding, whose sums by code threads share."""

    def __init__(self) -> None:
        self.rows, self.last = tw.Embedding(2_000, 40), tw.Dense(10)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.last(self.rows(1_999.0 * tw.sigmoid(x[:, :3])).sum(axis=1))


Settings = dict[str, Any]
RUNS: dict[str, tuple[Callable[[], tw.Module], Any, Settings]] = {
    "wide": (wide, Y, {"batch_size": 97, "validation": 0.2, "metrics": ["mae"]}),
    "wide, full batch": (wide, Y, {"batch_size": None}),
    "wide, one row at a time": (wide, Y, {"batch_size": 1, "epochs": 1, "validation": 0.7}),
    "classes": (
        wide,
        CLASSES,
        {"batch_size": 128, "loss": "cross_entropy", "metrics": ["accuracy"], "validation": 0.1},
    ),
    "small": (small, Y, {"batch_size": 7, "validation": 0.3}),
    "fewer rows than threads": (small, Y, {"batch_size": 3, "epochs": 2}),
    "mixing": (Mixing, Y, {"batch_size": 100, "optimizer": "sgd"}),
    "looked up": (Looked, Y, {"batch_size": 97, "validation": 0.2}),
    "momentum": (wide, Y, {"batch_size": 97, "optimizer": tw.SGD(lr=0.1, momentum=0.9)}),
    "fails": (wide, Y, {"batch_size": 97, "optimizer": tw.SGD(lr=1e6)}),
}


def train(name: str, threads: int | None, dtype: str = "float32", **settings: Any) -> tw.Run:
    make, y, chosen = RUNS[name]
    net = make()
    net.dtype = dtype
    settings = {"epochs": 3, "seed": 3, **chosen, **settings, "engine": "native"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)
        return tw.fit(net, X, y, threads=threads, **settings)


def bits(run: tw.Run) -> tuple[Any, ...]:
    history = {name: values.tobytes() for name, values in run.history.items()}
    return run.net.weights.flat.tobytes(), history, run.stopped_by, run.best_epoch, run.steps


def test_two_threads_train_like_one() -> None:
    assert bits(train("wide", 1, epochs=1)) == bits(train("wide", 2, epochs=1))


@slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RUNS)
def test_the_same_bits_on_any_number_of_threads(name: str, dtype: str) -> None:
    alone = bits(train(name, 1, dtype))
    for threads in (1, 2, 2, 3, 4, 4, None):
        assert bits(train(name, threads, dtype)) == alone, threads


@slow
def test_other_runs_do_not_change_the_bits() -> None:
    alone = bits(train("wide", 2))
    for name in ("small", "mixing", "fails", "classes"):
        train(name, 2)
        assert bits(train("wide", 2)) == alone, name


@slow
@pytest.mark.filterwarnings("ignore::talweg.errors.TrainingWarning")
@pytest.mark.parametrize("names", [("wide", "wide"), ("wide", "classes"), ("small", "fails")])
def test_two_runs_at_once_give_the_bits_of_each_alone(names: tuple[str, str]) -> None:
    alone = [bits(train(name, 2)) for name in names]
    results: dict[int, Any] = {}

    def run(number: int) -> None:
        results[number] = bits(train(names[number], 2))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results.get(number) for number in range(2)] == alone


# No thread is left behind -----------------------------------------------------------------------


def test_no_thread_is_left_by_a_run() -> None:
    before = threading.active_count()
    train("small", 3, epochs=1)
    assert train("small", 2, optimizer=tw.SGD(lr=1e9)).stopped_by == "non_finite"
    assert threading.active_count() == before


SIGNALLED = """
import os, signal, sys, threading, time, warnings
import numpy as np, talweg as tw
from talweg.engine.run.outcome import Control

def tasks():  # threads of the operating system, if it lists them
    where = "/proc/self/task"
    return len(os.listdir(where)) if os.path.isdir(where) else threading.active_count()

def raised(*_):
    raise ZeroDivisionError

def begin(control, begin=Control.begin):
    begin(control)
    has_begun.set()

def interrupt():
    has_begun.wait()
    time.sleep(0.3)
    sent.append(time.perf_counter())
    signal.raise_signal(number)

x = np.random.default_rng(0).normal(size=(200_000, 64))
net = tw.Sequential(tw.Dense(512, "tanh"), tw.Dense(512, "tanh"), tw.Dense(1))
number = getattr(signal, sys.argv[2])
if number != signal.SIGINT:
    signal.signal(number, raised)
x.T @ x  # a BLAS starts threads of its own
before, sent, run = tasks(), [], None
Control.begin, has_begun = begin, threading.Event()
other = threading.Thread(target=interrupt)
other.start()
settings = {"epochs": 2000, "batch_size": 32, "threads": int(sys.argv[1]), "engine": "native"}
try:
    run = tw.fit(net, x, x[:, 0], **settings)
except ZeroDivisionError:
    print("raised")
print(time.perf_counter() - sent[0])
other.join()
until = time.perf_counter() + 2.0  # a joined thread may exist for a moment
while tasks() > before and time.perf_counter() < until:
    time.sleep(0.01)
print(tasks() - before)
if run:
    print(run.stopped_by, run.epochs == len(run.history["loss"]), run.steps > 0, run.weights_taken)
    print(np.isfinite(net.weights.flat).all())
else:
    print(net.is_initialized)
"""
on_posix = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")


def signalled(threads: int, name: str) -> list[str]:
    """The output of a run with epochs of seconds that gets a signal in the first."""
    command = [sys.executable, "-c", SIGNALLED, str(threads), name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@slow
@on_posix
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_run_within_an_epoch(threads: int) -> None:
    seconds, left, end, is_finite = signalled(threads, "SIGINT")
    print(f"answered in {seconds} s")
    assert float(seconds) < 1.0
    assert end.startswith("interrupted True True after step "), end
    assert (left, is_finite) == ("0", "True")


@slow
@on_posix
@pytest.mark.parametrize("threads", [1, 2])
def test_no_thread_is_left_by_an_exception(threads: int) -> None:
    """A signal handler raises it in the main thread while the program runs."""
    first, seconds, left, is_initialized = signalled(threads, "SIGALRM")
    print(f"answered in {seconds} s")
    assert float(seconds) < 1.0
    assert (first, left, is_initialized) == ("raised", "0", "False")
