"""Signals: results are kept, files are replaced together, and the exit status is right."""

import errno
import io
import os
import pkgutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import talweg as tw
from talweg.cli import train as train_command
from talweg.data.model.learning import EnsembleTrainer
from talweg.engine.run.outcome import Control
from talweg.train.run import interrupts

SIGNALS = [each for each in interrupts.ENDING if each != signal.SIGINT]
STATUS = {signal.SIGINT: 0, **{each: 128 + each for each in SIGNALS}}
RESULTS = ["history.csv", "model.talweg", "report.html"]
ENDLESS = ("--epochs", 1_000_000, "--patience", 1_000_000)


def sending(number: int, what=None):
    """A function that sends a signal to this process, and then does what it stands for."""

    def send(*given, **more):
        signal.raise_signal(number)
        return what(*given, **more) if what else None

    return send


@pytest.fixture
def after_an_epoch(monkeypatch):
    """Sends signals once a run has done its first epoch, each when the one before was seen."""

    def send(*numbers: int) -> None:
        left, begin = list(numbers), Control.begin

        def watched(control: Control) -> None:
            begin(control)
            control.__class__ = Watched

        class Watched(Control):
            def __setattr__(self, name: str, value: object) -> None:
                super().__setattr__(name, value)
                while left and name == "measures" and self.epoch:
                    signal.raise_signal(left.pop(0))

        monkeypatch.setattr(Control, "begin", watched)

    return send


@pytest.fixture(autouse=True)
def handlers():
    """No test leaves another handler behind."""
    before = [signal.getsignal(each) for each in interrupts.ENDING]
    yield
    assert [signal.getsignal(each) for each in interrupts.ENDING] == before


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("members", [1, 3])
def test_a_signal_ends_training_and_keeps_the_best_weights(
    talweg, train, after_an_epoch, number: int, members: int
) -> None:
    after_an_epoch(number)
    said = train(*ENDLESS, "--n-estimators", members)
    assert (said.status, said.err) == (STATUS[number], "")
    assert "interrupt" in said.out
    assert sorted(os.listdir("out")) == RESULTS
    told = tw.load("out/model.talweg").trained.training["members"]
    assert {each["stopped_by"] for each in told} == {"interrupted"}


