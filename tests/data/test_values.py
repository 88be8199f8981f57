"""Values of any type as cells: equal values have one text, and missing values none."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.cells import as_cells, parse
from talweg.data.columns.detection import describe
from talweg.data.columns.table import Table
from talweg.data.columns.values import as_array, as_text, type_of
from talweg.data.io.read import as_table
from talweg.errors import DataError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DAY, MOMENT = date(2024, 1, 3), datetime(2024, 1, 3, 10, 30)
EQUAL = {  # a text, and the values that have it
    "1": [1, 1.0, np.int8(1), np.uint64(1), np.float16(1), np.longdouble(1), "1", b" 1 "],
    "0.5": [0.5, np.float32(0.5), Fraction(1, 2), np.array(0.5), "0.5 ", np.str_("0.5")],
    "True": [True, np.True_, "True"],
    "red": ["red", b"red", bytearray(b"red"), np.bytes_(b"red"), memoryview(b"red"), " red\n"],
    "": [
        None,
        float("nan"),
        np.float32("nan"),
        np.datetime64("NaT"),
        np.timedelta64("NaT"),
        "  ",
        pandas.NA,
        pandas.NaT,
        np.ma.masked,
        Decimal("nan"),
    ],
    "2024-01-03": [
        DAY,
        datetime(2024, 1, 3),
        pandas.Timestamp(DAY),
        "2024-01-03",
        *(np.datetime64("2024-01-03", unit) for unit in ("D", "h", "m", "s", "ms", "ns")),
    ],
    "2024-01-03 10:30:00": [
        MOMENT,
        pandas.Timestamp(MOMENT),
        *(np.datetime64("2024-01-03T10:30", unit) for unit in ("m", "s", "us", "ns")),
    ],
    "2024-01-03 10:30:00.5": [
        np.datetime64("2024-01-03T10:30:00.5", "ns"),
        MOMENT.replace(microsecond=500_000),
    ],
    "90": [timedelta(seconds=90), np.timedelta64(90, "s"), pandas.Timedelta(seconds=90), 90],
    "12345678901234567890": [12345678901234567890, np.uint64(12345678901234567890)],
    "café": ["café", "café".encode()],
    "inf": [float("inf"), np.float32("inf"), "inf"],
}


@pytest.mark.parametrize("text", EQUAL)
def test_equal_values_have_the_same_text(text: str) -> None:
    assert {as_text(value) for value in EQUAL[text]} == {text}
    for value in EQUAL[text]:
        cells = as_cells([value])
        found = ["" if value != value else value for value in cells.tolist()]
        assert found in ([text], [pytest.approx(number_of(text))]), repr(value)


def number_of(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def test_bytes_that_are_not_text_stay_distinct() -> None:
    assert as_text(b"\xff\x00a") == "\\xff\x00a"


# What says that nothing is known --------------------------------------------------------------

FLOATS = np.ma.array([1.5, -9999.0, 2.5], mask=[0, 1, 0])
GAPS = {  # three cells, of which the second is missing
    "masked floats": FLOATS,
    "masked whole numbers": np.ma.array([1, -9999, 2], mask=[0, 1, 0]),
    "masked truths": np.ma.array([True, True, False], mask=[0, 1, 0]),
    "masked words": np.ma.array(["a", "b", "c"], mask=[0, 1, 0]),
    "masked long numbers": np.ma.array([2**60, 1, 2**61], mask=[0, 1, 0]),
    "None": [1, None, 2],
    "NaN among words": ["a", float("nan"), "b"],
    "pandas Int64": pandas.Series([1, None, 2], dtype="Int64"),
    "pandas Float32": pandas.Series([1, None, 2], dtype="Float32"),
    "pandas boolean": pandas.Series([True, None, False], dtype="boolean"),
    "pandas string": pandas.Series(["a", None, "b"], dtype="string"),
    "pandas category": pandas.Series(["a", None, "b"], dtype="category"),
    "pandas datetime": pandas.Series([DAY, None, DAY], dtype="datetime64[ns]"),
    "pandas of pyarrow": pandas.Series([1, None, 2], dtype="int64[pyarrow]"),
    "polars whole numbers": polars.Series([1, None, 2]),
    "polars words": polars.Series(["a", None, "b"], dtype=polars.Categorical),
    "polars decimals": polars.Series([Decimal("1.5"), None, Decimal("2")]),
    "polars dates": polars.Series([DAY, None, DAY]),
    "pyarrow whole numbers": pyarrow.array([1, None, 2]),
    "pyarrow truths": pyarrow.array([True, None, False]),
    "pyarrow dictionary": pyarrow.array(["a", None, "b"]).dictionary_encode(),
    "pyarrow chunks": pyarrow.chunked_array([[1.5], [None, 2.5]]),
}


@pytest.mark.parametrize("values", GAPS.values(), ids=GAPS.keys())
def test_a_gap_is_a_missing_cell(values: object) -> None:
    cells = as_table({"x": values, "y": [1, 2, 3]}).columns["x"]
    assert parse(cells)[1].tolist() == [False, True, False]
    assert [value in ("", None) or value != value for value in cells.tolist()] == [
        False,
        True,
        False,
    ]


def test_a_masked_table_keeps_its_mask() -> None:
    random = np.random.default_rng(0)
    rows = np.ma.array(random.normal(10, 1, (60, 3)))
    rows[::4, 0] = rows[3::5, 2] = -9999
    rows[rows == -9999] = np.ma.masked
    model = tw.TableModel(2, epochs=1, hidden=(4,), n_estimators=1).fit(rows)
    (size, _), target = model.trained.encoder.columns, model.trained.target
    assert (size.mean, target.mean) == pytest.approx((10, 10), abs=1)
    assert sum(model.trained.parts.values()) == 60 - rows[:, 2].mask.sum()
    missing = model.predict({"0": [None], "1": rows[:1, 1], "2": [0]}).tolist()
    assert model.predict(rows[:1]).tolist() == missing
    assert model.predict({"0": np.ma.masked, "1": rows[0, 1], "2": 0}).tolist() == missing


# Types ----------------------------------------------------------------------------------------

TYPES = [
    ("truth", [True, None, False]),
    ("truth", np.array([True])),
    ("whole", [2**70, 1]),
    ("whole", np.array([1], np.uint8)),
    ("whole", pandas.array([1, None], "Int64")),
    ("number", [1.5, None]),
    ("number", np.array([1], np.float16)),
    ("number", [Decimal("1.5"), Fraction(1, 3)]),
    ("text", ["1", np.str_("2"), None]),
    ("text", [b"a"]),
    ("day", [DAY, None]),
    ("moment", np.array(["2024-01-03"], "M8[ns]")),
    ("moment", [MOMENT, pandas.NaT]),
    ({"1": "whole", "a": "text", "True": "truth"}, [1, "a", True, None]),
]


@pytest.mark.parametrize(("found", "values"), TYPES)
def test_types_of_values_are_kept(found: object, values: object) -> None:
    assert type_of(as_array(values)) == found


LONG = [2**53 + 1, 2**53, 2**63 - 1]


@pytest.mark.parametrize(
    "make",
    [
        list,
        np.array,
        pandas.Series,
        polars.Series,
        pyarrow.array,
        lambda v: pandas.array(v, "Int64"),
    ],
)
def test_whole_numbers_too_large_for_float64_keep_their_digits(make) -> None:
    cells = as_table({"x": make(LONG)}).columns["x"]
    assert cells.tolist() == list(map(str, LONG))


def test_long_numbers_of_parquet_keep_their_digits_in_every_part(tmp_path: Path) -> None:
    ids = [*range(40), *(2**60 + row for row in range(40))]
    parquet.write_table(
        pyarrow.table({"id": ids, "x": range(80)}), tmp_path / "t.parquet", row_group_size=40
    )
    table = as_table(tmp_path / "t.parquet")
    assert table.columns["id"].tolist() == list(map(str, ids))
    assert table.columns["x"].dtype == np.float64


def test_long_numbers_of_a_file_keep_their_digits(tmp_path: Path) -> None:
    ids = [2**60 + row for row in range(5000)]
    (tmp_path / "t.csv").write_text(
        "\n".join(["id,x", *(f"{number},{number % 7}.5" for number in ids)])
    )
    assert as_table(tmp_path / "t.csv").columns["id"].tolist() == list(map(str, ids))


# Parquet and frames ---------------------------------------------------------------------------

ARROW = {  # an array of pyarrow, and its cells
    "binary": (pyarrow.array([b"red", b"\xc3\xa9"]), ["red", "é"]),
    "large binary": (pyarrow.array([b"red", None], pyarrow.large_binary()), ["red", ""]),
    "binary of one size": (pyarrow.array([b"red", b"blu"], pyarrow.binary(3)), ["red", "blu"]),
    "large string": (pyarrow.array(["red", "blue"], pyarrow.large_string()), ["red", "blue"]),
    "dictionary": (pyarrow.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
    "dictionary of bytes": (pyarrow.array([b"a", b"b"]).dictionary_encode(), ["a", "b"]),
    "decimal": (pyarrow.array([Decimal("1.50"), None]), ["1.50", ""]),
    "time": (pyarrow.array([time(10, 30), None]), ["10:30:00", ""]),
    "duration": (pyarrow.array([timedelta(seconds=90)] * 2), [90, 90]),
    "dates": (pyarrow.array([DAY, None]), ["2024-01-03", ""]),
    "timestamp": (pyarrow.array([MOMENT, None]), ["2024-01-03 10:30:00", ""]),
    "whole with gaps": (pyarrow.array([1, None, 3]), [1, None, 3]),
    "nothing": (pyarrow.array([None, None]), ["", ""]),
}


@pytest.mark.parametrize("name", ARROW)
def test_types_of_parquet_are_read_as_in_memory(tmp_path: Path, name: str) -> None:
    array, expected = ARROW[name]
    table = pyarrow.table({"x": array})
    parquet.write_table(table, tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet"):
        cells = as_table(source).columns["x"].tolist()
        assert [None if value != value else value for value in cells] == expected


NESTED = {
    "lists": pyarrow.array([[1, 2], [3]]),
    "structs": pyarrow.array([{"a": 1}, {"a": 2}]),
    "maps": pyarrow.array([[("a", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_columns_are_left_out_with_a_reason(tmp_path: Path, name: str) -> None:
    table = pyarrow.table({"x": NESTED[name], "y": [1.5, 2.5]})
    parquet.write_table(table, tmp_path / "t.parquet")
    sources = [table, tmp_path / "t.parquet", table.to_pandas()]
    for source in sources if name == "maps" else [*sources, polars.from_arrow(table)]:
        found = as_table(source)
        assert found.columns["y"].tolist() == [1.5, 2.5]
        kind = describe("x", found.columns["x"])
        assert not kind.used and kind.why.startswith("Its cells are of the")
    with pytest.raises(
        DataError, match=r"Target 'x': Its cells are of the type .* not single values"
    ):
        tw.TableModel("x").fit(table)


# What cannot be a cell ------------------------------------------------------------------------


@dataclass
class Pair:
    parts: tuple[int, int]


UNFIT = {
    "a complex number": ([1, 2 + 1j], r"column 'x', row 2: \(2\+1j\) is a complex number"),
    "complex numbers": (np.array([1j, 2]), "column 'x', row 1: 1j is a complex number"),
    "one list": ([1, [2, 3], 4], r"column 'x', row 2: \[2, 3\] is a list, not a single value"),
    "one set": (["a", {"b"}], "column 'x', row 2: {'b'} is a set, not a single value"),
    "a generator": ((letter for letter in "ab"), "column 'x' is a generator, but a list"),
    "a set": ({1, 2}, "column 'x' is a set, but a list"),
    "a dict": ({"a": 1}, "column 'x' is a dict, but a list"),
    "lists": ([[1], [2]], r"column 'x' has shape \(2, 1\), but \(N,\) is needed"),
}


@pytest.mark.parametrize(("values", "words"), UNFIT.values(), ids=UNFIT.keys())
def test_a_value_that_cannot_be_a_cell_is_refused(values: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Table.from_columns([("x", values)])
