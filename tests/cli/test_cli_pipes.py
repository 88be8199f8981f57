"""Tables that come through a pipe: from the standard input and from pipes with a name."""

import io
import sys
from pathlib import Path

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
    assert (said.status, "60 rows of the standard input" in " ".join(said.out.split())) == (0, True)
    piped(content)
    quick = ("--epochs", 3, "--hidden", 4, "--batch-size", 16, "--members", 1, "--bins", 0)
    said = talweg("train", given, "--target", "price", "--out", "again", *quick)
    assert (said.status, said.out.splitlines()[0]) == (0, "the standard input: 60 rows, 3 columns")
    assert talweg("predict", "again", houses) == from_file
    assert "sys.stdin.buffer" in Path("again", "report.html").read_text(encoding="utf-8")


def test_an_empty_or_closed_standard_input(talweg, train, piped, monkeypatch) -> None:
    assert train().status == 0
    piped(b"")
    said = talweg("predict", "out", "-")
    assert (said.status, said.err) == (
        2,
        "talweg: the standard input is empty. Give a table with at least one row.",
    )
    monkeypatch.setattr(sys, "stdin", None)
    assert "The standard input is closed" in talweg("predict", "out", "-").err


@pytest.mark.parametrize("path", ["a" * 5000, "b/" * 2500])
def test_a_path_that_the_system_refuses_is_one_line(talweg, train, path: str) -> None:
    assert train().status == 0
    for arguments in (("predict", "out", path), ("train", path, "--target", "y", "--out", "o")):
        said = talweg(*arguments)
        assert said.status == 2
        assert "cannot be read: File name too long" in said.err