class Hung(io.StringIO):
    """What is left of a terminal once it was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_terminal_that_is_closed_leaves_the_model(
    train, monkeypatch, after_an_epoch, number: int
) -> None:
    after_an_epoch(number)
    with monkeypatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, Hung())
        assert train(*ENDLESS).status == 128 + number
    assert sorted(os.listdir("out")) == RESULTS


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_at_once_and_leaves_what_was_there(
    train, after_an_epoch, number: int
) -> None:
    train()
    before = {file: file.read_bytes() for file in Path("out").iterdir()}
    after_an_epoch(number, number)
    said = train(*ENDLESS)
    assert (said.status, said.err) == (128 + number, "talweg: interrupted; nothing was written")
    assert {file: file.read_bytes() for file in Path("out").iterdir()} == before


EARLY = [
    "talweg.cli.train.read_table",
    "talweg.cli.train.column_types_text",
    "talweg.train.run.job.Job.run",
]


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("place", EARLY)
def test_before_the_first_step_a_signal_writes_nothing(
    train, monkeypatch, number: int, place: str
) -> None:
    module, _, name = place.rpartition(".")
    real = getattr(pkgutil.resolve_name(module.replace(".Job", ":Job")), name)
    monkeypatch.setattr(place, sending(number, real))
    said = train()
    assert (said.status, said.err) == (128 + number, "talweg: interrupted; nothing was written")
    assert not Path("out").exists()


@pytest.mark.parametrize("number", STATUS)
def test_a_signal_between_two_sweeps_ends_training(talweg, houses, monkeypatch, number) -> None:
    """Some networks are trained first, with bins and without; the others follow."""
    monkeypatch.setattr(EnsembleTrainer, "train", sending(number, EnsembleTrainer.train))
    words = "train houses.csv --target price --out out --hidden 2 --epochs 2 --n-estimators 5"
    assert talweg(*words.split()).status == STATUS[number]
    assert 0 < len(tw.load("out/model.talweg").trained.training["members"]) < 5


@pytest.mark.parametrize("number", STATUS)
def test_after_the_files_are_written_an_interruption_says_so(train, monkeypatch, number) -> None:
    monkeypatch.setattr("talweg.cli.train.say_result", sending(number, sending(number)))
    said = train()
    assert (said.status, said.err) == (128 + number, "talweg: interrupted; all files were written")
    assert sorted(os.listdir("out")) == RESULTS


AFTER = ["replacement_note", "_write_history", "inspect", "table_report", "render", "say_result"]


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("place", AFTER)
def test_after_training_a_signal_waits_for_the_files(
    train, monkeypatch, number: int, place: str
) -> None:
    real = getattr(train_command, place)
    monkeypatch.setattr(f"talweg.cli.train.{place}", sending(number, real))
    said = train()
    assert (said.status, said.err) == (STATUS[number], "")
    assert sorted(os.listdir("out")) == RESULTS


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("many", [1, 2])
def test_files_are_put_in_their_places_uncut(
    train, monkeypatch, number: int, at: int, many: int
) -> None:
    train()
    before = {file.name: file.stat().st_mtime_ns for file in Path("out").iterdir()}
    moved, real = [], os.replace

    def replace(old: object, new: Path) -> None:
        moved.append(new)
        if len(moved) == at:
            for _ in range(many):
                signal.raise_signal(number)
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    assert train().status == STATUS[number]
    assert [each.name for each in moved] == RESULTS[:1] + RESULTS[:0:-1]
    assert all(file.stat().st_mtime_ns != before[file.name] for file in Path("out").iterdir())
    assert sorted(os.listdir("out")) == RESULTS


@pytest.mark.parametrize("number", STATUS)
def test_predictions_that_are_written_are_told(talweg, train, monkeypatch, number: int) -> None:
    train()
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (sending(number)(), real(old, new)))
    said = talweg("predict", "out", "houses.csv", "--out", "p.csv")
    assert said.status == STATUS[number]
    assert "60 predictions" in said.out and Path("p.csv").exists()


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("out", [(), ("--out", "p.csv")])
def test_a_signal_ends_other_commands(talweg, train, monkeypatch, number: int, out) -> None:
    train()
    monkeypatch.setattr("talweg.cli.predict._lines", sending(number))
    said = talweg("predict", "out", "houses.csv", *out)
    words = "talweg: interrupted" + ("; nothing was written" if out else "")
    assert (said.status, said.err) == (128 + number, words)
    assert sorted(os.listdir()) == ["houses.csv", "out"]


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("command", ["show out", "train houses.csv --target price --out out", ""])
def test_a_signal_while_the_arguments_are_read_has_its_status(
    talweg, monkeypatch, number: int, command: str
) -> None:
    monkeypatch.setattr("talweg.cli.main.parser", sending(number))
    said = talweg(*command.split())
    assert (said.status, said.err) == (128 + number, "talweg: interrupted")


def test_an_ignored_signal_stays_ignored(train, monkeypatch) -> None:
    """As nohup ignores SIGHUP, and a shell SIGINT for what it runs in the background."""
    monkeypatch.setattr("talweg.cli.train.say_result", sending(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert train().status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_ends_training_where_ctrl_c_is_ignored(train, after_an_epoch) -> None:
    after_an_epoch(signal.SIGTERM)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert train(*ENDLESS).status == 143
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(os.listdir("out")) == RESULTS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("members", "number"), [*(("1", each) for each in STATUS), ("8", signal.SIGTERM)]
)
def test_a_process_that_is_signalled_while_it_trains(
    houses, monkeypatch, number: int, members: str
) -> None:
    monkeypatch.chdir(houses.parent)
    cache = houses.parent / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    words = "train houses.csv --target price --out out --hidden 4 --bins 0 --batch-size 1"
    words += f" --epochs 1000000 --patience 1000000 --n-estimators {members}"
    command = (sys.executable, "-m", "talweg", *words.split())
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while not [*cache.glob("talweg/*.code")]:  # written just before it trains
            time.sleep(0.01)
        time.sleep(1.5)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == STATUS[number]
    assert sorted(os.listdir("out")) == RESULTS


@pytest.mark.parametrize("number", STATUS)
def test_a_signal_while_modules_are_imported_has_its_status(houses, number: int) -> None:
    """Dataclasses are made by `exec`: after it Python would die of SIGINT, whatever was caught."""
    code = f"""
import signal
from talweg.cli import main, train_options
train_options._run = lambda options: exec("signal.raise_signal({int(number)})")
main.main(["train", "houses.csv", "--target", "price", "--out", "out"])
"""
    (houses.parent / "begun.py").write_text(code)
    command = (sys.executable, "-m", "begun")
    process = subprocess.run(command, capture_output=True, timeout=60, cwd=houses.parent)
    assert process.returncode == 128 + number
    assert process.stderr == b"talweg: interrupted; nothing was written\n"
