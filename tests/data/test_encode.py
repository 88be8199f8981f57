"""Encoding tables: every cell has inputs, whatever a table to predict contains."""

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from talweg.data.columns.cells import as_cells, parse
from talweg.data.columns.kinds.category import CategoryColumn
from talweg.data.columns.kinds.levels import CodeColumn
from talweg.data.columns.kinds.number import NumberColumn
from talweg.data.columns.kinds.scalar import BOUND
from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table
from talweg.errors import DataError


def small(**changes) -> Table:
    columns = {"n": [1, 3] * 3, "c": ["a", "b"] * 3, "y": [0, 1] * 3, "id": ["k"] * 6}
    return as_table({**columns, **changes})


def rebuilt(encoder: TableEncoder) -> TableEncoder:
    return TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))


def test_number_column() -> None:
    column = NumberColumn.fit("n", as_cells(["1", "3", "?", "inf"]))
    assert (column.mean, column.scale) == (2, 1)
    assert column.input_names == ("n", "n unknown", "n missing")
    encoded = column.encode(as_cells(["4", "oak", "", "inf", "1e300", "9e37"]))
    assert encoded.dtype == np.float32
    clipped = 2 / np.sqrt(1 + (2 / BOUND) ** 2)
    np.testing.assert_allclose(encoded[:, 0], [clipped, 0, 0, 0, 0, BOUND], rtol=1e-6)
    assert encoded[:, 1].tolist() == [0, 1, 0, 1, 1, 0]
    assert encoded[:, 2].tolist() == [0, 0, 1, 0, 0, 0]


def test_category_column() -> None:
    column = CategoryColumn.fit("c", as_cells(["b", "a"] * 3 + ["c"] * 4 + ["d"] * 2 + ["?"] * 9))
    assert column.levels == ("c", "a", "b")
    assert column.input_names == ("c c", "c a", "c b", "c unknown", "c missing")
    encoded = column.encode(as_cells(["a", "c", "d", "new", "NA"]))
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded.argmax(axis=1), [1, 0, 3, 3, 4])
    np.testing.assert_array_equal(encoded.sum(axis=1), 1)


def test_levels_do_not_depend_on_the_order_of_rows() -> None:
    cells = np.repeat([f"l{place:03}" for place in range(50)], 3)
    shuffled = np.random.default_rng(0).permutation(cells)
    column = CategoryColumn.fit("c", as_cells(shuffled))
    assert column.levels == tuple(f"l{place:03}" for place in range(50))


CELLS = st.lists(st.sampled_from(["a", "b", "?", "", "1", "2.5", "inf", "new"]), min_size=1)


@given(CELLS, CELLS)
def test_any_cells_can_be_encoded_and_columns_round_trip(seen, met) -> None:
    for kind in (NumberColumn, CategoryColumn):
        column = kind.fit("x", as_cells(seen))
        assert kind.from_json(json.loads(json.dumps(column.to_json()))) == column
        encoded = column.encode(as_cells(met))
        assert encoded.shape == (len(met), column.width) == (len(met), len(column.input_names))
        assert np.isfinite(encoded).all()


def test_table() -> None:
    encoder = TableEncoder.fit(small(), "y")
    assert encoder.left_out == {"id": "Every cell holds 'k'."}
    assert encoder.inputs[:3] == ("n", "n unknown", "n missing")
    assert encoder.inputs[3:] == ("c a", "c b", "c unknown", "c missing")
    encoded = encoder.encode(small())
    assert encoded.dtype == np.float32
    one = 1 / np.sqrt(1 + 1 / BOUND**2)
    expected = [[-one, 0, 0, 1, 0, 0, 0], [one, 0, 0, 0, 1, 0, 0]]
    np.testing.assert_allclose(encoded[:2], expected, rtol=1e-6)
    assert rebuilt(encoder) == encoder


def test_two_targets() -> None:
    assert [c.name for c in TableEncoder.fit(small(), ["y", "n"]).columns] == ["c"]


def test_statistics_come_from_rows_and_kinds_from_the_table() -> None:
    table = as_table({"n": range(1, 41), "x": [5.0, 7.0] * 20, "y": [0, 1] * 20})
    encoder = TableEncoder.fit(table, "y", rows=np.arange(0, 40, 2))
    assert list(encoder.left_out) == ["n"]
    assert encoder.columns == (NumberColumn("x", 5.0, 1.0),)


def test_row_numbers_are_an_input_if_there_is_no_other() -> None:
    table = as_table({"t": range(40), "y": np.sin(np.arange(40))})
    assert TableEncoder.fit(table, "y").columns == (NumberColumn.fit("t", table.columns["t"]),)


