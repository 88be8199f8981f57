"""The progress line: its text, and its silence without a terminal."""

import io
import sys
import time

import numpy as np
import pytest

import talweg as tw
from talweg.engine.run.outcome import Control
from talweg.train.run.progress import ProgressBar, SharedBar, SweepBar, Watched, wants_bar


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
def test_the_progress_line_of_a_run(shown: str, text: str) -> None:
    assert shown == text
    assert len(shown) < 80


def watched(epoch: int, *, first: int = 0, ended: bool = False, **more: object) -> Watched:
    """A run that has done some of 100 epochs."""
    measures = {"loss": epoch / 8, "val_loss": epoch / 4, "mae": 3.0} if epoch else {}
    control = Control(epoch=epoch, measures=measures)
    given = {"runs": 1, "epochs": 100, **more}
    return Watched(control, first=first, ended=ended, **given)


def sweep_bar(*works: Watched, seconds: float = 10.0, **more: object) -> SweepBar:
    bar = SweepBar(works, **more)
    bar.started -= seconds
    return bar


EMPTY, HALF, FULL = "." * 20, "#" * 10 + "." * 10, "#" * 20
SWEEPS = [  # the works, and the line after ten seconds
    ([watched(0)] * 3, f"[{EMPTY}] 0/3 runs  starting"),
    ([watched(50), watched(50)], "0/2 runs  epoch 50/100  loss 6.25  val_loss 12.5  10 s left"),
    # the furthest of those that are under way; one that stopped early counts as done
    (
        [watched(40, ended=True), watched(20), watched(60)],
        "1/3 runs  epoch 60/100  loss 7.5  val_loss 15  10 s left",
    ),
    ([watched(50), watched(0)], "0/2 runs  epoch 50/100  loss 6.25  val_loss 12.5  30 s left"),
    ([watched(100, ended=True)], f"[{FULL}] 1/1 run  0 s left"),
    # 1,000 replicas go on together
    ([watched(50, runs=1000)], "0/1000 runs  epoch 50/100  loss 6.25  val_loss 12.5  10 s left"),
    # runs that were halted at epoch 20 go on from there
    ([watched(60, first=20)], "0/1 run  epoch 60/100  loss 7.5  val_loss 15  10 s left"),
]


@pytest.mark.parametrize(("works", "text"), SWEEPS)
def test_the_progress_line_of_many_runs(works, text: str) -> None:
    shown = sweep_bar(*works).line()
    assert shown.endswith(text) and shown.startswith("[") and len(shown) < 80


def test_the_bar_of_many_runs_fills_by_epochs() -> None:
    assert sweep_bar(watched(50), watched(50)).share() == 0.5
    assert sweep_bar(watched(10, ended=True), watched(0)).share() == 0.5
    assert sweep_bar(watched(60, first=20)).share() == 0.5
    assert sweep_bar(watched(50, runs=3), watched(0)).share() == 0.375
    assert sweep_bar(watched(100, ended=True)).share() == 1


def test_a_budget_ends_many_runs_before_their_epochs_do() -> None:
    now = time.perf_counter()
    works = [watched(1, budget=20.0), watched(0, budget=20.0), watched(3, budget=20.0, ended=True)]
    works[0].control.started = now - 7.4
    words = sweep_bar(*works, workers=2).words()
    assert words.endswith(" 16 s left")  # (12.6 + 20) / 2
    works[0].control.started = now - 99
    assert sweep_bar(*works, workers=2).words().endswith(" 10 s left")


def test_the_bar_of_many_runs_never_grows() -> None:
    """Otherwise it would flicker with the length of the losses."""
    work = watched(50)
    bar = sweep_bar(work)
    narrow = bar.line().index("]")
    work.control.measures = {"loss": 1.23456e-11, "val_loss": 1.23456e-11}
    narrower = bar.line().index("]")
    work.control.measures = {"loss": 1.0}
    assert narrower < narrow and bar.line().index("]") == narrower


