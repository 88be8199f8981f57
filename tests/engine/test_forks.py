"""A forked child can train and predict, whatever other threads were doing."""

import os
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")
if not hasattr(os, "fork"):
    pytest.skip("no fork here", allow_module_level=True)

import llvmlite.binding as llvm

import talweg as tw
from talweg.engine.native.llvm import cache, compiler
from talweg.engine.run.blas_threads import _controller, blas_threads
from talweg.forks import importing

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = X[:, :1] ** 2
SECONDS = 20  # after which a child that hangs is killed


def net(units: int = 5) -> tw.Sequential:
    return tw.Sequential(tw.Dense(units, "tanh"), tw.Dense(1)).init(X)


def train(units: int, **more: Any) -> tw.Run:
    return tw.fit(net(units), X, Y, **{"epochs": 1, "progress": False, **more})


def in_child(work: Callable[[], object]) -> int:
    """The exit status of a forked child that does the work: 0, or 14 if it hangs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status)


@contextmanager
def another_thread(stay_in: Callable[[threading.Event, threading.Event], object]) -> Iterator[Any]:
    """A context in which a thread has called `inside.set()` and waits until `leave` is set."""
    inside, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=stay_in, args=(inside, leave))
    thread.start()
    assert inside.wait(SECONDS)
    try:
        yield leave
    finally:
        leave.set()
        thread.join(SECONDS)
        assert not thread.is_alive()


# A fork waits for these -------------------------------------------------------------------------

LOCKS = {
    "compiling": lambda: compiler._compiling,
    "lending": lambda: compiler._compiling_shared,
    "the programs": lambda: compiler._programs.lock,
    "importing": lambda: importing,
    "llvmlite": lambda: llvm.ffi.lib._lock,
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_fork_waits_for_a_lock_that_another_thread_holds(name) -> None:
    def hold(inside: threading.Event, leave: threading.Event) -> None:
        with LOCKS[name]():
            inside.set()
            leave.wait(SECONDS)

    train(5)  # so that the locks exist
    with another_thread(hold) as leave:
        threading.Timer(0.05, leave.set).start()
        assert in_child(lambda: train(6 + [*LOCKS].index(name))) == 0
    assert train(12).epochs == 1


def blocked(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> Any:
    """A thread that stays in a function of talweg when it first calls it."""
    real = getattr(where, name)

    def stay(units: int) -> Callable[[threading.Event, threading.Event], None]:
        def run(inside: threading.Event, leave: threading.Event) -> None:
            me = threading.get_ident()

            def wait(*given: Any, **more: Any) -> Any:
                if threading.get_ident() == me and not inside.is_set():
                    inside.set()
                    leave.wait(SECONDS)
                return real(*given, **more)

            monkeypatch.setattr(where, name, wait)
            train(units)

        return run

    return stay


PLACES = {
    "code is generated": (compiler, "object_code"),
    "a file of the cache is written": (cache, "_write"),
    "code is loaded": (compiler, "_linked"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_fork_in_the_middle_of_compiling(place, monkeypatch, tmp_path) -> None:
    folder = tmp_path / "cache"
    monkeypatch.setattr(compiler, "user_cache", lambda: cache.Cache(folder))
    compiler.forget()
    units = 20 + [*PLACES].index(place)
    with another_thread(blocked(monkeypatch, *PLACES[place])(units)) as leave:
        threading.Timer(0.05, leave.set).start()
        assert in_child(lambda: train(units + 10)) == 0
    assert train(units).epochs == 1
    assert {each.suffix for each in folder.iterdir()} == {".code"}


# A fork does not wait for these -----------------------------------------------------------------


class Waiting(tw.Dense):
    """A layer that waits while a thread other than the main one records it."""

    inside, leave = threading.Event(), threading.Event()

    def __call__(self, x: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            self.inside.set()
            self.leave.wait(SECONDS)
        return super().__call__(x)


def record(inside: threading.Event, leave: threading.Event) -> None:
    Waiting.inside, Waiting.leave = inside, leave
    tw.fit(tw.Sequential(Waiting(3), tw.Dense(1)).init(X), X, Y, epochs=1, progress=False)


class Epochs(tw.Stop):
    """A stopping rule in Python, which the interpreter applies after each epoch."""

    def __init__(self, inside: threading.Event, leave: threading.Event) -> None:
        self.inside, self.leave = inside, leave

    def init(self) -> dict[str, Any]:
        return {}

    def update(self, state: Any, epoch: Any) -> tuple[dict[str, Any], bool]:
        self.inside.set()
        return {}, self.leave.is_set()


def interpret(inside: threading.Event, leave: threading.Event) -> None:
    train(3, stop=Epochs(inside, leave), epochs=10**6, engine="numpy")


def run_natively(inside: threading.Event, leave: threading.Event) -> None:
    """Runs one after another, each of a few hundredths of a second."""
    while not leave.is_set():
        train(4, epochs=2000)
        inside.set()


def predict(inside: threading.Event, leave: threading.Event) -> None:
    while not leave.is_set():
        SHARED.predict(X[:1])
        SHARED.predict(X)
        inside.set()


SHARED = net()
BUSY = {
    "a step is recorded": record,
    "a run is interpreted": interpret,
    "a native run goes on": run_natively,
    "a net predicts": predict,
}


@pytest.mark.parametrize("name", BUSY)
def test_a_fork_while_another_thread_is_busy(name) -> None:
    def work() -> None:
        train(7)
        train(8, engine="numpy")
        SHARED.predict(X[:1])
        SHARED.predict(X)

    with another_thread(BUSY[name]):
        assert in_child(work) == 0


def test_a_fork_while_a_bar_is_drawn(monkeypatch, tmp_path) -> None:
    with (tmp_path / "bar").open("w") as stream, ExitStack() as stack:
        monkeypatch.setattr("sys.stderr", stream)

        def draw(inside: threading.Event, leave: threading.Event) -> None:
            train(3, stop=Epochs(inside, leave), epochs=10**6, engine="numpy", progress=True)

        stack.enter_context(another_thread(draw))
        assert in_child(lambda: train(9, progress=True)) == 0


def test_a_child_may_train_a_network_that_another_thread_was_training() -> None:
    shared = net()

    def run(inside: threading.Event, leave: threading.Event) -> None:
        rule = Epochs(inside, leave)
        tw.fit(shared, X, Y, stop=rule, epochs=10**6, engine="numpy", progress=False)

    with another_thread(run):
        assert in_child(lambda: tw.fit(shared, X, Y, epochs=1, progress=False)) == 0


def test_a_child_has_no_thread_limit_of_another_threads_run() -> None:
    def threads() -> list[int]:
        return [each["num_threads"] for each in _controller().info() if each["user_api"] == "blas"]

    def hold(inside: threading.Event, leave: threading.Event) -> None:
        with blas_threads(1):
            inside.set()
            leave.wait(SECONDS)

    before = threads()

    def look() -> None:
        assert threads() == before

    with another_thread(hold):
        assert in_child(look) == 0


def test_a_signal_that_forks_while_its_own_thread_compiles() -> None:
    """A fork does not wait for a lock that its own thread holds."""
    with compiler._compiling, compiler._compiling_shared, importing:
        assert in_child(lambda: train(30)) == 0


def test_no_property_of_talweg_holds_a_lock_while_it_is_computed() -> None:
    """Python 3.11 has one lock per `cached_property`, which stays locked in a child."""
    source = Path(tw.__file__).parent
    files = [each for each in source.rglob("*.py") if each.name != "lazy.py"]
    using = [each for each in files if re.search(r"functools.*cached_property", each.read_text())]
    assert using == []
