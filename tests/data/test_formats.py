"""JSON, Excel workbooks, and files in other formats, which are named."""

import bz2
import datetime
import gzip
import io
import json
import pickle
import sys
import tarfile
import zipfile
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

import talweg as tw
from talweg.data.io.read import as_table, read_parts, read_table
from talweg.errors import DataError, DataWarning

DAY = datetime.datetime(2024, 3, 1)
RECORDS = [
    {"n": 1, "x": 1.5, "is": True, "s": "red", "day": "2024-03-01"},
    {"n": 2, "x": None, "is": False, "s": "", "day": "2024-03-02"},
    {"n": 3, "x": -2e3, "is": True, "s": "blé, \u2028d'or", "day": None},
]
FRAME = pd.DataFrame(RECORDS)
LINES = "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in RECORDS)
JSONS = {
    "lines": LINES,
    "lines, no end": LINES.rstrip("\n"),
    "lines of Windows": LINES.replace("\n", "\r\n"),
    "lines and blank ones": LINES.replace("\n", "\n\n"),
    "an array": json.dumps(RECORDS),
    "an array, indented": json.dumps(RECORDS, indent=2),
    "columns": json.dumps({name: [record[name] for record in RECORDS] for name in RECORDS[0]}),
    "columns of pandas": FRAME.to_json(),
    "records of pandas": FRAME.to_json(orient="records"),
    "lines of pandas": FRAME.to_json(orient="records", lines=True),
    "split by pandas": FRAME.to_json(orient="split"),
    "index of pandas": FRAME.to_json(orient="index"),
    "in a part": json.dumps({"count": 3, "results": RECORDS}),
}


def cells_of(table: Any) -> dict[str, list[object]]:
    return {name: list(table.columns[name]) for name in table.names}


@pytest.mark.parametrize("text", JSONS.values(), ids=JSONS.keys())
def test_json_gives_the_table_of_its_records(csv_file, text: str) -> None:
    expected = cells_of(as_table(FRAME))
    for content in (text.encode(), gzip.compress(text.encode()), text.encode("utf-16")):
        table = read_table(csv_file(content))
        assert table.names == tuple(FRAME.columns)
        assert_same(cells_of(table), expected)
        assert table.source.endswith("table.csv")
    (part,) = read_parts(csv_file(text))
    assert_same(cells_of(part), expected)


def assert_same(found: dict[str, list[object]], expected: dict[str, list[object]]) -> None:
    assert [*found] == [*expected]
    for name, cells in expected.items():
        assert list(map(str, found[name])) == list(map(str, cells)), name


ODD_JSON = [  # case, text, names, the first cells
    ("arrays", "[[1, 2], [3, 4]]", "0 1", [1, 2]),
    ("lines of arrays", "[1, 2]\n[3, 4]\n", "0 1", [1, 2]),
    ("one object", '{"a": 1, "b": 2}', "a b", [1, 2]),
    ("a key that comes later", '{"a": 1}\n{"a": 2, "b": 3}\n', "a b", [1, np.nan]),
    ("a file that begins with a bracket", "[a],b\n1,2\n3,4\n", "[a] b", ["1", "2"]),
]


@pytest.mark.parametrize(
    ("text", "names", "first"), [row[1:] for row in ODD_JSON], ids=[row[0] for row in ODD_JSON]
)
def test_other_layouts_of_json_are_read(
    csv_file, text: str, names: str, first: list[object]
) -> None:
    table = read_table(csv_file(text))
    assert [*table.names] == names.split()
    assert [str(cells[0]) for cells in cells_of(table).values()] == [
        str(cell) if isinstance(cell, str) else str(float(cell)) for cell in first
    ]


BAD_JSON = [
    ("cut short", LINES[:-9], "table.csv, line 3: this is not valid JSON (Unterminated string"),
    ("a line that is none", LINES + "{a}\n" + LINES, "line 4: this is not valid JSON"),
    ("an array cut short", json.dumps(RECORDS, indent=1)[:-30], "this is not valid JSON"),
    ("an empty array", "[]", "has no rows"),
    ("rows of other widths", "[[1, 2], [3]]", "row 2 has 1 cell, but row 1 has 2"),
    ("nested", '[[{"a": ' + "[" * 100_000, "too deeply nested"),
]


