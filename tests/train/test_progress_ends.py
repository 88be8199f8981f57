"""The thread of a bar ends with its run, however that ends; a failing stream stops no run."""

import contextlib
import io
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.engine.run.outcome import Control
from talweg.train.run.progress import ProgressBar, wants_bar

X = np.arange(80.0).reshape(40, 2) / 80
Y = X.sum(axis=1)
GIVEN: dict[str, Any] = {"epochs": 2, "progress": True}


def net() -> tw.Sequential:
    return tw.Sequential(tw.Dense(1))


def twice_in_a_row() -> None:
    with ProgressBar(Control(), 3):
        tw.fit(net(), X, Y, **GIVEN)


RUNS: dict[str, Callable[[], object]] = {
    "native": lambda: tw.fit(net(), X, Y, **GIVEN),
    "interpreted": lambda: tw.fit(net(), X, Y, engine="numpy", **GIVEN),
    "full batch": lambda: tw.fit(net(), X, Y, optimizer=tw.LBFGS(), batch_size=None, **GIVEN),
    "sweep": lambda: tw.sweep(net, X, Y, over={"lr": [0.1, 0.2]}, optimizer="sgd", **GIVEN),
    "restarts": lambda: tw.restarts(net, X, Y, starts=2, **GIVEN),
    "table": lambda: tw.TableModel("y", epochs=2).fit({"x": X[:, 0], "y": Y}, progress=True),
    "one bar in another": twice_in_a_row,
}


def watching() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if "_watch" in each.name]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def interrupted(real: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a bar's thread, followed by Ctrl-C."""

    def method(self: threading.Thread, *given: Any) -> None:
        real(self, *given)
        if "_watch" in self.name:
            raise KeyboardInterrupt

    return method


@pytest.mark.parametrize("method", ["start", "join"])
@pytest.mark.parametrize("name", RUNS)
def test_ctrl_c_at_either_end_of_a_bar_leaves_no_thread(
    name: str, method: str, monkeypatch
) -> None:
    monkeypatch.setattr(threading.Thread, method, interrupted(getattr(threading.Thread, method)))
    with pytest.raises(KeyboardInterrupt):
        RUNS[name]()
    assert watching() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit, tw.SettingError])
def test_an_exception_within_a_bar_leaves_no_thread(error: type[BaseException]) -> None:
    with pytest.raises(error), ProgressBar(Control(), 3, Terminal()):
        assert len(watching()) == 1
        raise error
    assert watching() == []


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_bar_without_references_ends(stream: Any, monkeypatch) -> None:
    """As if Ctrl-C came at the very start of its exit."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    def run() -> None:
        with contextlib.suppress(KeyboardInterrupt), ProgressBar(Control(), 3, stream()):
            assert len(watching()) == 1

    monkeypatch.setattr(ProgressBar, "__exit__", interrupted)
    run()
    deadline = time.monotonic() + 5
    while watching() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert watching() == []


def test_an_error_of_a_custom_function_leaves_no_thread() -> None:
    def schedule(done: float) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tw.fit(net(), X, Y, optimizer=tw.SGD(lr=schedule), **GIVEN)
    assert watching() == []


def test_without_memory_for_a_thread_a_run_has_no_bar(monkeypatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert tw.fit(net(), X, Y, engine="numpy", **GIVEN).epochs == 2


# Streams that fail ----------------------------------------------------------------------------


class Broken(Terminal):
    """A terminal that fails after some characters: a closed pipe, a lost connection."""

    def __init__(self, error: Exception, letters: int = 0) -> None:
        super().__init__()
        self.error, self.letters, self.tries = error, letters, 0

    def write(self, text: str) -> int:
        self.tries += 1
        if self.tell() >= self.letters:
            raise self.error
        return super().write(text)


ERRORS = [BrokenPipeError(), OSError("gone"), ValueError("closed"), RuntimeError("of the user's")]


@pytest.mark.parametrize("letters", [0, 60])
@pytest.mark.parametrize("error", ERRORS, ids=lambda each: type(each).__name__)
def test_a_failing_stream_ends_only_the_bar(error: Exception, letters: int, monkeypatch) -> None:
    monkeypatch.setattr("talweg.train.run.progress._EVERY", 0.001)
    stream = Broken(error, letters)
    with ProgressBar(Control(), 4, stream):
        deadline = time.monotonic() + 5
        while watching() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert watching() == []
    assert stream.tries == (1 if letters == 0 else stream.getvalue().count("\r") + 1)


def closed() -> Terminal:
    stream = Terminal()
    stream.close()
    return stream


class Bare:
    """A stream that only has `write`, as that of a logger may."""

    def write(self, text: str) -> None: ...


@pytest.mark.parametrize("stream", [None, closed(), Bare()], ids=["none", "closed", "bare"])
@pytest.mark.parametrize("asked", [None, True])
def test_a_run_trains_without_a_stream_for_its_bar(stream: Any, asked: Any, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert not (stream is None and wants_bar(asked))
    assert tw.fit(net(), X, Y, epochs=2, progress=asked).epochs == 2
