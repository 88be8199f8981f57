"""Where a command writes: one run a folder, blocks that do not pile up, nothing half-written."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import talweg as tw
from talweg.cli.output import locked_folder
from talweg.cli.predict import _blocks
from talweg.data.columns.table import Table
from talweg.data.io.read import read_table
from talweg.errors import DataError

pytest.importorskip("fcntl", reason="this system has no locks that end with their process")


def test_two_runs_into_one_folder(train) -> None:
    with locked_folder(Path("out")):
        said = train()
    assert said.status == 2
    assert said.err == (
        "talweg: --out out: another run is writing to this folder. Wait until it has ended, or "
        "give another folder."
    )
    assert not Path("out").exists()
    assert train().status == 0


def test_a_folder_has_one_claim_by_whatever_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    same = locked_folder(tmp_path / "b" / ".." / "a")
    with locked_folder(Path("a")), pytest.raises(DataError, match="another run"), same:
        pass
    with locked_folder(Path("a")), locked_folder(Path("b")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_claim_ends_with_its_run_and_leaves_nothing(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), locked_folder(tmp_path):
        raise ZeroDivisionError
    with locked_folder(tmp_path):
        assert os.listdir(tmp_path) == []


def test_each_part_is_written_before_the_next_is_read(houses) -> None:
    trained = tw.TableModel("price", hidden=(2,), epochs=1, n_estimators=1).fit(houses).trained
    table, read = read_table(houses), []

    def parts() -> Iterator[Table]:
        for place in range(3):
            read.append(place)
            yield table

    blocks = _blocks(trained, parts(), probabilities=False)
    assert read == []
    sizes = [(len(block), len(read)) for block in blocks]
    assert sizes == [(61, 1), (60, 2), (60, 3)]  # the first one has the header


def test_parts_of_a_file_are_predicted_as_the_whole(talweg, train, monkeypatch) -> None:
    train("--target", "place")
    whole = talweg("predict", "out", "houses.csv", "--probabilities").out
    monkeypatch.setattr("talweg.data.io.csv_file.FEWEST", 7)
    monkeypatch.setattr("talweg.data.io.csv_file.BLOCK", 1)
    parts = talweg("predict", "out", "houses.csv", "--probabilities").out
    assert parts.splitlines()[0] == whole.splitlines()[0]
    found, expected = (
        [[cells[0], *map(float, cells[1:])] for cells in (line.split(",") for line in text)]
        for text in (parts.splitlines()[1:], whole.splitlines()[1:])
    )
    assert len(found) == 60
    for line, other in zip(found, expected, strict=True):
        assert line[0] == other[0]
        assert line[1:] == pytest.approx(other[1:], rel=1e-5)


def test_a_late_fault_leaves_no_file(talweg, train, houses, monkeypatch) -> None:
    train()
    monkeypatch.setattr("talweg.data.io.csv_file.FEWEST", 7)
    monkeypatch.setattr("talweg.data.io.csv_file.BLOCK", 1)
    Path("long.csv").write_text(houses.read_text() + "1,2,3,4,5\n")
    said = talweg("predict", "out", "long.csv", "--out", "p.csv")
    assert said.status == 2 and "long.csv, line 62" in said.err
    assert sorted(os.listdir()) == ["houses.csv", "long.csv", "out"]


def test_a_folder_that_cannot_be_written_to_is_refused_before_training(train, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    said = train()
    assert said.status == 2 and "rows" not in said.out
    assert "--out out: " in said.err
    assert "(Read-only file system). Give another folder." in said.err


@pytest.mark.parametrize("name", ["model.talweg", "report.html", "history.csv"])
def test_a_folder_in_the_place_of_a_file_is_refused_before_training(train, name: str) -> None:
    (Path("out") / name).mkdir(parents=True)
    said = train()
    assert (said.status, said.out) == (2, "")
    assert f"out/{name} is a folder. Remove it, or give another." in said.err
    assert os.listdir("out") == [name]
