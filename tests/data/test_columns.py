"""Parsing cells: which count as missing, as numbers, and as nothing to learn from."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from talweg.data.columns.cells import (
    as_cells,
    is_missing,
    mean_and_scale,
    number,
    parse,
    plain,
    texts,
)
from talweg.data.columns.detection import describe


@pytest.mark.parametrize("cell", ["", "?", "NA", "na", "N/A", "#N/A", "NaN", "nan", "NULL", "<NA>"])
def test_missing(cell: str) -> None:
    assert is_missing(cell)


@pytest.mark.parametrize("cell", ["none", "None", "no", "0", "-", ".", "unknown", "Nancy"])
def test_not_missing(cell: str) -> None:
    assert not is_missing(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1.0),
        ("-1.50", -1.5),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("2E-2", 0.02),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("1e39", math.inf),
        ("-1e999", -math.inf),
    ],
)
def test_numbers(cell: str, value: float) -> None:
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["", "nan", "1_000", "1,000", "0x1", "1 2", "12a", "٣", "e5", "."])
def test_not_numbers(cell: str) -> None:
    assert math.isnan(number(cell))


@given(st.floats(-1e38, 1e38))
def test_plain_text_of_a_number_is_read_back(value: float) -> None:
    assert number(plain(value)) == value


def test_numbers_and_their_texts_are_parsed_alike() -> None:
    kept = as_cells([3, 2.5, math.nan, 1e39])
    text = as_cells(np.array(["3.0", " 2.5 ", None, "1e39"], dtype=object))
    for cells in (kept, text):
        values, missing = parse(cells)
        np.testing.assert_array_equal(values, [3, 2.5, math.nan, math.inf])
        np.testing.assert_array_equal(missing, [False, False, True, False])
    assert texts(kept)[:2] == ["3", "2.5"]
    assert as_cells([3.0, "x", None, np.float32(0.5)]).tolist() == ["3", "x", "", "0.5"]
    assert parse(np.array([1, 2]))[0].tolist() == [1.0, 2.0]


def column(*parts: tuple[str, int]) -> np.ndarray:
    """Cells with each text repeated."""
    return as_cells([cell for cell, times in parts for _ in range(times)])


UNITS = [("1.5", 50), ("2", 50)]
COLUMNS = [  # case, cells, kind, words of why
    ("numbers", column(*UNITS), "number", ""),
    ("missing cells", column(*UNITS, ("?", 900)), "number", ""),
    ("one number or missing", column(("7", 5), ("", 5)), "number", ""),
    ("a rare word", column(*UNITS, ("low", 1)), "number", ""),
    ("a word in a hundred", column(("1.5", 49), ("2", 50), ("low", 1)), "category", ""),
    ("infinities", column(*UNITS, ("inf", 90)), "number", ""),
    ("floats", np.array([0.5, math.nan, 2]), "number", ""),
    ("categories", column(("a", 3), ("b", 4)), "category", ""),
    ("one word or missing", column(("oak", 5), ("", 5)), "category", ""),
    ("one text", column(("a", 9)), "constant", "Every cell holds 'a'."),
    ("one number", np.full(9, 3.0), "constant", "Every cell holds '3'."),
    ("all missing", column(("?", 5), ("NA", 4)), "constant", "Every cell is missing."),
    ("row numbers", np.arange(40), "identifier", "It numbers the rows: 0 to 39, in their order."),
    ("row numbers from 1", np.arange(1, 41), "identifier", "1 to 40"),
    ("years", np.arange(1900, 1940), "number", ""),
    ("shuffled", np.random.default_rng(0).permutation(40), "number", ""),
    ("few rows", np.arange(10), "number", ""),
    ("one twice", np.r_[0:40, 39], "number", ""),
    ("names", as_cells([f"n{i}" for i in range(9)]), "text", "9 different values in 9 cells"),
    ("mostly names", column(("a", 4), *[(c, 2) for c in "bcde"]), "text", "5 different"),
    ("half names", column(("a", 4), ("b", 2), ("c", 2)), "category", ""),
]


@pytest.mark.parametrize(
    ("cells", "kind", "why"), [row[1:] for row in COLUMNS], ids=[row[0] for row in COLUMNS]
)
def test_describe(cells: np.ndarray, kind: str, why: str) -> None:
    described = describe("x", cells)
    assert (described.name, described.kind) == ("x", kind)
    assert why in described.why
    assert described.used == (described.why == "")


def test_describe_real_columns(real_table) -> None:
    table = real_table("tables/titanic-train.csv")
    kinds = {name: describe(name, table.columns[name]).kind for name in table.names}
    assert {name: kind for name, kind in kinds.items() if kind != "number"} == {
        "PassengerId": "identifier",
        "Name": "text",
        "Sex": "category",
        "Ticket": "text",
        "Cabin": "text",
        "Embarked": "category",
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 3, math.nan, math.inf], (2.0, 1.0)),
        ([5, 5], (5.0, 1.0)),
        ([0.1] * 3, (0.1, 1.0)),
        ([math.nan], (0.0, 1.0)),
        ([1e38, -1e38], (0.0, 1e38)),
        ([1.7e9, 1.7e9 + 2], (1.7e9 + 1, 1.0)),
        ([0.0, 1e-30], (5e-31, 5e-31)),
    ],
)
def test_mean_and_scale(values: list[float], expected: tuple[float, float]) -> None:
    assert mean_and_scale(np.array(values)) == pytest.approx(expected, rel=1e-9, abs=0)
