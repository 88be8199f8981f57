"""CSV, Parquet, pandas, polars and pyarrow: the same table and the same predictions."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns import column_builder as growing
from talweg.data.columns.cells import is_missing
from talweg.data.columns.dates import seconds
from talweg.data.columns.detection import describe
from talweg.data.io.read import as_table, read_parts, read_table
from talweg.errors import DataError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ROWS = 80
RANDOM = np.random.default_rng(0)
DAYS = [
    datetime(2020, 1, 1) + timedelta(hours=int(hour)) for hour in RANDOM.integers(0, 9999, ROWS)
]
COLUMNS = {
    "size": [None if row % 9 == 4 else row / 8 for row in range(ROWS)],
    "count": [row % 13 for row in range(ROWS)],
    "place": [None if row % 7 == 3 else ["hill", "lake"][row % 2] for row in range(ROWS)],
    "grade": [["low", "medium", "high"][row % 3] for row in range(ROWS)],
    "new": [row % 5 < 2 for row in range(ROWS)],
    "built": DAYS,
    "price": [1.5 * row + row % 3 for row in range(ROWS)],
}
KINDS = ["number", "number", "category", "ordinal", "boolean", "date"]


def csv_of(folder: Path) -> Path:
    file = folder / "houses.csv"
    pandas.DataFrame(COLUMNS).to_csv(file, index=False)
    return file


def parquet_of(folder: Path, **options: object) -> Path:
    file = folder / "houses.parquet"
    parquet.write_table(pyarrow.table(COLUMNS), file, **options)
    return file


SOURCES = {
    "csv": csv_of,
    "parquet": parquet_of,
    "pandas": lambda _: pandas.DataFrame(COLUMNS),
    "pandas, its own types": lambda _: pandas.DataFrame(COLUMNS).convert_dtypes(),
    "pandas, categories": lambda _: pandas.DataFrame(COLUMNS).astype(
        {"place": "category", "grade": "category"}
    ),
    "polars": lambda _: polars.DataFrame(COLUMNS),
    "polars, categories": lambda _: polars.DataFrame(COLUMNS).cast({"place": polars.Categorical}),
    "polars, lazy": lambda _: polars.DataFrame(COLUMNS).lazy(),
    "pyarrow": lambda _: pyarrow.table(COLUMNS),
    "columns": lambda _: COLUMNS,
}


@pytest.fixture(scope="module")
def houses(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("model") / "houses.talweg"
    tw.TableModel("price", epochs=2, hidden=(8,), n_estimators=2).fit(COLUMNS).save(file)
    return file


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_all_sources_give_the_same_table(houses: Path, tmp_path: Path, source) -> None:
    given = source(tmp_path)
    table = as_table(given)
    assert (table.names, len(table)) == (tuple(COLUMNS), ROWS)
    assert [describe(name, table.columns[name]).kind for name in table.names[:-1]] == KINDS
    model = tw.load(houses)
    assert model.predict(given).tolist() == model.predict(COLUMNS).tolist()


FRESH = """
import sys, numpy as np, talweg as tw
model = tw.load(sys.argv[1])
for place, source in enumerate([sys.argv[2], sys.argv[3]]):
    np.save(f"{sys.argv[4]}/{place}.npy", model.predict(source))
import pandas, polars
for place, source in enumerate([pandas.read_csv(sys.argv[2]), polars.read_parquet(sys.argv[3])], 2):
    np.save(f"{sys.argv[4]}/{place}.npy", model.predict(source))
"""


@pytest.mark.slow
def test_a_new_process_predicts_the_same_from_all_sources(houses: Path, tmp_path: Path) -> None:
    files = [houses, csv_of(tmp_path), parquet_of(tmp_path), tmp_path]
    subprocess.run([sys.executable, "-c", FRESH, *map(str, files)], check=True)
    expected = tw.load(houses).predict(COLUMNS).tolist()
    for place in range(4):
        assert np.load(tmp_path / f"{place}.npy").tolist() == expected


def test_training_does_not_depend_on_the_source(tmp_path: Path) -> None:
    def learned(source: object) -> list[float]:
        model = tw.TableModel("price", epochs=2, hidden=(4,), n_estimators=1).fit(source)
        return model.trained.net.weights.flat.tolist()

    weights = learned(csv_of(tmp_path))
    assert learned(parquet_of(tmp_path)) == weights
    assert learned(polars.DataFrame(COLUMNS)) == weights


def test_parquet_can_be_read_in_parts(tmp_path: Path, monkeypatch) -> None:
    file = parquet_of(tmp_path, row_group_size=30)
    monkeypatch.setattr("talweg.data.io.parquet.BLOCK", 7 * 20)
    parts = list(read_parts(file))
    assert len(parts) >= 4
    whole = read_table(file)
    for name in COLUMNS:
        joined = [cell for part in parts for cell in as_table(part).columns[name].tolist()]
        np.testing.assert_array_equal(joined, whole.columns[name].tolist())


ODD = {
    "decimals": ([Decimal("1.50"), None, Decimal("2.25")], ["1.50", "", "2.25"]),
    "spans": ([timedelta(seconds=90), timedelta(0)], [90.0, 0.0]),
    "nothing": ([None, None], ["", ""]),
    "truths with a gap": ([True, None, False], ["True", "", "False"]),
}


@pytest.mark.parametrize(("values", "expected"), ODD.values(), ids=ODD.keys())
def test_odd_values(values: list[object], expected: list[object]) -> None:
    for frame in (pandas.DataFrame({"x": values}), polars.DataFrame({"x": values})):
        found = as_table(frame).columns["x"].tolist()
        assert ["" if is_missing(str(value)) else value for value in found] == expected


def test_times_with_a_zone_are_dates() -> None:
    values = [datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))]
    for frame in (pandas.DataFrame({"x": values}), polars.DataFrame({"x": values})):
        (text,) = as_table(frame).columns["x"].tolist()
        assert seconds(text, "year first") == datetime(2020, 1, 1, tzinfo=UTC).timestamp()


def test_two_columns_of_the_same_name_are_refused() -> None:
    frame = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="the data frame has 2 columns named 'a'"):
        as_table(frame)


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch) -> None:
    file = parquet_of(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        DataError, match=r"pyarrow, which is not installed: run pip install 'talweg\[tab"
    ):
        read_table(file)


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    file = parquet_of(tmp_path)
    whole = file.read_bytes()
    for raw in (whole[:-40], whole[:4], b"PAR1" + b"\xff" * 400 + whole[404:]):
        file.write_bytes(raw)
        with pytest.raises(DataError, match=r"houses\.parquet cannot be read as Parquet"):
            read_table(file)


def test_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"a": pyarrow.array([], "int64")}), tmp_path / "a.parquet")
    for read in (read_table, lambda file: [*read_parts(file)]):
        with pytest.raises(DataError, match="has columns but no rows"):
            read(tmp_path / "a.parquet")


def test_large_parquet_is_mapped(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(growing, "IN_MEMORY", 100)
    file = parquet_of(tmp_path)
    for name, cells in read_table(file).columns.items():
        np.testing.assert_array_equal(
            np.array(cells.tolist()),
            np.array(as_table(pyarrow.table(COLUMNS)).columns[name].tolist()),
        )
