"""`talweg predict` and `talweg show`: from a model's file back to what it says."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.version import VERSION


def rows_of(text: str) -> tuple[list[str], list[list[str]]]:
    names, *rows = csv.reader(io.StringIO(text))
    return names, rows


def test_one_line_a_row_to_the_digit(talweg, train) -> None:
    train()
    said = talweg("predict", "out", "houses.csv")
    names, rows = rows_of(said.out)
    assert (said.status, said.err, names) == (0, "", ["price"])
    expected = tw.load("out/model.talweg").predict("houses.csv")
    assert [float(value) for (value,) in rows] == expected.tolist()


def test_a_file_holds_what_would_be_printed(talweg, train) -> None:
    train()
    printed = talweg("predict", "out/model.talweg", "houses.csv").out
    said = talweg("predict", "out/model.talweg", "houses.csv", "--out", "prices.csv")
    assert said.out == "60 predictions of price written to prices.csv\n"
    assert Path("prices.csv").read_text() == printed
    assert sorted(each.name for each in Path().iterdir()) == ["houses.csv", "out", "prices.csv"]


def test_probabilities_have_a_column_a_class_and_sum_to_1(talweg, train) -> None:
    train("--target", "place")
    names, rows = rows_of(talweg("predict", "out", "houses.csv", "--probabilities").out)
    assert names == ["place", "probability hill", "probability lake"]
    shares = np.array([row[1:] for row in rows], dtype=float)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert [row[0] for row in rows] == [["hill", "lake"][best] for best in shares.argmax(axis=1)]


def test_a_model_without_a_header_reads_files_without_one(talweg, houses) -> None:
    lines = houses.read_text().splitlines()[1:]
    Path("bare.csv").write_text("\n".join(lines))
    assert talweg("train", "bare.csv", "--target", "-1", "--out", "out", "--epochs", 2).status == 0
    Path("words.csv").write_text("x,y\n2,hill\n3,lake\n")  # looks like a header, and is a row
    names, rows = rows_of(talweg("predict", "out", "words.csv").out)
    assert (names, len(rows)) == (["2"], 3)
    assert "60 predictions of column 2" in talweg("predict", "out", "bare.csv", "--out", "p").out


def test_a_model_with_a_header_takes_the_first_row_for_one(talweg, write) -> None:
    rows = [("red", "round") if row % 2 else ("blue", "flat") for row in range(30)]
    write("train.csv", ("colour", "shape"), *rows)
    write("new.csv", ("colour",), ("red",), ("blue",), ("colour",))
    talweg("train", "train.csv", "--target", "shape", "--out", "o", "--epochs", 30, "--header")
    _, found = rows_of(talweg("predict", "o", "new.csv").out)
    assert [row[0] for row in found[:2]] == ["round", "flat"]
    assert len(found) == 3


def test_show_says_what_train_said(talweg, train) -> None:
    told = train("--drop", "rooms").out.split("\n\n")[1]
    said = talweg("show", "out")
    assert said.status == 0
    assert told in said.out
    words = " ".join(said.out.split())
    assert "learned from houses.csv (42 training, 9 validation, 9 test rows)" in words
    assert "Column 'rooms' is left out. As asked for." in said.out
    told = tw.load("out/model.talweg").trained.training
    when = f"{told['when'][:10]} {told['when'][11:16]} UTC"
    assert f"It was trained at {when} by talweg {VERSION}, on the loss mse with AdamW(" in words
    assert "in batches of 32, seed 0, float32." in words
    assert max(map(len, said.out.splitlines())) <= 80


def test_long_names_are_cut_in_tables(talweg, write) -> None:
    name = "a very long name of a column that nobody would want to read in a table"
    write("t.csv", (name, "y"), *((row % 5, row % 5 + 0.5) for row in range(30)))
    talweg("train", "t.csv", "--target", "y", "--out", "o", "--epochs", 1, "--hidden", 2)
    lines = talweg("show", "o").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith(f"{name[:37]}...  number")]


@pytest.mark.parametrize("name", ["out", "out/model.talweg"])
def test_a_model_is_its_file_or_the_folder_of_it(talweg, train, name) -> None:
    train()
    assert talweg("show", name).status == 0
