"""One row by the prepared path: the same bits as a table of one row."""

import json
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.data.encode import TableEncoder
from talweg.data.read import as_table
from talweg.data.single import row_of
from talweg.errors import DataError

TIMES = 12
COLUMNS = {
    "size": [1.5, 2.0, 4.25] * TIMES,
    "rooms": [1, 2, 3] * TIMES,
    "place": ["hill", "lake", "hill"] * TIMES,
    "grade": ["low", "medium", "high"] * TIMES,
    "new": ["yes", "no", "yes"] * TIMES,
    "built": ["2020-01-01", "2021-06-07", "2020-12-31"] * TIMES,
    "price": list(range(3 * TIMES)),
}
ENCODER = TableEncoder.fit(as_table(COLUMNS), "price")

CELL = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.none(),
    st.text(max_size=4),
    st.sampled_from(
        [" 2.0 ", "hill", "HIGH", "high", "yes", "True", "2020-02-03", "?", "-", "1e39"]
    ),
    st.sampled_from([Decimal("2.0"), np.float32(2), np.float64(1.5), np.int8(2), np.str_("hill")]),
)


@given(st.fixed_dictionaries({name: CELL for name in COLUMNS if name != "price"}))
def test_one_row_is_encoded_as_a_table_is(row: dict[str, object]) -> None:
    cells = {name: np.array([value], dtype=object) for name, value in row.items()}
    expected = ENCODER.encode(as_table(cells))
    found = ENCODER.single(row)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_many_numbers_in_one_row_are_encoded_as_in_many() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 37)) * 10.0 ** random.integers(-9, 9, 37)
    encoder = TableEncoder.fit(as_table(X), 0)
    table = encoder.encode(as_table(X))
    for row in range(200):
        np.testing.assert_array_equal(encoder.encode_row(X[row : row + 1]), table[row : row + 1])


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return tw.TableModel("price", epochs=2, hidden=(4,)).fit(COLUMNS)


def test_one_row_may_come_in_many_forms(model) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    row = {name: cells[1] for name, cells in COLUMNS.items()}
    expected = model.predict({name: [cell] for name, cell in row.items()}).tolist()
    numpy = {name: np.array(cell)[()] for name, cell in row.items()}
    for source in (row, numpy, pandas.DataFrame([row]), polars.DataFrame([row])):
        assert model.trained.encoder.encode_row(source) is not None
        assert model.predict(source).tolist() == expected
    frame = pandas.DataFrame([{**row, "place": None}])
    assert model.predict(frame).tolist() == model.predict({**row, "place": ""}).tolist()


def test_a_row_of_an_array() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = tw.TableModel(-1, epochs=1, hidden=(4,)).fit(X)
    assert model.predict(X[:1]).tolist() == model.predict(X)[:1].tolist()
    assert model.predict(X[:1, :2]).tolist() == model.predict(X)[:1].tolist()
    assert model.trained.encoder.encode_row(X[:1]) is not None


def test_a_row_is_a_table_of_one_row() -> None:
    table = as_table({"a": 1.5, "b": None, "c": " x ", "d": np.float32(2)})
    assert [cells.tolist() for cells in table.columns.values()] == [["1.5"], [""], ["x"], [2.0]]


def test_spans_of_time_are_seconds() -> None:
    encoder = TableEncoder.fit(as_table({"t": [1.0, 2.0, 4.0], "y": [1, 2, 3]}), "y")
    assert (encoder.single({"t": timedelta(seconds=2)}) == encoder.single({"t": 2})).all()


@pytest.mark.parametrize(
    "source",
    [{}, {"a": [1]}, {"a": [1, 2]}, {"a": (1,)}, np.zeros((2, 2)), np.zeros(2), [[1, 2]], "x.csv"],
)
def test_what_is_no_single_row(source) -> None:
    assert row_of(source, ("0", "1")) is None


def test_a_row_that_lacks_a_column(model) -> None:
    row = {name: cells[0] for name, cells in COLUMNS.items() if name != "size"}
    with pytest.raises(DataError, match="lacks 1 of the 6 columns that the model was trained on"):
        model.predict(row)


def test_probabilities_of_a_row() -> None:
    model = tw.TableModel("place", epochs=1, hidden=(4,)).fit(COLUMNS)
    row = {name: cells[0] for name, cells in COLUMNS.items()}
    assert model.probabilities(row).shape == (1, 2)
    assert model.predict(row).shape == (1,)
    assert json.dumps(model.predict(row).tolist())
