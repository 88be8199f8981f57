"""Tables with something odd in them, from the command line: learned all the same, and told."""

import csv
import os

import numpy as np
import pytest

ROWS = 60
SIZE = [row / 8 for row in range(ROWS)]
PLACE = [["hill", "lake", "town"][row % 3] for row in range(ROWS)]
PRICE = [size + row % 3 for row, size in enumerate(SIZE)]
KIND = ["small" if row < 30 else "large" for row in range(ROWS)]
QUICK = ("--out", "out", "--epochs", 1, "--hidden", 4, "--n-estimators", 1, "--bins", 0)

ODD = [  # what, the target, changed columns, words that are said
    (
        "a class with one row",
        "kind",
        {"kind": [*KIND[:-1], "vast"]},
        "The class vast of kind has one row, too few to train and to test: add rows",
    ),
    (
        "classes with one row",
        "kind",
        {"kind": [*KIND[:-5], *"vwxyz"]},
        "The classes v, w, x and 2 more of kind have one row, too few to train and to test",
    ),
    ("an empty column", "price", {"odd": ["", "?"] * 30}, "left out: odd. Every cell is miss"),
    ("infinities", "price", {"odd": ["inf", "-inf", 1] * 20}, "number: size, odd category: place"),
    ("only infinite", "price", {"odd": ["inf", "-inf"] * 30}, "On 7 rows that training never saw"),
    ("hardly a cell", "price", {"odd": ["", *[1.5, 2.5], *[""] * 57]}, "number: size, odd"),
    ("one word a row", "price", {"odd": [f"n{row}" for row in range(ROWS)]}, "another word."),
    (
        "rows without a target",
        "price",
        {"price": ["", "?", "NA", "nan", *PRICE[4:]]},
        "4 rows without a target were left out.",
    ),
]


@pytest.fixture
def table(write):
    """Writes columns, and gives the name of the file."""

    def written(name: str = "t.csv", **columns: list[object]) -> str:
        return write(name, tuple(columns), *zip(*columns.values(), strict=True)).name

    return written


def columns_for(target: str, changes: dict[str, list[object]]) -> dict[str, list[object]]:
    learned = {"price": PRICE} if target == "price" else {"kind": KIND}
    return {"size": SIZE, "place": PLACE, **learned, **changes}


@pytest.mark.parametrize(
    ("target", "changes", "words"), [row[1:] for row in ODD], ids=[row[0] for row in ODD]
)
def test_it_is_learned_and_told(talweg, table, target: str, changes, words: str) -> None:
    name = table(**columns_for(target, changes))
    said = talweg("train", name, "--target", target, *QUICK)
    assert (said.status, said.err) == (0, "")
    assert words in " ".join(said.out.split())
    assert sorted(os.listdir("out")) == ["history.csv", "model.talweg", "report.html"]
    again = talweg("predict", "out", name, "--out", "p.csv")
    assert (again.status, again.err) == (0, "")
    with open("p.csv", newline="") as file:
        (name,), *rows = csv.reader(file)
    assert (name, len(rows)) == (target, ROWS)
    if target == "price":
        assert np.isfinite([float(cell) for (cell,) in rows]).all()


def test_more_words_than_are_kept_are_told(talweg, table, monkeypatch) -> None:
    """What ten million different words would do to a limit of 2**18."""
    monkeypatch.setattr("talweg.data.columns.column_builder.MOST_WORDS", 20)
    monkeypatch.setattr("talweg.data.columns.column_builder.MOST_NUMERALS", 10)
    name = table(size=[row % 7 for row in range(ROWS)], who=[f"u{r // 2}" for r in range(ROWS)])
    said = talweg("train", name, "--target", "size", "--task", "regression", *QUICK)
    assert said.status == 2  # `who` was the only column
    assert "Column 'who': It is text: more than 20 different values in 60 cells" in said.err
    assert os.listdir() == [name]
    name = table(**columns_for("price", {"who": [f"u{row // 2}" for row in range(ROWS)]}))
    said = talweg("train", name, "--target", "price", "--task", "regression", *QUICK)
    assert (said.status, said.err) == (0, "")
    assert "left out: who. It is text: more than 20 different" in " ".join(said.out.split())


def test_what_is_new_at_prediction_has_a_place(talweg, table) -> None:
    talweg("train", table(**columns_for("price", {})), "--target", "price", *QUICK)
    new = table("new.csv", more=[1, 2, 3], place=["moon", "", "hill"], size=["huge", 0.5, "inf"])
    said = talweg("predict", "out", new)
    name, *rows = said.out.split()
    assert (said.status, name) == (0, "price")
    assert (
        "'size': 2 not a number (such as 'huge'); 'place': 1 unknown (such as 'moon'), 1 missing"
        in said.err
    )
    assert np.isfinite([float(each) for each in rows]).all() and len(rows) == 3
    turned = table("turned.csv", **dict(reversed(columns_for("price", {}).items())))
    both = [talweg("predict", "out", each).out for each in ("t.csv", turned)]
    assert both[0] == both[1]
    other = table("other.csv", size=PLACE, place=SIZE)
    said = talweg("predict", "out", other)
    assert said.status == 0
    assert (
        "'size': 60 not a number (such as 'hill'); 'place': 60 unknown (such as '0.0')" in said.err
    )