@pytest.mark.parametrize(("text", "words"), [r[1:] for r in BAD_JSON], ids=[r[0] for r in BAD_JSON])
def test_bad_json_is_refused(csv_file, text: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        read_table(csv_file(text))
    assert str(error.value).startswith(str(csv_file(text)))
    assert words in str(error.value)


def test_a_model_of_json_predicts_json_and_csv_alike(csv_file) -> None:
    rows = [{"size": i % 9, "hue": ["red", "blue"][i % 2], "price": 2.5 * i} for i in range(40)]
    model = tw.TableModel("price", epochs=2, n_estimators=1, hidden=(4,), bins=0).fit(
        io.StringIO("".join(f"{json.dumps(row)}\n" for row in rows))
    )
    same = model.predict(pd.DataFrame(rows))
    assert np.array_equal(model.predict(csv_file(json.dumps(rows))), same)
    assert np.array_equal(model.predict(csv_file(pd.DataFrame(rows).to_csv(index=False))), same)


# Excel ----------------------------------------------------------------------------------------


SHEET = [
    ["n", "x", "is", "s", "day"],
    [1, 1.5, True, "red", DAY],
    [2, None, False, None, DAY + datetime.timedelta(1)],
    [3, -2e3, True, "#N/A", None],
]


def book(*sheets: list[list[object]], start: int = 1) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for rows in sheets:
        sheet = workbook.create_sheet()
        for at, row in enumerate(rows, start):
            for place, cell in enumerate(row, 1):
                sheet.cell(at, place, cell)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def test_a_sheet_gives_the_table_of_its_cells(csv_file) -> None:
    frame = pd.DataFrame(SHEET[1:], columns=SHEET[0])
    for content in (book(SHEET), book(SHEET, start=3), book(SHEET, []), book([], SHEET)):
        table = read_table(csv_file(content))
        assert_same(cells_of(table), cells_of(as_table(frame)))
        assert table.types == as_table(frame).types
    assert read_table(io.BytesIO(book(SHEET))).source == "the BytesIO"


SHEETS = [  # case, rows, names, the columns' first cells
    ("no header", [[1.5, "a"], [2.5, "b"], [3.5, "a"]], "0 1", "1.5 a"),
    (
        "years",
        [["id", 2019, 2020], *([i * i, i / 7, 0.5] for i in range(1, 20))],
        "id 2019 2020",
        "",
    ),
    ("blank rows", [["a", "b"], [1, 2], [None, None], [3, 4], [None, None]], "a b", "1.0 2.0"),
    ("one column", [["a"], [1], [None], [3]], "a", "1.0"),
    ("empty last columns", [["a", "b", None], [1, 2, None]], "a b", "1.0 2.0"),
    ("a nameless index", [[None, "a"], [0, 5], [1, 6]], "Unnamed:_0 a", "0.0 5.0"),
]


@pytest.mark.parametrize(
    ("rows", "names", "first"), [row[1:] for row in SHEETS], ids=[row[0] for row in SHEETS]
)
def test_blank_rows_and_columns_of_a_sheet_are_skipped(
    csv_file, rows, names: str, first: str
) -> None:
    table = read_table(csv_file(book(rows)))
    assert [name.replace(" ", "_") for name in table.names] == names.split()
    if first:
        assert [str(cells[0]) for cells in cells_of(table).values()] == first.split()
    assert len(table) == (3 if names in ("a", "0 1") else len([r for r in rows[1:] if any(r)]))


def test_unread_sheets_are_named(csv_file) -> None:
    with pytest.warns(DataWarning, match="only the sheet 'Sheet' is read, not 'Sheet1'"):
        read_table(csv_file(book(SHEET, SHEET)))


BAD_BOOKS = [
    ("empty", book([]), "is empty. Give a workbook"),
    ("a header alone", book([["a", "b"]]), "has a header but no rows"),
    ("two of one name", book([["a", "a"], [1, 2]]), "row 1, has 2 columns named 'a'"),
    (
        "a cell beside",
        book([["a"], *[[1]] * 1200, [1, 2]]),
        "row 1202: a cell lies beyond the 1 column of row 1",
    ),
    ("cut short", book(SHEET)[:-100], "cannot be decompressed"),
]


@pytest.mark.parametrize(
    ("content", "words"), [r[1:] for r in BAD_BOOKS], ids=[r[0] for r in BAD_BOOKS]
)
def test_bad_workbooks_are_refused(csv_file, content: bytes, words: str) -> None:
    with pytest.raises(DataError) as error:
        read_table(csv_file(content))
    assert words in str(error.value)


def test_a_workbook_needs_openpyxl(csv_file, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"is an Excel workbook.*pip install 'talweg\[tables\]'"):
        read_table(csv_file(book(SHEET)))


def test_a_model_without_names_reads_a_sheet_with_a_header(csv_file) -> None:
    rows = [[i % 9, ["red", "blue"][i % 2], 2.5 * i] for i in range(40)]
    model = tw.TableModel(-1, epochs=2, n_estimators=1, hidden=(4,), bins=0).fit(rows)
    same = model.predict(rows)
    assert np.array_equal(model.predict(csv_file(book(rows))), same)
    with pytest.warns(DataWarning, match="row 1: its cells .* are read as column names"):
        assert np.array_equal(model.predict(csv_file(book([["a", "b", "c"], *rows]))), same)


# Foreign files --------------------------------------------------------------------------------


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name in names:
            bundle.writestr(name, "x")
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as bundle:
        bundle.addfile(tarfile.TarInfo("table.csv"))
    return stream.getvalue()


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


FOREIGN = [
    ("zstd", b"\x28\xb5\x2f\xfd\x04", "is compressed with zstd"),
    ("7-Zip", b"7z\xbc\xaf\x27\x1c\x00", "is a 7-Zip archive"),
    ("tar", tarred(), "is a tar archive"),
    ("tar in gzip", gzip.compress(tarred()), "is a tar archive"),
    ("old Excel", b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
    ("binary Excel", zipped("xl/workbook.bin"), "is a binary Excel workbook"),
    ("LibreOffice", zipped("mimetype", "content.xml"), "is a LibreOffice file"),
    ("Feather", b"ARROW1\x00\x00", "is an Arrow file (Feather)"),
    ("old Feather", b"FEA1\x00", "is a Feather file"),
    ("HDF5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    ("SQLite", b"SQLite format 3\x00", "is an SQLite database"),
    *((f"pickle {n}", pickle.dumps([1], protocol=n), "is a pickle") for n in range(2, 6)),
    ("pickle in bz2", bz2.compress(pickle.dumps([1])), "is a pickle"),
    (
        "a workbook in gzip",
        gzip.compress(zipped("xl/workbook.xml")),
        "its content is compressed again",
    ),
    ("gzip in gzip", gzip.compress(gzip.compress(b"a,b")), "its content is compressed again"),
    (
        "Parquet in bz2",
        bz2.compress(b"PAR1\x15\x04"),
        "or is a workbook or Parquet file. Decompress it once",
    ),
    ("NumPy", saved(np.zeros(3)), "is a NumPy array"),
    ("NumPy's zip", zipped("a.npy", "b.npy"), "contains NumPy arrays"),
    ("a model", zipped("model.json", "weights.npy"), "is a talweg model"),
    ("a web page", b"\n<!DOCTYPE HTML>\n<html>", "is a web page"),
    ("a table of pandas", pd.DataFrame({"a": [1]}).to_html().encode(), "is an HTML table"),
    ("Stata", b"r\x02\x01\x00\x03\x00", "is a Stata file"),
    ("SAS", bytes(12) + b"\xc2\xea\x81\x60", "is a SAS file"),
    ("ARFF", b"@RELATION t\n\n@ATTRIBUTE x NUMERIC\n@DATA\n1\n", "is an ARFF file of Weka"),
    ("XML", b"<?xml version='1.0'?><a/>", "is an XML file"),
    ("PDF", b"%PDF-1.4\n", "is a PDF"),
    ("Git LFS", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer to the file"),
]


@pytest.mark.parametrize(
    ("content", "words"), [r[1:] for r in FOREIGN], ids=[r[0] for r in FOREIGN]
)
def test_unsupported_formats_are_named(csv_file, content: bytes, words: str) -> None:
    for given in (csv_file(content), io.BytesIO(content)):
        with pytest.raises(DataError) as error:
            read_table(given)
        assert words in str(error.value)


@pytest.mark.parametrize(
    "text", ["RDX,a\n1,2\n", "PAR1,b\n1,2\n", "SQLite format 3,a\n1,2\n", "ARROW1,b\n1,2\n"]
)
def test_a_column_may_be_named_like_a_format(csv_file, text: str) -> None:
    assert read_table(csv_file(text)).names[0] == text.split(",")[0]
