"""`talweg predict` and `talweg show`: from a model's file back to what it says."""

import csv
import io
import warnings
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.model.scores import r2
from talweg.errors import DataWarning, TrainingWarning
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
    quick = ("--epochs", 2, "--n-estimators", 1)
    assert talweg("train", "bare.csv", "--target", "-1", "--out", "out", *quick).status == 0
    Path("words.csv").write_text("x,y\n2,hill\n3,lake\n")
    said = talweg("predict", "out", "words.csv")
    names, rows = rows_of(said.out)
    assert (names, len(rows)) == (["2"], 2)
    assert "line 1: its cells (x, y) are read as column names" in said.err
    assert "60 predictions of column 2" in talweg("predict", "out", "bare.csv", "--out", "p").out


def test_a_model_with_a_header_takes_the_first_row_for_one(talweg, write) -> None:
    rows = [("red", "round") if row % 2 else ("blue", "flat") for row in range(30)]
    write("train.csv", ("color", "shape"), *rows)
    write("new.csv", ("color",), ("red",), ("blue",), ("color",))
    how = ("--epochs", 30, "--n-estimators", 1, "--header")
    talweg("train", "train.csv", "--target", "shape", "--out", "o", *how)
    _, found = rows_of(talweg("predict", "o", "new.csv").out)
    assert [row[0] for row in found[:2]] == ["round", "flat"]
    assert len(found) == 3


def test_show_says_what_train_said(talweg, train) -> None:
    told = train("--drop", "rooms").out.split("\n\n")[1]
    said = talweg("show", "out")
    assert said.status == 0
    assert told in said.out
    words = " ".join(said.out.split())
    rows = "45 rows for training, 8 for validation, 7 to test"
    assert f"learned from houses.csv ({rows})" in words
    assert "Column 'rooms' is left out. As requested." in said.out
    told = tw.load("out/model.talweg").trained.training
    when = f"{told['when'][:10]} {told['when'][11:16]} UTC"
    assert f"Trained on {when} with talweg {VERSION}: loss mse, optimizer AdamW(" in words
    assert "batch size 16, seed 0, float32." in words
    assert max(map(len, said.out.splitlines())) <= 80


def test_long_names_are_cut_in_tables(talweg, write) -> None:
    name = "a very long name of a column that nobody would want to read in a table"
    write("t.csv", (name, "y"), *((row % 5, row % 5 + 0.5) for row in range(30)))
    quick = ("--epochs", 1, "--hidden", 2, "--n-estimators", 1)
    talweg("train", "t.csv", "--target", "y", "--out", "o", *quick)
    lines = talweg("show", "o").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith(f"{name[:37]}...  number")]


@pytest.mark.parametrize("name", ["out", "out/model.talweg"])
def test_a_model_is_its_file_or_the_folder_of_it(talweg, train, name) -> None:
    train()
    assert talweg("show", name).status == 0


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_what_the_table_path_says_of_each_cell_is_what_is_written(talweg, train, write) -> None:
    train()
    cells = ["", "?", "low", "1_000", "inf", " 2.5 ", "1e39", "007", "-", "3"] * 30
    places = ["lake", "", "moon"] * 100
    write("new.csv", ("more", "place", "rooms"), *zip(cells, places, cells, strict=True))
    _, rows = rows_of(talweg("predict", "out", "new.csv").out)
    expected = tw.load("out/model.talweg").predict("new.csv").tolist()
    assert [float(value) for (value,) in rows] == expected


# Notes ----------------------------------------------------------------------------------------

NEW = [("rooms", "place"), *((row % 5, "moon") for row in range(300))]
NOTE = (
    "note: new.csv: the {rows} rows to predict have cells unlike the training data. 'place': "
    "300 unknown (such as 'moon'). The network treats unknown and missing cells as such, and "
    "pulls values far outside the training range toward it. Check that these columns mean the "
    "same as in training."
)


def test_a_doubt_is_one_note_without_a_place_in_the_code(
    talweg, train, write, monkeypatch, recwarn
) -> None:
    train()
    write("new.csv", *NEW)
    monkeypatch.setattr("talweg.data.io.csv_file.BLOCK", 1)  # several parts, all of them doubtful
    said = talweg("predict", "out", "new.csv", "--out", "p.csv")
    assert (said.status, said.err, recwarn.list) == (0, NOTE.format(rows=300), [])
    again = talweg("predict", "out", "new.csv", "--out", "p.csv")
    assert again.err == NOTE.format(rows=300)


