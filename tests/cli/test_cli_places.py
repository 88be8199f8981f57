"""Where a command may write: never over what it reads, never into the folder of another run."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from talweg.cli import train as train_command
from talweg.cli.output import atomic_files, locked_folder
from talweg.errors import DataError

# Over what is read ----------------------------------------------------------------------------


def hard(name: str, target: str) -> None:
    os.link(target, name)


def soft(name: str, target: str) -> None:
    os.symlink(os.path.abspath(target), name)


@pytest.fixture
def trained(train, houses: Path) -> Path:
    """A model in the folder `out`, beside the table."""
    train()
    return Path("out")


OVER_FILES = [  # the command, what is lost if it runs, and how it is called
    ("predict out houses.csv --out out/model.talweg", "the model"),
    ("predict out/model.talweg houses.csv --out ./out/../out/model.talweg", "the model"),
    ("predict out houses.csv --out houses.csv", "the table"),
    ("predict out houses.csv --out hard", "the table"),
    ("predict out houses.csv --out soft", "the table"),
    ("predict soft-model houses.csv --out out/model.talweg", "the model"),
    ("compare out out --out out/model.talweg", "the model"),
    ("compare out again/model.talweg --out again/model.talweg", "the model"),
    ("compare out again --data houses.csv --out houses.csv", "the table"),
    ("train history.csv --target price --out .", "the table"),
    ("train ../HERE/history.csv --target price --out ../HERE", "the table"),
    ("train report.html --target price --out .", "the table"),
    ("train houses.csv --target price --out linked", "the table"),
    ("train soft-table --target price --out tables", "the table"),
]


@pytest.mark.parametrize(("words", "what"), OVER_FILES, ids=[row[0] for row in OVER_FILES])
def test_an_input_is_never_overwritten(talweg, trained, words: str, what: str) -> None:
    table = "houses.csv"
    hard("hard", table)
    soft("soft", table)
    soft("soft-model", "out/model.talweg")
    shutil.copytree("out", "again")
    shutil.copy(table, "history.csv")
    shutil.copy(table, "report.html")
    os.mkdir("linked")
    soft("linked/history.csv", table)
    os.mkdir("tables")
    shutil.copy(table, "tables/model.talweg")
    soft("soft-table", "tables/model.talweg")
    before = {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}
    said = talweg(*words.replace("HERE", Path.cwd().name).split())
    assert said.status == 2 and f"{what} to read. Give another path." in said.err
    assert {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()} == before


# Claims ---------------------------------------------------------------------------------------


def test_a_claim_uses_nothing_outside_the_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    with locked_folder(tmp_path / "a"):
        assert [*tmp_path.rglob("*")] == [tmp_path / "a"]
        with pytest.raises(DataError, match="another run"), locked_folder(tmp_path / "a"):
            pass
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["a", "link", "b/../a", "./a/"])
def test_a_folder_is_claimed_under_all_its_names(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("b")
    os.mkdir("a")
    os.symlink("a", "link")
    with (
        locked_folder(Path("a")),
        pytest.raises(DataError, match="another run"),
        locked_folder(Path(name)),
    ):
        pass
    assert sorted(os.listdir()) == ["a", "b", "link"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_claim_made_while_another_ends_is_exclusive(tmp_path, monkeypatch, exists: bool) -> None:
    """B finds the folder, A ends and removes it, B locks it, and C comes."""
    folder, real = tmp_path / "a", fcntl.flock
    if exists:
        folder.mkdir()
    opened, ended, left = (threading.Event() for _ in range(3))
    inside: list[str] = []

    def late(descriptor: int, how: int) -> None:
        opened.set()
        ended.wait(5)
        real(descriptor, how)

    def second() -> None:
        with locked_folder(folder):
            inside.append("B")
            entered.set()
            left.wait(5)

    entered = threading.Event()
    first = locked_folder(folder)
    first.__enter__()
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        thread = threading.Thread(target=second)
        thread.start()
        assert opened.wait(5)
    first.__exit__(None, None, None)
    ended.set()
    assert entered.wait(5)
    with pytest.raises(DataError, match="another run"), locked_folder(folder):
        inside.append("C")
    left.set()
    thread.join()
    assert inside == ["B"]
    assert folder.exists() is exists


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_a_run_works_on_file_systems_without_locks(train, monkeypatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert train().status == 0
    assert train().status == 0
    assert sorted(os.listdir("out")) == ["history.csv", "model.talweg", "report.html"]


def test_created_folders_are_removed_after_an_error(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), locked_folder(tmp_path / "a" / "b" / "c"):
        raise ZeroDivisionError
    assert [*tmp_path.iterdir()] == []


def test_an_existing_folder_is_kept(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), locked_folder(tmp_path):
        raise ZeroDivisionError
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("", "'' is not a path: it is empty"),
        ("a\0b", "'a\\x00b' is not a path: it is empty or contains NUL"),
        ("loop", "cannot be created"),
    ],
)
def test_an_invalid_output_path(talweg, houses, out: str, words: str) -> None:
    os.symlink("loop", "loop")
    said = talweg("train", "houses.csv", "--target", "price", "--out", out)
    assert said.status == 2 and words in said.err


@pytest.mark.parametrize("command", ["predict out houses.csv", "compare out out"])
def test_an_empty_file_name_is_refused(talweg, trained, command: str) -> None:
    said = talweg(*command.split(), "--out", "")
    assert said.status == 2 and "--out '' is not a path" in said.err and not said.out


# Whole or nothing -----------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_files_are_renamed_into_place_in_order_once_all_are_complete(tmp_path, monkeypatch) -> None:
    moved, real = [], os.replace

    def replace(old: object, new: Path) -> None:
        moved.append(new.name)
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    with atomic_files(tmp_path / "a", tmp_path / "b", tmp_path / "c") as (a, _, c):
        a.write(b"a")
        c.write(b"c")
        assert not moved
    assert moved == ["a", "b", "c"]
    assert [(tmp_path / each).read_bytes() for each in "abc"] == [b"a", b"", b"c"]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_full_disk_replaces_no_file(tmp_path, monkeypatch, failing: int) -> None:
    for each in "abc":
        (tmp_path / each).write_text("old")
    calls, real = [], os.fsync

    def sync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with (
        pytest.raises(DataError, match=r"No space left on device\. No partial files were kept"),
        atomic_files(*(tmp_path / each for each in "abc")),
    ):
        pass
    assert names(tmp_path) == ["a", "b", "c"]
    assert {(tmp_path / each).read_text() for each in "abc"} == {"old"}


def test_an_error_names_the_files_that_were_replaced(tmp_path, monkeypatch) -> None:
    real = os.replace

    def replace(old: object, new: Path) -> None:
        if new.name == "b":
            raise PermissionError(errno.EPERM, "Operation not permitted")
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    with (
        pytest.raises(DataError, match=r"not permitted\. Only a could be replaced\."),
        atomic_files(tmp_path / "a", tmp_path / "b"),
    ):
        pass
    assert names(tmp_path) == ["a"]


def test_a_folder_that_was_removed_during_training_is_made_again(train, monkeypatch) -> None:
    def fitted(*given, **more):
        shutil.rmtree("out")
        return real(*given, **more)

    real = train_command.fit_model
    monkeypatch.setattr("talweg.cli.train.fit_model", fitted)
    assert train().status == 0
    assert names(Path("out")) == ["history.csv", "model.talweg", "report.html"]


@pytest.mark.slow
@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_the_file_behind_standard_input_is_not_overwritten(trained, source: str) -> None:
    before = Path("houses.csv").read_bytes()
    command = (sys.executable, "-m", "talweg", "predict", "out", source, "--out", "houses.csv")
    with open("houses.csv") as table:
        said = subprocess.run(command, stdin=table, capture_output=True, text=True, timeout=60)
    assert said.returncode == 2 and "this is the table to read. Give another" in said.stderr
    assert Path("houses.csv").read_bytes() == before


def test_the_date_of_a_replaced_model_is_printed(train) -> None:
    assert "replacement_note" not in train().out
    os.utime("out/model.talweg", (1e9, 1e9))
    assert "model    out/model.talweg (replaced the one of 2001-09-09)\n" in train().out
