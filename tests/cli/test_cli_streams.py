"""Closed, full or broken streams lose words at most, never a model."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

RESULTS = ["history.csv", "model.talweg", "report.html"]
QUICK = "--epochs 1 --hidden 2 --n-estimators 1 --bins 0"


class Failing(io.StringIO):
    """A stream that takes so many writes, and then raises."""

    def __init__(self, error: Exception, after: int = 0) -> None:
        super().__init__()
        self.error, self.left = error, after

    def write(self, text: str) -> int:
        if not self.left:
            raise self.error
        self.left -= 1
        return super().write(text)


BROKEN = BrokenPipeError(errno.EPIPE, "Broken pipe")
FULL = OSError(errno.ENOSPC, "No space left on device")
GONE = OSError(errno.EIO, "Input/output error")
ODD = RuntimeError("a notebook's stream without its kernel")
LOST = "talweg: No space left on device: the output. Everything else is done."

STREAMS = [  # the stream, how much it takes, the exit status, what the other stream says
    ("stdout", BROKEN, 0, 0, ""),
    ("stdout", BROKEN, 3, 0, ""),
    ("stdout", FULL, 0, 2, LOST),
    ("stdout", FULL, 3, 2, LOST),
    ("stdout", GONE, 0, 2, "talweg: Input/output error: the output. Everything else is done."),
    (
        "stdout",
        ODD,
        0,
        2,
        "talweg: a notebook's stream without its kernel. Everything else is done.",
    ),
    ("stdout", None, 0, 0, ""),
    ("stderr", BROKEN, 0, 0, "model    out/model.talweg"),
    ("stderr", FULL, 0, 0, "model    out/model.talweg"),
    ("stderr", ODD, 0, 0, "model    out/model.talweg"),
    ("stderr", None, 0, 0, "model    out/model.talweg"),
]


@pytest.mark.parametrize(("name", "error", "after", "status", "words"), STREAMS)
def test_a_failing_stream_does_not_lose_the_model(
    train, monkeypatch, name: str, error, after: int, status: int, words: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, name, None if error is None else Failing(error, after))
        said = train()
    assert said.status == status
    assert words in (said.err if name == "stdout" else said.out)
    assert sorted(os.listdir("out")) == RESULTS


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize("error", [BROKEN, FULL, ODD, None], ids=repr)
def test_the_exit_status_of_an_error_does_not_depend_on_the_streams(
    talweg, monkeypatch, name: str, error
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, name, None if error is None else Failing(error))
        assert talweg("show", "nothing").status == 2


def test_predictions_need_an_open_output(talweg, train, monkeypatch) -> None:
    train()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        said = talweg("predict", "out", "houses.csv")
    assert said.status == 2
    assert said.err == "talweg: Standard output is closed. Give a file with --out FILE."


@pytest.mark.parametrize(("error", "status"), [(BROKEN, 141), (FULL, 2)])
def test_predictions_that_cannot_be_written_are_an_error(
    talweg, train, monkeypatch, error, status: int
) -> None:
    train()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Failing(error, after=5))
        assert talweg("predict", "out", "houses.csv").status == status


@pytest.mark.parametrize("words", ["show out", "compare out out --out c.html"])
def test_other_commands_survive_a_closed_pipe(talweg, train, monkeypatch, words: str) -> None:
    train()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Failing(BROKEN))
        assert talweg(*words.split()).status == 0
    assert Path("c.html").exists() is ("compare" in words)


# As a process ---------------------------------------------------------------------------------

LINES = [  # a line of a shell, and its exit status
    (">&-", 0),
    ("2>&-", 0),
    (">&- 2>&-", 0),
    ("<&- >&- 2>&-", 0),
    ("| head -1", 0),
    ("2>&1 | head -1", 0),
    *([(">/dev/full", 2), ("2>/dev/full", 0)] if Path("/dev/full").exists() else []),
]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another shell")
@pytest.mark.parametrize(("streams", "status"), LINES)
def test_a_shell_may_close_or_break_any_stream(
    houses, monkeypatch, streams: str, status: int
) -> None:
    monkeypatch.chdir(houses.parent)
    monkeypatch.delenv("TERM", raising=False)
    command = f"'{sys.executable}' -m talweg train houses.csv --target price --out out {QUICK}"
    line = f"set -o pipefail; {command} {streams}"
    said = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert said.returncode == status
    assert "Traceback" not in said.stderr and "Exception ignored" not in said.stderr
    assert sorted(os.listdir("out")) == RESULTS
    # A file that is opened in the place of a closed stream gets what is meant for the stream.
    assert Path("out/model.talweg").read_bytes()[:2] == b"PK"
    assert Path("houses.csv").read_text().startswith("rooms,place,price\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another shell")
@pytest.mark.parametrize("streams", ["2>&-", ">&- 2>&-", "<&- >&-"])
def test_no_file_takes_the_descriptor_of_a_closed_stream(streams: str) -> None:
    """Else what a library in C says would go into a model."""
    code = "import os, sys; from talweg.cli import main, show_options; "
    code += "show_options._run = lambda _: sys.exit(open(os.devnull).fileno() if sys.argv else 1); "
    code += "main.main(['show', 'm'])"
    said = subprocess.run(["bash", "-c", f"'{sys.executable}' -c \"{code}\" {streams}"], timeout=60)
    assert said.returncode > 2