def test_later_rows_count_as_the_first_ones_do(talweg, train, write, monkeypatch) -> None:
    train()
    write("new.csv", *NEW[:1], *((row % 5, "hill") for row in range(64)), *NEW[1:])
    monkeypatch.setattr("talweg.data.io.csv_file.BLOCK", 1)
    said = talweg("predict", "out", "new.csv", "--out", "p.csv")
    assert said.err == NOTE.format(rows=364)


def test_compare_says_of_two_models_once_what_is_doubtful(talweg, train, write) -> None:
    train()
    train("--out", "other", "--seed", 1)
    write("new.csv", (*NEW[0], "price"), *((*row, row[0]) for row in NEW[1:]))
    said = talweg("compare", "out", "other", "--data", "new.csv")
    assert (said.status, said.err) == (0, NOTE.format(rows=300))


@pytest.mark.parametrize("kind", [DataWarning, TrainingWarning])
def test_train_says_what_it_is_warned_of(talweg, houses, monkeypatch, kind) -> None:
    def doubtful(*_: object, **__: object) -> None:
        warnings.warn("this is odd", kind, stacklevel=1)
        warnings.warn("this is a fault of the code", RuntimeWarning, stacklevel=1)

    monkeypatch.setattr("talweg.cli.train.train", doubtful)
    with pytest.warns(RuntimeWarning, match="this is a fault of the code"):
        said = talweg("train", "houses.csv", "--target", "price", "--out", "out")
    assert (said.status, said.err) == (0, "note: this is odd")


def test_nothing_prints_what_rounding_left_of_0(talweg, train, monkeypatch) -> None:
    def rounded(true: np.ndarray, said: np.ndarray, weights: np.ndarray | None = None) -> float:
        return r2(true, said, weights) if np.ptp(said) else -5.6e-17

    monkeypatch.setattr("talweg.data.model.scores.r2", rounded)
    said = [train(), talweg("show", "out"), talweg("compare", "out", "--out", "compare.html")]
    assert tw.load("out/model.talweg").scores[0].trivial == -5.6e-17
    pages = [Path(name).read_text() for name in ("out/report.html", "compare.html")]
    for each in [*(one.out for one in said), *pages]:
        assert "R2" in each and "e-17" not in each
    assert [line.split()[2] for line in said[1].out.splitlines() if line.startswith("R2 ")] == ["0"]


# Intervals ------------------------------------------------------------------------------------


def test_intervals_have_a_low_and_a_high_end(talweg, train, monkeypatch) -> None:
    train()
    whole = talweg("predict", "out", "houses.csv", "--intervals", "0.8")
    names, rows = rows_of(whole.out)
    assert (whole.status, names) == (0, ["price", "price low", "price high"])
    model, found = tw.load("out/model.talweg"), np.array(rows, dtype=float)
    np.testing.assert_array_equal(found[:, 0], model.predict("houses.csv"))
    np.testing.assert_array_equal(found[:, 1:], model.predict_interval("houses.csv", 0.8))
    monkeypatch.setattr("talweg.data.io.csv_file.FEWEST", 7)
    monkeypatch.setattr("talweg.data.io.csv_file.BLOCK", 1)  # nine parts
    names, parts = rows_of(talweg("predict", "out", "houses.csv", "--intervals", "0.8").out)
    np.testing.assert_allclose(np.array(parts, dtype=float), found, rtol=1e-6, atol=1e-6)
    assert (names, len(parts)) == (["price", "price low", "price high"], 60)


REFUSED = [  # target, share, words
    ("price", "0.95", "7 test rows cannot support a coverage of 95.0%. Ask for at most 87.5%"),
    (
        "price",
        "90",
        "predict_interval: coverage must be a number above 0 and below 1, but 90.0 was given",
    ),
    ("place", "0.9", "predicts 'place' as a class, which has no interval. Use predict_proba"),
]


@pytest.mark.parametrize(("target", "share", "words"), REFUSED)
def test_intervals_that_cannot_be_had_are_refused_at_once(
    talweg, train, target: str, share: str, words: str
) -> None:
    train("--target", target)
    how = ("predict", "out", "absent.csv", "--intervals", share)
    for out in ((), ("--out", "new.csv")):
        said = talweg(*how, *out)
        assert (said.status, said.out) == (2, "")
        assert words in said.err
    assert not Path("new.csv").exists()
    assert talweg("predict", "out", "x.csv", "--probabilities", "--intervals", "0.9").status == 2
