"""The command as a process: on a terminal, interrupted, on a full disk, into a closed pipe."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from talweg.version import VERSION

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

TALWEG = (sys.executable, "-m", "talweg")
QUICK = ("--hidden", "4", "--bins", "0")
TRAIN = ("train", "houses.csv", "--target", "price", "--out", "out", *QUICK)
ALONE = ("--n-estimators", "1")
ENDLESS = (*TRAIN, "--epochs", "1000000", "--patience", "1000000", "--batch-size", "1")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def on_terminal(arguments: tuple[str, ...], *, interrupt: bool) -> tuple[int, str]:
    """Exit status and all that a terminal was sent; Ctrl-C once the bar has shown an epoch."""
    master, slave = pty.openpty()
    process = subprocess.Popen((*TALWEG, *arguments), stdout=slave, stderr=slave)
    os.close(slave)
    seen, interrupted = "", False
    while part := read(master):
        seen += part
        if interrupt and not interrupted and "loss" in seen:
            process.send_signal(signal.SIGINT)
            interrupted = True
    os.close(master)
    return process.wait(timeout=60), seen


def read(master: int) -> str:
    try:
        return os.read(master, 4096).decode()
    except OSError:  # what Linux says at the end of a terminal
        return ""


def left_on_screen(sent: str) -> str:
    """What is to be read once returns and erased lines have had their effect."""
    lines = sent.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition("\r\x1b[K")[2] for line in lines)


def run(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*TALWEG, *arguments), text=True, timeout=60, **{"capture_output": True, **settings}
    )


@pytest.fixture(autouse=True)
def here(houses: Path, monkeypatch) -> None:
    monkeypatch.chdir(houses.parent)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # it hides what is left in a buffer


RUN = r"\d+/1000000  loss \S+  val_loss \S+  best \d+"
RUNS = r"\d/3 networks  epoch \d+/1000000  loss \S+  val_loss \S+"


@pytest.mark.slow
@pytest.mark.parametrize(("members", "told"), [("1", RUN), ("3", RUNS)])
def test_a_bar_is_drawn_and_cleaned_up(members: str, told: str) -> None:
    how = (*ENDLESS, "--n-estimators", members, "--time-budget", "1.5")
    status, sent = on_terminal(how, interrupt=False)
    assert status == 0
    drawn = re.findall(rf"\r\x1b\[K(\[[#.]*\] {told}  [^\r]* left)", sent)
    assert drawn
    assert max(map(len, drawn)) < 80
    screen = left_on_screen(sent)
    assert not CONTROL.search(screen)
    assert "left" not in screen
    words = " ".join(screen.split())
    why = "of 1.5 s was used up" if members == "1" else "ran out"
    assert f"stopped because the time budget {why}" in words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ("1", r"stopped because it was interrupted after [\d,]+ steps; the network keeps"),
        (
            "8",
            r"All stopped when training was interrupted; each keeps the weights of its best epoch",
        ),
    ],
)
def test_ctrl_c_ends_training_and_keeps_what_was_reached(members: str, words: str) -> None:
    status, sent = on_terminal((*ENDLESS, "--n-estimators", members), interrupt=True)
    assert status == 0
    assert re.search(words, " ".join(left_on_screen(sent).split()))
    assert sorted(os.listdir("out")) == ["history.csv", "model.talweg", "report.html"]
    assert run("predict", "out", "houses.csv").stdout.count("\n") == 61


def test_ctrl_c_before_training_leaves_nothing(talweg, houses, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("talweg.cli.train.read_table", interrupt)
    said = talweg(*TRAIN)
    assert (said.status, said.err) == (130, "talweg: interrupted; nothing was written")
    assert os.listdir() == ["houses.csv"]


@pytest.mark.slow
def test_an_error_is_wrapped_on_a_terminal_and_one_line_elsewhere() -> None:
    arguments = (*TRAIN, "--activation", "rleu")
    status, sent = on_terminal(arguments, interrupt=False)
    assert status == 2
    assert all(len(line) <= 80 for line in sent.splitlines())
    assert sent.count("\n") > 1
    assert run(*arguments).stderr == " ".join(sent.split()) + "\n"


def limited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_nothing_half_written() -> None:
    said = run(*TRAIN, *ALONE, "--epochs", "2", preexec_fn=limited)
    assert said.returncode == 2
    assert said.stderr == (
        "talweg: --out out: File too large. No partial files were kept. "
        "Free some space, or give another path.\n"
    )
    assert os.listdir() == ["houses.csv"]
    assert run(*TRAIN, *ALONE, "--epochs", "2").returncode == 0
    said = run("predict", "out", "houses.csv", "--out", "p.csv", preexec_fn=limited)
    assert (said.returncode, said.stderr.count("File too large")) == (2, 1)
    assert sorted(os.listdir()) == ["houses.csv", "out"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_standard_output_is_an_error() -> None:
    run(*TRAIN, *ALONE, "--epochs", "1")
    with open("/dev/full", "w") as full:
        predict = ("predict", "out", "houses.csv")
        said = run(*predict, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert said.returncode == 2
    assert said.stderr == "talweg: No space left on device: the output\n"


@pytest.mark.slow
def test_a_closed_pipe_is_no_error() -> None:
    run(*TRAIN, *ALONE, "--epochs", "1")
    process = subprocess.Popen(
        (*TALWEG, "predict", "out", "houses.csv"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 141)
    process.stderr.close()


@pytest.mark.slow
def test_an_encoding_that_lacks_a_letter(monkeypatch) -> None:
    Path("größe.csv").write_text("a,größe\n" + "".join(f"{n % 7},{n}.5\n" for n in range(30)))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    quick = ("--epochs", "1", *ALONE)
    said = run("train", "größe.csv", "--target", "größe", "--out", "o", *quick)
    assert (said.returncode, said.stderr) == (0, "")
    assert "gr\\xf6\\xdfe.csv: 30 rows" in said.stdout


def test_asking_for_help_does_not_import_numpy() -> None:
    code = "import sys; sys.argv[1:] = ['--help']; import atexit, runpy; atexit.register(lambda: "
    code += "print('numpy' in sys.modules)); runpy.run_module('talweg', run_name='__main__')"
    said = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert said.stdout.endswith("False\n")
    assert said.stdout.startswith("usage: talweg ")


def test_python_m_talweg_is_talweg() -> None:
    assert run("--version").stdout == f"talweg {VERSION}\n"
    assert "--target" in run("train", "--help").stdout
