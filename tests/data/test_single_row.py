"""The prepared path of a single row: the same bits as a table of one row."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.data.columns import row_sources
from talweg.data.columns.cells import as_cells, texts
from talweg.data.columns.kinds.boolean import BooleanColumn
from talweg.data.columns.kinds.category import CategoryColumn
from talweg.data.columns.kinds.date import DateColumn
from talweg.data.columns.kinds.levels import CodeColumn
from talweg.data.columns.kinds.number import NumberColumn
from talweg.data.columns.row_sources import _arrow_cell, row_of
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table
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
def test_one_row_is_encoded_like_a_table(row: dict[str, object]) -> None:
    cells = {name: np.array([value], dtype=object) for name, value in row.items()}
    expected = ENCODER.encode(as_table(cells))
    found = ENCODER.row_encoder(row)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_many_numbers_in_one_row_are_encoded_like_a_table() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 37)) * 10.0 ** random.integers(-9, 9, 37)
    encoder = TableEncoder.fit(as_table(X), 0)
    table = encoder.encode(as_table(X))
    for row in range(200):
        np.testing.assert_array_equal(encoder.encode_row(X[row : row + 1]), table[row : row + 1])


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return tw.TableModel("price", epochs=2, hidden=(4,), n_estimators=2).fit(COLUMNS)


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_one_row_may_come_in_many_forms(model) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    row = {name: cells[1] for name, cells in COLUMNS.items()}
    expected = model.predict({name: [cell] for name, cell in row.items()}).tolist()
    numpy = {name: np.array(cell)[()] for name, cell in row.items()}
    frame, arrow = pandas.DataFrame([row]), pytest.importorskip("pyarrow").table
    frames = (
        frame,
        frame.convert_dtypes(),
        polars.DataFrame([row]),
        arrow({name: [cell] for name, cell in row.items()}),
    )
    for source in (row, numpy, *frames, frame.iloc[0], pandas.Series(row)):
        assert model.trained.encoder.encode_row(source) is not None
        assert model.predict(source).tolist() == expected
    frame = pandas.DataFrame([{**row, "place": None}])
    assert model.predict(frame).tolist() == model.predict({**row, "place": ""}).tolist()


DAY = datetime(2021, 6, 7, 8, 9, 10, 11)
ODD = {  # cells that frames keep in types of their own; the first is the row
    "days": [DAY, datetime(2020, 1, 1)],
    "gap in days": [None, DAY],
    "zones": [DAY.replace(tzinfo=UTC), None],
    "dates": [DAY.date(), None],
    "whole": [3, 4],
    "huge": [2**60 + 1, 2**61],
    "gap in whole": [None, 2**60 + 1],
    "truths": [True, False],
    "gap in truths": [None, True],
    "decimals": [Decimal("1.50"), None],
    "spans": [timedelta(seconds=90), timedelta(0)],
    "words": [" hill ", None],
    "gap in words": [None, "hill"],
    "infinite": [np.inf, 1.0],
    "nothing": [None, None],
}


def frames_of(cells: list[object]) -> Iterator[object]:
    """Frames of one row with the first cell, typed like a column of all cells."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    arrow = pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"x": cells, "y": 0})
    for source in (frame, frame.convert_dtypes(), frame.astype({"x": "category"})):
        yield source[:1]
    yield frame.astype({"x": object})[:1]
    yield polars.DataFrame({"x": cells, "y": 0})[:1]
    table = arrow.table({"x": cells, "y": [0] * len(cells)})
    yield table[:1]
    yield table.to_batches()[0][:1]
    if table.schema.field("x").type == "timestamp[us]":
        yield frame.astype({"x": "datetime64[ns]"})[:1]
        nanoseconds = arrow.array(["2021-06-07T08:09:10.000000011"]).cast("timestamp[ns]")
        yield arrow.table({"x": nanoseconds})


