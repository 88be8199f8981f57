"""Tables in memory: columns found by label, indexes, and sources that are not tables."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.io.read import as_table
from talweg.errors import DataError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
sparse = pytest.importorskip("scipy.sparse")

QUICK = {"epochs": 1, "hidden": (4,), "n_estimators": 1}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))


def frame(*labels: object) -> object:
    return pandas.DataFrame(X[:, : len(labels)], columns=list(labels))


# Labels ---------------------------------------------------------------------------------------

FOUND = [  # labels, request, the name of the column
    ((1, 2, 3), 1, "1"),
    ((1, 2, 3), np.int64(3), "3"),
    ((1, 2, 3), -1, "3"),
    ((1, 2, 3), "2", "2"),
    ((3, 1, 2), 1, "1"),
    ((-1, 0, 1), -1, "-1"),
    ((2019, 2020, 2021), 2020, "2020"),
    (("a", 1, "b"), 1, "1"),
    (("a", "b", "c"), 1, "b"),
    (("a", "b", "c"), np.int8(-1), "c"),
    (("2019", "2020", "y"), 2020, "2020"),
    (("0", "1", "2"), 1, "1"),
    ((0, 1, 2), -2, "1"),
    ((np.int64(5), np.int64(7)), 7, "7"),
]


@pytest.mark.parametrize(("labels", "asked", "name"), FOUND)
def test_a_whole_number_is_a_label_before_it_is_a_position(labels, asked, name: str) -> None:
    assert as_table(frame(*labels)).find(asked) == name


NOT_FOUND = [
    ((1, 2, 3), 0, "has no column '0'. Its columns are named by the numbers 1, 2, 3"),
    ((1, 2, 3), 7, "has no column '7'. Give a position from 0 to 2"),
    (("1", "2", "3"), 1, "1 is the name of one column and the position of another, '2'"),
    (("a", "b"), 2, "has no column '2'. Give a position from 0 to 1"),
    (("a", "b"), "c", "has no column 'c'"),
]


@pytest.mark.parametrize(("labels", "asked", "words"), NOT_FOUND)
def test_an_ambiguous_or_unknown_number_is_refused(labels, asked, words: str) -> None:
    with pytest.raises(DataError) as error:
        as_table(frame(*labels)).find(asked)
    assert words in str(error.value)


def test_every_setting_accepts_labels() -> None:
    labelled = frame(1, 2, 3, 4).assign(g=np.arange(60) // 3).rename(columns={"g": 9})
    settings = {"drop": [np.int64(2)], "columns": {3: "category"}, "groups": 9}
    roles = tw.TableModel(1, **settings, **QUICK)
    kinds = {column.name: column.kind for column in roles.kinds(labelled)}
    assert set(kinds) == {"3", "4"} and kinds["3"] == "category"
    model = tw.TableModel(1, drop=np.int64(2), weight=9, **QUICK).fit(labelled)
    assert [column.name for column in model.trained.encoder.columns] == ["3", "4"]
    turned = labelled[[9, 4, 3, 2, 1]]
    assert model.predict(turned).tolist() == model.predict(labelled).tolist()
    assert model.evaluate(turned) == model.evaluate(labelled)
    with pytest.raises(DataError, match="has no column '1'"):
        model.evaluate(labelled.drop(columns=1))


# Indices --------------------------------------------------------------------------------------

CHOSEN = X[:, 0] > -0.5


def filtered(name: str | None = None) -> object:
    found = pandas.DataFrame({"x": X[:, 0], "y": 2 * X[:, 0]})[CHOSEN]
    return found.rename_axis(index=name)


def parquet_of(folder: Path, given: object) -> Path:
    given.to_parquet(folder / "t.parquet")
    return folder / "t.parquet"


def csv_of(folder: Path, given: object) -> Path:
    given.to_csv(folder / "t.csv")
    return folder / "t.csv"


def csv_of_r(folder: Path, given: object) -> Path:
    lines = given.to_csv().splitlines()
    (folder / "t.csv").write_text("\n".join([lines[0].lstrip(","), *lines[1:]]))
    return folder / "t.csv"


INDEXED: dict[str, Callable[[Path, object], object]] = {
    "parquet": parquet_of,
    "parquet read by polars": lambda folder, given: polars.read_parquet(parquet_of(folder, given)),
    "parquet read by pyarrow": lambda _, given: pyarrow.Table.from_pandas(given),
    "csv": csv_of,
    "csv read by pandas": lambda folder, given: pandas.read_csv(csv_of(folder, given)),
    "csv of R": csv_of_r,
    "frame": lambda _, given: given,
}


@pytest.mark.parametrize("make", INDEXED.values(), ids=INDEXED.keys())
def test_an_unnamed_index_is_not_an_input(tmp_path: Path, make) -> None:
    given = filtered()
    source = make(tmp_path, given)
    assert as_table(source).find(-1) == "y"
    assert "__index_level_0__" not in as_table(source).names
    model = tw.TableModel("y", **QUICK).fit(source)
    assert [column.name for column in model.trained.encoder.columns] == ["x"]
    expected = model.predict({"x": given["x"]}).tolist()
    for other in (source, given, given.reset_index(drop=True), given.reset_index()):
        assert model.predict(other).tolist() == expected


@pytest.mark.parametrize("make", INDEXED.values(), ids=INDEXED.keys())
def test_a_stored_range_index_is_not_a_column(tmp_path: Path, make) -> None:
    given = filtered().reset_index(drop=True)
    model = tw.TableModel("y", **QUICK).fit(make(tmp_path, given))
    assert [column.name for column in model.trained.encoder.columns] == ["x"]


@pytest.mark.parametrize("name", [source for source in INDEXED if source != "csv of R"])
def test_a_named_index_is_a_column_from_any_source(tmp_path: Path, name: str) -> None:
    places = ["hill", "lake", "town"] * 10
    given = filtered()[:30].set_axis(places, axis=0).rename_axis(index="place")
    source = INDEXED[name](tmp_path, given)
    model = tw.TableModel("y", **QUICK).fit(source)
    assert {column.name for column in model.trained.encoder.columns} == {"place", "x"}
    if name != "parquet read by polars":  # which knows of no index
        assert as_table(source).find(-1) == "y"
    for other in (source, given, given.reset_index()):
        assert model.predict(other).tolist() == model.predict(given).tolist()


def test_an_unnamed_column_of_data_is_an_input(tmp_path: Path) -> None:
    lines = [f"{row / 7:.3f},{'ab'[row % 2]},{row % 5 / 2}" for row in range(40)]
    (tmp_path / "t.csv").write_text("\n".join([",kind,y", *lines]))
    table = as_table(tmp_path / "t.csv")
    assert table.names == ("Unnamed: 0", "kind", "y")
    kinds = {column.name: column.kind for column in tw.TableModel("y").kinds(table)}
    assert kinds == {"Unnamed: 0": "number", "kind": "category"}


# Whatever holds a table -----------------------------------------------------------------------

Point = namedtuple("Point", "x y")


@dataclass
class Place:
    x: float
    y: float


ROWS = [(1.5, 2.0), (3.5, 4.0)]
HOLDERS = {
    "rows": [[*row] for row in ROWS],
    "tuples": ROWS,
    "rows of NumPy": [np.array(row) for row in ROWS],
    "array": np.array(ROWS),
    "half precision": np.array(ROWS, np.float16),
    "long precision": np.array(ROWS, np.longdouble),
    "matrix": np.array(ROWS).view(np.matrix),
    "sparse": sparse.csr_matrix(np.array(ROWS)),
    "sparse array": sparse.coo_array(np.array(ROWS)),
    "records": [{"x": x, "y": y} for x, y in ROWS],
    "named tuples": [Point(*row) for row in ROWS],
    "data classes": [Place(*row) for row in ROWS],
    "structured": np.array(ROWS, [("x", float), ("y", np.float32)]),
    "recarray": np.rec.fromrecords(ROWS, names="x,y"),
    "columns": {"x": (1.5, 3.5), "y": np.array([2, 4])},
}


@pytest.mark.parametrize("source", HOLDERS.values(), ids=HOLDERS.keys())
def test_anything_with_a_table_is_read(source: object) -> None:
    table = as_table(source)
    assert table.names in (("0", "1"), ("x", "y"))
    assert [cells.tolist() for cells in table.columns.values()] == [[1.5, 3.5], [2.0, 4.0]]


def test_a_tensor_is_an_array() -> None:
    torch = pytest.importorskip("torch")
    table = as_table(torch.tensor(ROWS, requires_grad=True))
    assert [cells.tolist() for cells in table.columns.values()] == [[1.5, 3.5], [2.0, 4.0]]
    assert as_table({"x": torch.tensor(1.5), "y": 2}).columns["x"].tolist() == ["1.5"]


def test_a_record_may_lack_cells() -> None:
    table = as_table([{"a": 1, "b": "x"}, {"b": "y", "c": 2.5}])
    assert table.names == ("a", "b", "c")
    np.testing.assert_array_equal(table.columns["a"], [1, np.nan])
    assert table.columns["b"].tolist() == ["x", "y"]


def test_cells_of_rows_keep_their_types() -> None:
    table = as_table([[1, "a", True, 2**60], [2.5, "b", False, 1]])
    assert table.types == {"0": "number", "1": "text", "2": "truth", "3": "whole"}
    assert table.columns["3"].tolist() == [str(2**60), "1"]


NONE = {
    "ragged rows": ([[1, 2], [3]], "row 2 has 1 cell, but row 1 has 2"),
    "ragged arrays": ([np.arange(2), np.arange(3)], "row 2 has 3 cells, but row 1 has 2"),
    "inputs and targets": (
        (np.eye(3), np.arange(3)),
        "A tuple with a value of the type ndarray was given",
    ),
    "a frame and a series": (
        (pandas.DataFrame({"a": [1, 2]}), pandas.Series([1, 2])),
        "A tuple with a value of the type DataFrame was given",
    ),
    "a row that is none": ([[1, 2], 3], "A list with a value of the type int was given"),
    "numbers": ([1, 2, 3], "A list with a value of the type int was given"),
    "words": (["a", "b"], "A list with a value of the type str was given"),
    "no rows": ([], "no rows"),
    "a generator": (([1, 2] for _ in range(3)), "A generator was given.* Make a list of it first"),
    "a set": ({1, 2}, "A set was given, but a table is needed"),
    "a dict's values": ({"a": [1]}.values(), "A dict_values was given"),
    "a range": (range(3), "A range was given"),
    "nothing": (None, "A NoneType was given, but a table is needed"),
    "a number": (3, "A int was given, but a table is needed"),
    "bytes": (b"t.csv", r"A bytes was given, but a table is needed.*wrap it in io\.BytesIO"),
    "one dimension": (np.arange(3), r"the array has shape \(3,\), but \(N, D\) is needed"),
    "three dimensions": (np.zeros((2, 2, 2)), r"has shape \(2, 2, 2\)"),
    "a polars series": (polars.Series([1, 2]), r"the Series has shape \(2,\)"),
    "a huge sparse matrix": (sparse.csr_matrix((10**6, 10**6)), "csr_matrix .* is too large"),
}


@pytest.mark.parametrize(("source", "words"), NONE.values(), ids=NONE.keys())
def test_a_source_that_is_not_a_table_is_refused(source: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_table(source)


def test_a_series_is_read_as_one_row() -> None:
    with pytest.raises(DataError, match=r"the Series, read as one row,.*'y'"):
        tw.TableModel("y").fit(pandas.Series([1.5, 2.5]))
