"""Tables that come through a pipe: from the standard input and from pipes with a name."""

import gzip
import io
import sys
from pathlib import Path

import pandas as pd
import pytest

GIVEN = ["-", "/dev/stdin"]


@pytest.fixture
def piped(monkeypatch):
    """Makes bytes the standard input."""

    def pipe(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return pipe


@pytest.mark.parametrize("given", GIVEN)
def test_the_standard_input_is_a_table(talweg, train, houses: Path, piped, given: str) -> None:
    content = houses.read_bytes()
    assert train().status == 0
    from_file = talweg("predict", "out", houses)
    piped(content)
    assert talweg("predict", "out", given) == from_file
    piped(content)
    said = talweg("compare", "out", "out", "--data", given)
    assert (said.status, "60 rows of standard input" in " ".join(said.out.split())) == (0, True)
    piped(content)
    quick = ("--epochs", 3, "--hidden", 4, "--batch-size", 16, "--n-estimators", 1, "--bins", 0)
    said = talweg("train", given, "--target", "price", "--out", "again", *quick)
    assert (said.status, said.out.splitlines()[0]) == (0, "standard input: 60 rows, 3 columns")
    assert talweg("predict", "again", houses) == from_file
    assert "sys.stdin.buffer" in Path("again", "report.html").read_text(encoding="utf-8")


def test_what_is_unknown_in_the_standard_input_is_told_under_its_name(talweg, train, piped) -> None:
    assert train().status == 0
    piped(b"rooms,place\n1,moon\n")
    said = talweg("predict", "out", "-")
    assert said.err.startswith("note: standard input: the row to predict has cells")


def test_an_empty_or_closed_standard_input(talweg, train, piped, monkeypatch) -> None:
    assert train().status == 0
    piped(b"")
    said = talweg("predict", "out", "-")
    assert (said.status, said.err) == (
        2,
        "talweg: standard input is empty. Give a table with at least one row.",
    )
    monkeypatch.setattr(sys, "stdin", None)
    assert "Standard input is closed" in talweg("predict", "out", "-").err


@pytest.mark.parametrize("path", ["a" * 5000, "b/" * 2500])
def test_a_path_that_the_system_refuses_is_one_line(talweg, train, path: str) -> None:
    assert train().status == 0
    for arguments in (("predict", "out", path), ("train", path, "--target", "y", "--out", "o")):
        said = talweg(*arguments)
        assert said.status == 2
        assert "cannot be read: File name too long" in said.err


def test_other_formats_come_through_a_pipe(talweg, train, houses: Path, piped) -> None:
    assert train().status == 0
    from_file = talweg("predict", "out", houses)
    frame = pd.read_csv(houses)
    book = io.BytesIO()
    frame.to_excel(book, index=False)
    for content in (
        frame.to_json(orient="records", lines=True).encode(),
        frame.to_json(orient="records").encode(),
        gzip.compress(houses.read_bytes()),
        frame.to_parquet(index=False),
        book.getvalue(),
    ):
        piped(content)
        assert talweg("predict", "out", "-") == from_file


def test_a_doubt_about_the_header_is_a_note_that_an_option_ends(talweg, write) -> None:
    answers = ((1 + i * 7 % 5, 1 + i * i % 5, 1 + i // 3) for i in range(12))
    file = write("answers.csv", (1, 2, 3), *answers)
    quick = ("--target", -1, "--out", "o", "--epochs", 2, "--n-estimators", 1, "--bins", 0)
    said = talweg("train", file.name, *quick)
    assert "could be column names or a row" in said.err and "--no-header" in said.err
    for option, rows in (("--header", 12), ("--no-header", 13)):
        said = talweg("train", file.name, *quick, option)
        assert f"answers.csv: {rows} rows, 3 columns" in said.out
        assert "could be names" not in said.err