@pytest.fixture(params=["numbers together", "cell by cell"])
def pandas_way(request, monkeypatch) -> None:
    """Whether a row of pandas is read from its internal blocks or cell by cell."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.5], "b": ["word"], "c": [2], "d": [True], "e": [2**60]})
    assert row_sources._plain_cells(frame, [*frame]) == {"a": 1.5, "c": 2, "d": True}
    assert row_sources._plain_cells(None, ["a"]) == {}
    if request.param != "numbers together":
        monkeypatch.setattr(row_sources, "_plain_cells", lambda *_: {})


@pytest.mark.parametrize("cells", ODD.values(), ids=ODD.keys())
def test_a_cell_of_a_frame_is_read_like_a_table(pandas_way, cells: list[object]) -> None:
    for frame in frames_of(cells):
        (text,) = texts(as_table(frame).columns["x"])
        levels = {"hill", text} - {"", "nan", "NaT"}
        columns = [
            NumberColumn("x", 1.0, 2.0),
            CategoryColumn("x", tuple(sorted(levels))),
            CodeColumn("x", tuple(sorted(levels))),
            BooleanColumn("x", ("true", "false")),
            DateColumn.fit("x", as_cells(["2020-01-01", "2021-02-03"]), ("year first",)),
        ]
        for column in columns:
            encoder = TableEncoder(("x",), (), (column,), {})
            found = encoder.encode_row(frame)
            assert found is not None
            np.testing.assert_array_equal(found, encoder.encode(as_table(frame)), str(type(frame)))


def test_two_columns_of_the_same_name_are_no_row(model) -> None:
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    row = {name: cells[0] for name, cells in COLUMNS.items()}
    frame = pandas.DataFrame([[*row.values(), 2]], columns=[*row, "size"])
    labels = pandas.DataFrame([[*row.values(), 1, 2]], columns=[*row, 1, "1"])
    table = arrow.Table.from_arrays([arrow.array([1.0])] * 2, names=["size", "size"])
    for source in (frame, labels, frame.iloc[0], table):
        assert row_of(source) is None
        with pytest.raises(DataError, match="has 2 columns named"):
            model.predict(source)


def test_rows_of_different_frames_may_alternate(model) -> None:
    pandas = pytest.importorskip("pandas")
    row = {name: cells[1] for name, cells in COLUMNS.items()}
    turned = dict(reversed(row.items()))
    frames = [pandas.DataFrame([cells]) for cells in (row, turned, {"more": 1, **row})]
    expected = model.predict({name: [cell] for name, cell in row.items()}).tolist()
    for frame in frames * 2:
        assert model.predict(frame).tolist() == expected
        assert model.predict(frame.iloc[0]).tolist() == expected


def test_columns_of_a_frame_may_be_matched_by_position() -> None:
    pandas = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = tw.TableModel(-1, epochs=1, hidden=(4,), n_estimators=1).fit(X)
    for source in (pandas.DataFrame(X[:1]), pandas.Series(X[0])):
        assert model.trained.encoder.encode_row(source) is not None
        assert model.predict(source).tolist() == model.predict(X)[:1].tolist()


def test_a_column_is_no_row(model) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="6 of 6 columns of training are missing"):
        model.predict(pandas.Series(COLUMNS["size"]))


def test_a_whole_number_of_numpy_is_read_like_a_column() -> None:
    row = {"x": np.int64(2**60 + 1)}
    (level,) = texts(as_table(row).columns["x"])
    encoder = TableEncoder(("x",), (), (CategoryColumn("x", (level,)),), {})
    np.testing.assert_array_equal(encoder.encode_row(row), encoder.encode(as_table(row)))
    assert encoder.encode_row(row)[0, 0] == 1


class Refused:
    """A pyarrow column with a cell that has no Python object, such as nanoseconds."""

    def __getitem__(self, row: int) -> "Refused":
        return self

    def as_py(self) -> object:
        raise ValueError("Nanosecond resolution temporal type is not safely convertible")


def test_a_cell_that_python_cannot_hold_is_read_as_a_column() -> None:
    column = Refused()
    assert _arrow_cell(column) is column
    assert _arrow_cell([pytest.importorskip("pyarrow").scalar(2.5)]) == 2.5


def test_a_whole_number_of_any_length() -> None:
    encoder = TableEncoder.fit(as_table({"t": [1.0, 2.0, 4.0], "y": [1, 2, 3]}), "y")
    row = {"t": 10**400}
    np.testing.assert_array_equal(encoder.row_encoder(row), encoder.encode(as_table(row)))


def test_a_row_of_an_array() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = tw.TableModel(-1, epochs=1, hidden=(4,), n_estimators=1).fit(X)
    assert model.predict(X[:1]).tolist() == model.predict(X)[:1].tolist()
    assert model.predict(X[:1, :2]).tolist() == model.predict(X)[:1].tolist()
    assert model.trained.encoder.encode_row(X[:1]) is not None


def test_a_row_is_a_table_of_one_row() -> None:
    table = as_table({"a": 1.5, "b": None, "c": " x ", "d": np.float32(2)})
    assert [cells.tolist() for cells in table.columns.values()] == [[1.5], [""], ["x"], [2.0]]


def test_durations_are_seconds() -> None:
    encoder = TableEncoder.fit(as_table({"t": [1.0, 2.0, 4.0], "y": [1, 2, 3]}), "y")
    assert (encoder.row_encoder({"t": timedelta(seconds=2)}) == encoder.row_encoder({"t": 2})).all()


@pytest.mark.parametrize(
    "source",
    [{}, {"a": [1]}, {"a": [1, 2]}, {"a": (1,)}, np.zeros((2, 2)), np.zeros(2), [[1, 2]], "x.csv"],
)
def test_other_sources_are_no_single_row(source) -> None:
    assert row_of(source, ("0", "1")) is None


def test_a_row_that_lacks_a_column_is_refused(model) -> None:
    row = {name: cells[0] for name, cells in COLUMNS.items() if name != "size"}
    with pytest.raises(DataError, match="1 of 6 columns of training is missing"):
        model.predict(row)


def test_probabilities_of_a_row() -> None:
    model = tw.TableModel("place", epochs=1, hidden=(4,), n_estimators=1).fit(COLUMNS)
    row = {name: cells[0] for name, cells in COLUMNS.items()}
    assert model.predict_proba(row).shape == (1, 2)
    assert model.predict(row).shape == (1,)
    assert json.dumps(model.predict(row).tolist())