def test_a_line_that_is_too_long_loses_words() -> None:
    work = watched(123_456, epochs=1_000_000, runs=1_000_000)
    work.control.measures = {"loss": 1.23456e-11, "val_loss": 1.23456e-11}
    bar = sweep_bar(work, seconds=90_000)
    assert bar.words() == "0/1000000 runs  epoch 123456/1000000  loss 1.235e-11  178 h left"
    assert len(bar.line()) < 80


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_the_bar_of_a_sweep_shows_each_run(engine: str, monkeypatch) -> None:
    bars: list[SweepBar] = []
    real = SweepBar.__init__

    def kept(self: SweepBar, works: object, **more: object) -> None:
        real(self, works, io.StringIO(), **more)
        bars.append(self)

    monkeypatch.setattr(SweepBar, "__init__", kept)
    X = np.random.default_rng(0).normal(size=(40, 2))
    sweep = tw.sweep(
        lambda: tw.Sequential(tw.Dense(1)),
        X,
        X[:, 0],
        over={"seed": range(3)},
        epochs=9,
        validation=0.25,
        halving=tw.SuccessiveHalving(3, factor=2),
        progress=True,
        engine=engine,
    )
    assert [len(each.watched) for each in bars] == [3, 2, 1][: len(bars)] and len(bars) > 1
    for bar in bars:
        assert all(each.ended for each in bar.watched)
        assert bar.words().endswith("  0 s left") and bar.share() == 1
    assert [each.first for each in bars[0].watched] == [0, 0, 0]
    assert [each.first for each in bars[1].watched] == [3] * len(bars[1].watched)
    measured = bars[0].watched[0].control.measures
    assert {"loss", "val_loss"} <= measured.keys()
    assert len(sweep.runs) == 3


def test_one_bar_for_sweeps_that_follow_each_other(monkeypatch) -> None:
    monkeypatch.setattr("talweg.train.run.progress.time.perf_counter", lambda: 1_000.0)
    shared = SharedBar(True, later=6, started=990.0)
    works = [watched(50), watched(0, runs=3)]
    bar = shared.bar(works, workers=1)
    # 50 epochs took 10 s, 950 are left at most
    assert bar.words() == "0/10 runs  epoch 50/100  loss 6.25  val_loss 12.5  3 min left"
    assert bar.share() == pytest.approx(0.05)
    for each in works:
        each.ended = True
    shared.earlier += works
    shared.later = 0
    bar = shared.bar([watched(50, runs=6)], workers=1)
    assert bar.words().startswith("4/10 runs  epoch 50/100  loss 6.25")
    assert bar.words().endswith("  9 s left")  # 350 epochs took 10 s, at most 300 are left
    assert bar.share() == pytest.approx(0.7)
    assert len(shared.earlier) == 2
    assert shared.bar([], workers=1).words() == "4/4 runs  0 s left"


def test_a_budget_ends_before_the_epochs_do() -> None:
    control = Control(epoch=1, started=time.perf_counter() - 7.4)
    assert ProgressBar(control, 100, budget=10.0).line().endswith(" 3 s left")
    assert ProgressBar(control, 2, budget=100.0).line().endswith(" 7 s left")
    assert ProgressBar(control, 100, budget=5.0).line().endswith(" 0 s left")


def test_the_line_of_a_long_run_fits_80_columns() -> None:
    shown = line(123_456, 1_000_000, 90_000, loss=1.23456e-11, val_loss=1.23456e-11)
    assert len(shown) < 80 and shown.endswith(" left")


def test_the_bar_draws_one_line_and_clears_it() -> None:
    stream = Terminal()
    with ProgressBar(Control(epoch=1, measures={"loss": 2.0}), 4, stream):
        time.sleep(0.35)
    drawn = stream.getvalue()
    assert drawn.count("[#####...............] 1/4  loss 2") >= 2
    assert "\n" not in drawn and drawn.endswith("\r\x1b[K")


def test_without_a_terminal_there_are_plain_lines(monkeypatch) -> None:
    monkeypatch.setattr("talweg.train.run.progress._LINE_EVERY", 0.05)
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
def test_the_bar_shows_the_best_epoch(engine: str, monkeypatch) -> None:
    control = Control()
    monkeypatch.setattr("talweg.train.run.fit.Control", lambda **_: control)
    X = np.random.default_rng(0).normal(size=(40, 2))
    held, net = (X[:9], np.ones(9)), tw.Sequential(tw.Dense(1))
    run = tw.fit(net, X, X[:, 0], epochs=9, validation=held, engine=engine, batch_size=8)
    assert control.best_epoch == run.best_epoch > 0


@pytest.mark.parametrize("epochs", [1, 3000])
def test_without_a_terminal_short_runs_write_nothing(epochs: int, capfd) -> None:
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


@pytest.mark.parametrize(
    ("ended", "said"),
    [(0, "0/8 networks"), (2, "0/8 networks"), (3, "1/8 networks"), (4, "2/8 networks")],
)
def test_networks_dropped_after_a_trial_are_not_counted(ended: int, said: str) -> None:
    shared = SharedBar(True, later=6, thing="network", dropped=2)
    works = [Watched(Control(), 1, 0, 100) for _ in range(4)]
    bar = shared.bar(works, 2)
    for each in works[:ended]:
        each.ended = True
    assert bar.words().startswith(said)
