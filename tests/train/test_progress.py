"""The progress line: what it says, and that it is silent where nobody looks."""

import io
import sys
import time

import numpy as np
import pytest

import talweg as tw
from talweg.engine.program import Control
from talweg.train.progress import ProgressBar, wants_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def line(epoch: int, epochs: int, seconds: float, **measures: float) -> str:
    control = Control(epoch=epoch, measures=measures, started=time.perf_counter() - seconds)
    return ProgressBar(control, epochs).line()


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (line(0, 100, 3), "[....................] 0/100  starting"),
        (line(25, 100, 10, loss=0.5), "[#####...............] 25/100  loss 0.5  30 s left"),
        (
            line(50, 100, 10, loss=0.123456, val_loss=12.5, mae=3.0),
            "[##########..........] 50/100  loss 0.1235  val_loss 12.5  10 s left",
        ),
        (line(100, 100, 10, loss=1e-9), "[####################] 100/100  loss 1e-09  0 s left"),
    ],
)
def test_the_line(shown: str, text: str) -> None:
    assert shown == text
    assert len(shown) < 80


def test_a_budget_ends_before_the_epochs_do() -> None:
    control = Control(epoch=1, started=time.perf_counter() - 7.4)
    assert ProgressBar(control, 100, budget=10.0).line().endswith(" 3 s left")
    assert ProgressBar(control, 2, budget=100.0).line().endswith(" 7 s left")
    assert ProgressBar(control, 100, budget=5.0).line().endswith(" 0 s left")


def test_the_line_of_a_long_run_fits_80_columns() -> None:
    shown = line(123_456, 1_000_000, 90_000, loss=1.23456e-11, val_loss=1.23456e-11)
    assert len(shown) < 80 and shown.endswith(" left")


def test_the_bar_draws_one_line_and_leaves_none() -> None:
    stream = Terminal()
    with ProgressBar(Control(epoch=1, measures={"loss": 2.0}), 4, stream):
        time.sleep(0.35)
    drawn = stream.getvalue()
    assert drawn.count("[#####...............] 1/4  loss 2") >= 2
    assert "\n" not in drawn and drawn.endswith("\r\x1b[K")


def test_there_are_plain_lines_where_there_is_no_terminal(monkeypatch) -> None:
    monkeypatch.setattr("talweg.train.progress._LINE_EVERY", 0.05)
    stream, control = io.StringIO(), Control(epoch=2, best_epoch=1, measures={"loss": 2.0})
    with ProgressBar(control, 4, stream):
        time.sleep(0.3)
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("2/4  loss 2  best 1  ") and line.isprintable() for line in lines)


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_short_run_draws_nothing(kind: type[io.StringIO]) -> None:
    stream = kind()
    with ProgressBar(Control(), 4, stream):
        pass
    assert stream.getvalue() == ""


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_run_tells_its_best_epoch_as_it_goes(engine: str, monkeypatch) -> None:
    control = Control()
    monkeypatch.setattr("talweg.train.fit.Control", lambda **_: control)
    X = np.random.default_rng(0).normal(size=(40, 2))
    held, net = (X[:9], np.ones(9)), tw.Sequential(tw.Dense(1))
    run = tw.fit(net, X, X[:, 0], epochs=9, validation=held, engine=engine, batch_size=8)
    assert control.best_epoch == run.best_epoch > 0


@pytest.mark.parametrize("epochs", [1, 3000])
def test_nothing_is_written_where_there_is_no_terminal(epochs: int, capfd) -> None:
    tw.fit(tw.Sequential(tw.Dense(1)), np.ones((4, 2)), np.ones(4), epochs=epochs)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("asked", "terminal", "shown"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_whether_a_bar_is_shown(asked, terminal: bool, shown: bool, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert wants_bar(asked) is shown


def test_a_bar_does_not_change_the_run() -> None:
    X = np.random.default_rng(0).normal(size=(8, 2))
    flats = [
        tw.fit(tw.Sequential(tw.Dense(1)), X, X[:, 0], epochs=50, progress=bar).net.weights.flat
        for bar in (False, True)
    ]
    np.testing.assert_array_equal(*flats)
