"""Cells unlike those of training: one warning per call, and none for an ordinary split."""

import warnings
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.familiar import Familiar
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.columns.unfamiliar import chance
from talweg.data.io.read import as_table
from talweg.errors import DataWarning

pandas = pytest.importorskip("pandas")

ROWS = 400
RANDOM = np.random.default_rng(0)
TABLE = {
    "age": RANDOM.integers(18, 80, ROWS),
    "fare": np.exp(RANDOM.normal(3, 1, ROWS)).round(2),
    "sex": [["male", "female"][row % 2] for row in range(ROWS)],
    "city": [f"city{row % 100}" for row in range(ROWS - 8)] + [f"rare{row}" for row in range(8)],
    "member": [["yes", "no"][row % 2] for row in range(ROWS)],
    "size": [["small", "medium", "large"][row % 3] for row in range(ROWS)],
    "since": [f"2020-{row % 12 + 1:02}-{row % 28 + 1:02}" for row in range(ROWS)],
    "weight": [None if row % 5 == 0 else row % 7 / 2 for row in range(ROWS)],
    "flag": [row // 2 % 2 for row in range(ROWS)],
    "y": RANDOM.normal(size=ROWS),
}
ENCODER = TableEncoder.fit(as_table(TABLE), "y")
ROW = {name: cells[3] for name, cells in TABLE.items() if name != "y"}


def message(rows: dict[str, list[object]]) -> str:
    """The message for a table of these rows, with ordinary cells in the other columns."""
    count = len(next(iter(rows.values())))
    met = ENCODER.unfamiliar()
    ENCODER.encode(
        as_table({**{name: [cell] * count for name, cell in ROW.items()}, **rows}), met=met
    )
    return met.message("t")


def message_of_row(row: dict[str, object]) -> str:
    met = ENCODER.unfamiliar()
    assert ENCODER.encode_row({**ROW, **row}, met) is not None
    return met.message("t")


ODD = [  # a cell, part of the message
    ({"age": "abc"}, "'age': 1 not a number (such as 'abc')"),
    ({"age": np.inf}, "'age': 1 not a number (such as 'inf')"),
    ({"age": 150}, "'age': 1 far outside 18 to 79 (such as 150)"),
    ({"age": -40}, "'age': 1 far outside 18 to 79 (such as -40)"),
    ({"fare": 1e9}, "(such as 1000000000)"),
    ({"sex": "robot"}, "'sex': 1 unknown (such as 'robot')"),
    ({"member": "perhaps"}, "'member': 1 unknown (such as 'perhaps')"),
    ({"size": "huge"}, "'size': 1 unknown (such as 'huge')"),
    ({"size": None}, "'size': 1 missing"),
    ({"since": "soon"}, "'since': 1 not a date (such as 'soon')"),
    (
        {"since": "1920-01-01"},
        "far outside 2020-01-01 to 2020-12-28 (such as 1920-01-01)",
    ),
    ({"flag": 7}, "'flag': 1 far outside 0 to 1 (such as 7)"),
    (
        {"age": "abc", "sex": "x" * 90},
        "'age': 1 not a number (such as 'abc'); 'sex': 1 unknown (such as 'xxx",
    ),
]


@pytest.mark.parametrize(("row", "words"), ODD)
def test_an_unfamiliar_cell_is_named_in_a_row_and_in_a_table(
    row: dict[str, object], words: str
) -> None:
    for said in (message_of_row(row), message({name: [cell] for name, cell in row.items()})):
        assert words in said and said.startswith("t: the row to predict has")
        assert len(said) < 400


ORDINARY = [
    {"age": 81},
    {"fare": 300.0},
    {"weight": None},
    {"city": "rare1"},
    {"city": "new"},
    {"since": "2021-03-04"},
    {"since": "NA", "weight": "-"} | {"since": "2020-05-05"},
]


@pytest.mark.parametrize("row", ORDINARY)
def test_a_rare_cell_does_not_warn(row: dict[str, object]) -> None:
    assert message_of_row(row) == message({name: [cell] for name, cell in row.items()}) == ""


def test_only_more_than_chance_warns() -> None:
    males = ["male"] * 99
    assert message({"sex": [*males, "robot"]}) == ""
    assert "'sex': 12 unknown" in message({"sex": [*males[12:], *["robot"] * 12]})
    assert "'age': 1 not a number (such as 'old')" in message({"age": [*range(20, 70), "old"]})
    assert message({"age": [*range(20, 70), 150]}) == ""
    assert "'age': 1 far outside" in message({"age": [*range(20, 70), 9999]})
    assert message({"weight": [1.0] * 70 + [None] * 30}) == ""
    assert "'weight': 90 missing" in message({"weight": [1.0] * 10 + [None] * 90})
    assert message({"age": [30] * 40 + [None]}) == ""


def test_a_column_is_far_outside_once() -> None:
    assert message({"age": [9999, *[150] * 5]}).count("far outside 18") == 1


def test_a_message_names_few_columns() -> None:
    said = message({name: ["?!"] * 3 for name in ROW})
    assert said.count("3 ") == 5 + said.count("the 3 rows") and "4 more columns" in said


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("file", ["titanic-train.csv", "penguins.csv", "california-housing.csv"])
def test_an_ordinary_split_of_a_real_table_does_not_warn(
    real_table, file: str, share: float
) -> None:
    table = real_table(f"tables/{file}")
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(len(table))
        first, last = np.split(rows, [int(share * len(rows))])
        encoder = TableEncoder.fit(table.take(np.sort(first)), table.names[-1])
        met = encoder.unfamiliar()
        encoder.encode(table.take(np.sort(last)), met=met)
        assert met.message(file) == ""


@pytest.mark.slow
def test_the_test_set_of_adult_does_not_warn(real_table) -> None:
    encoder = TableEncoder.fit(real_table("tables/adult-train.csv"), -1)
    met = encoder.unfamiliar()
    encoder.encode(real_table("tables/adult-test.csv"), met=met)
    assert (met.rows, met.message("adult-test")) == (16281, "")


def test_bounds_differ_below_and_above_the_mean() -> None:
    familiar = Familiar(9, 0, 0, mean=10.0, low=8.0, high=40.0)
    assert familiar.bounds(2.0) == (6.0, 70.0)
    assert familiar.bounds(10.0) == (-10.0, 310.0)
    assert Familiar(9, 0, 0).bounds(2.0) == (-np.inf, np.inf)


def test_chance_follows_exchangeable_rows() -> None:
    assert chance(3, 100, 0, 100) == pytest.approx(1 / 8)
    assert chance(5, 100, 50, 1000) == 1.0
    assert chance(60, 100, 50, 1000) < 1e-9


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return tw.TableModel("y", epochs=1, hidden=(4,), n_estimators=1).fit(TABLE)


@pytest.mark.parametrize("ask", ["predict", "predict_interval", "evaluate", "score"])
@pytest.mark.parametrize("rows", [1, 2])
def test_a_call_warns_once_where_it_was_called(model, tmp_path, ask: str, rows: int) -> None:
    model.save(tmp_path / "m")
    frame = pandas.DataFrame([ROW] * rows).assign(sex="robot", age="abc", y=range(rows))
    for loaded in (model, tw.load(tmp_path / "m")):
        with pytest.warns(DataWarning, match=r"'age': . not a number.*'sex': . unkn") as caught:
            getattr(loaded, ask)(frame)
        assert (len(caught), caught[0].filename) == (1, __file__)


def test_ordinary_rows_do_not_warn(model) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(TABLE)
        model.predict(ROW)


# Equal values of other types --------------------------------------------------------------------

SAME = {  # what training held, and the same values in other types
    "0 and 1": ([0, 1], [[False, True], ["0", "1.0"], [np.False_, " 1 "], ["FALSE", "true"]]),
    "0.0 and 1.0": ([0.0, 1.0], [[False, True], [Decimal(0), Fraction(1)], [b"0", b"1"]]),
    "truths": ([False, True], [[0, 1], ["no", "yes"], [0.0, 1.0], ["0.0", "1.0"], ["f", "T"]]),
    "yes and no": (["no", "yes"], [[False, True], [0, 1], ["FALSE", "TRUE"]]),
    "words": (["hill", "lake"], [[b"hill", b"lake"], [np.str_("hill"), " lake "]]),
    "codes": (["007", "7x"], [[b"007", b"7x"], [7, "7x"]]),
    "days": (
        ["2024-01-03", "2024-02-04"],
        [
            [date(2024, 1, 3), date(2024, 2, 4)],
            [datetime(2024, 1, 3), pandas.Timestamp("2024-02-04")],
            [np.datetime64("2024-01-03"), np.datetime64("2024-02-04", "ns")],
            ["2024-01-03 00:00", "2024-02-04T00:00:00"],
        ],
    ),
    "days, the day first": (
        ["31.01.2024", "04.02.2024"],
        [
            [date(2024, 1, 31), datetime(2024, 2, 4)],
            ["2024-01-31", np.datetime64("2024-02-04", "s")],
        ],
    ),
    "numbers": ([1.5, 2.5], [[Decimal("1.5"), Fraction(5, 2)], [np.float32(1.5), "2.50"]]),
}


@pytest.mark.parametrize("asked", [None, "category"])
@pytest.mark.parametrize("name", SAME)
def test_equal_values_of_other_types_are_familiar(name: str, asked: str | None) -> None:
    seen, others = SAME[name]
    if asked and name in ("yes and no", "truths", "days, the day first"):
        pytest.skip("as categories, words that mean the same are different")
    table = as_table({"x": seen * 10, "y": [0.5, 1.5] * 10})
    kinds = tw.TableModel("y", columns={"x": asked} if asked else {}).kinds(table)
    encoder = TableEncoder.fit(table, "y", types=kinds)
    expected = encoder.encode(as_table({"x": seen}))
    assert not np.array_equal(expected[0], expected[1])
    for values in others:
        for cells in (values, np.array(values, dtype=object), pandas.Series(values, dtype=object)):
            met = encoder.unfamiliar()
            found = encoder.encode(as_table({"x": cells}), met=met)
            np.testing.assert_array_equal(found, expected, str(values))
            assert not met.faults
        for place, cell in enumerate(values):
            met = encoder.unfamiliar()
            row = encoder.encode_row({"x": cell}, met)
            np.testing.assert_array_equal(row, expected[place : place + 1], repr(cell))
            assert not met.faults


def test_true_is_not_a_number_among_amounts() -> None:
    assert "'age': 1 not a number (such as 'True')" in message_of_row({"age": True})


def test_booleans_of_a_file_are_0_and_1(model, tmp_path, capsys) -> None:
    from talweg.cli.main import main

    columns = pandas.DataFrame([ROW] * 2).assign(flag=["True", "False"])
    columns.to_csv(tmp_path / "t.csv", index=False)
    model.save(tmp_path / "m")
    with pytest.raises(SystemExit):
        main(["predict", str(tmp_path / "m"), str(tmp_path / "t.csv")])
    _, *lines = capsys.readouterr().out.split()
    assert list(map(float, lines)) == model.predict(columns.assign(flag=[1, 0])).tolist()