def test_a_table_of_no_rows() -> None:
    none = small().take(np.arange(0))
    assert TableEncoder.fit(small(), "y").encode(none).shape == (0, 7)


def test_extra_columns_and_another_order_are_accepted() -> None:
    encoder = TableEncoder.fit(small(), "y")
    other = as_table({"more": ["z"] * 6, "c": ["a", "b"] * 3, "n": [1, 3] * 3})
    np.testing.assert_array_equal(encoder.encode(other), encoder.encode(small()))


def test_without_a_header_columns_are_matched_by_position() -> None:
    rows = np.array([[1, 5, 0], [2, 6, 1], [4, 7, 0]])
    encoder = TableEncoder.fit(as_table(rows), -1)
    assert encoder.positional
    for given_rows in (rows, rows[:, :2]):
        np.testing.assert_array_equal(
            encoder.encode(as_table(given_rows)), encoder.encode(as_table(rows))
        )
    named = Table.from_arrays(rows[:, :2], ["a", "b"])
    np.testing.assert_array_equal(encoder.encode(named), encoder.encode(as_table(rows)))


ROWS = np.array([[1, 5, 0], [2, 6, 1], [4, 7, 0]])
BAD = [  # case, a table to fit, its target, a table to encode, part of the message
    ("nothing left", {"id": ["k"] * 3, "y": [1, 2, 3]}, "y", None, "no column to learn from"),
    ("why", {"id": ["k"] * 3, "y": [1, 2, 3]}, "y", None, "Column 'id': Every cell holds 'k'."),
    ("target alone", {"y": [1, 2, 3]}, "y", None, "Add a column of numbers"),
    ("no such target", {"y": [1, 2]}, "Yy", None, "has no column 'Yy'. Did you mean 'y'?"),
    ("lost", small(), "y", {"N": [1], "c": ["a"]}, "'n' (did you mean 'N'?)"),
    ("how many", small(), "y", {"q": [1]}, "2 of 2 columns of training are missing: 'n', 'c'"),
    ("too wide", ROWS, -1, np.ones((2, 4)), "has 4 columns, but the model was trained on 3"),
    ("too narrow", ROWS, -1, np.ones((2, 1)), "Give 2 or 3 columns in the order of training"),
    ("first is lost", ROWS, 0, ROWS[:, 1:], "Give 3 columns in the order of training"),
]


@pytest.mark.parametrize(
    ("table", "target", "other", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_bad_tables_are_refused(table, target, other, words) -> None:
    with pytest.raises(DataError) as error:
        TableEncoder.fit(as_table(table), target).encode(as_table(other))
    assert words in str(error.value)


@pytest.mark.slow
def test_adult(real_table) -> None:
    train = real_table("tables/adult-train.csv")
    encoder = TableEncoder.fit(train, -1)
    inputs = encoder.encode(train)
    assert inputs.shape == (32561, len(encoder.inputs))
    ages = parse(train.columns["0"])[0]
    standard = (ages - ages.mean()) / ages.std()
    expected = standard / np.sqrt(1 + (standard / BOUND) ** 2)
    np.testing.assert_allclose(inputs[:, 0], expected, rtol=1e-4, atol=1e-6)
    seen_once = inputs[:, encoder.inputs.index("13 unknown")].sum()
    assert seen_once == 1  # Holand-Netherlands
    assert rebuilt(encoder) == encoder


@pytest.mark.parametrize("kind", [CategoryColumn, CodeColumn])
@pytest.mark.parametrize("level", ["7", "7.0", "07", "7e0"])
def test_a_number_is_the_same_level_in_any_spelling(kind, level: str) -> None:
    column = kind("shop", ("hill", level, "12"))
    for cells in (["7"], ["7.0"], [7], np.array([7]), np.array([7.0]), [level]):
        assert column.codes(as_cells(cells)).tolist() == [1], cells
        encoder = TableEncoder(("shop",), (), (column,), {})
        row, table = {"shop": cells[0]}, {"shop": cells}
        np.testing.assert_array_equal(encoder.encode_row(row), encoder.encode(as_table(table)))
    assert column.codes(as_cells(["8", "", "hill", "7.5"])).tolist() == [3, 4, 0, 3]


def test_levels_that_are_the_same_number_stay_distinct() -> None:
    column = CategoryColumn("version", ("1.0", "1", "1.00"))
    assert column.codes(as_cells(["1.0", "1", "1.00", "01"])).tolist() == [0, 1, 2, 1]
