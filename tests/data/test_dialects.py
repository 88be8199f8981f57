"""CSV in practice: dialects, encodings, compressed files, and files that are not tables."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from talweg.data.io import opening
from talweg.data.io.csv_file import sniff
from talweg.data.io.files import source_of
from talweg.data.io.opening import encoding_of
from talweg.data.io.read import read_parts, read_table
from talweg.errors import DataError

GERMAN = 'name;größe;tag\nÄpfel;1.234,5;"a ""b"""\nBirnen;2,5;"x\ny"\n'
NAMES, FIRST, LAST = "name größe tag", ["Äpfel", "1234.5", 'a "b"'], ["Birnen", "2.5", "x\ny"]


def zipped(files: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    return stream.getvalue()


ENCODED = {
    "utf-8": GERMAN.encode(),
    "utf-8 with a mark": GERMAN.encode("utf-8-sig"),
    "cp1252": GERMAN.encode("cp1252"),
    "utf-16": GERMAN.encode("utf-16"),
    "utf-16 little, bare": GERMAN.encode("utf-16-le"),
    "utf-16 big, bare": GERMAN.encode("utf-16-be"),
    "utf-32": GERMAN.encode("utf-32"),
    "gzip": gzip.compress(GERMAN.encode()),
    "gzip of utf-16": gzip.compress(GERMAN.encode("utf-16")),
    "bz2": bz2.compress(GERMAN.encode()),
    "xz": lzma.compress(GERMAN.encode()),
    "zip": zipped({"table": GERMAN}),
    "zip of a Mac": zipped({"table": GERMAN, "__MACOSX/table": "x"}),
    "Excel's first line": f"sep=;\n{GERMAN}".encode(),
}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED.keys())
def test_all_encodings_give_the_same_table(csv_file, content: bytes) -> None:
    table = read_table(csv_file(content))
    rows = list(zip(*table.columns.values(), strict=True))
    assert (table.names, [*map(list, rows)]) == (tuple(NAMES.split()), [FIRST, LAST])


def test_letters_of_cp1252_that_latin_1_lacks_are_read(csv_file) -> None:
    assert read_table(csv_file("a,b\n1 €,2\n".encode("cp1252"))).columns["a"][0] == "1 €"
    assert read_table(csv_file(b"a,b\n\x81,2\n")).columns["a"][0] == "\x81"


@pytest.mark.parametrize("size", [1, 7, 4096, 4097, 2**20 - 1, 2**20 + 5000])
def test_a_letter_may_span_two_blocks(csv_file, size: int) -> None:
    assert encoding_of(source_of(csv_file("a" * size + "é" * 3))) == "utf-8-sig"
    assert encoding_of(source_of(csv_file(b"a" * size + "é".encode()[:1]))) == "cp1252"


DIALECTS = [  # case, text, first row
    ("spaces", "  x   y\n 1.5  a\n 3.25 b \n", ["1.5", "a"]),
    ("words, not columns", "text\na b\nc d\ne f g\n", ["a b"]),
    ("backslashes", 'a,b\n1,"say \\"hi\\", you"\n2,"x"\n', ["1", 'say "hi", you']),
    ("single quotes", "a,b\n'x, y',1\n'z',2\n", ["x, y", "1"]),
    ("an apostrophe", "a,b\nit's,1\ndon't,2\n", ["it's", "1"]),
    ("thousands", 'a,b\n"1,234,567.5",x\n999,y\n', ["1234567.5", "x"]),
    ("Swiss thousands", "a;b\n1'234.5;x\n9;y\n", ["1234.5", "x"]),
    ("spaced thousands", "a;b\n1 234,5;x\n9,25;y\n", ["1234.5", "x"]),
    ("quoted decimal commas", 'a,b\n"1,5",x\n"2,75",y\n', ["1.5", "x"]),
    ("tabs, decimal commas", "a\tb\n1,5\tx\n2,75\ty\n", ["1.5", "x"]),
    ("semicolons, decimal points", "a;b\n1.500;x\n2.250;y\n", ["1.500", "x"]),
    ("commas in text", 'a,b\n"1,2,3",x\n"4,5",y\n', ["1,2,3", "x"]),
    ("delimiters at the end", "a,b,\n1,2,\n3,4,\n", ["1", "2"]),
    ("R's row names", '"a","b"\n"1",2,3\n"2",4,5\n', ["1", "2", "3"]),
]


@pytest.mark.parametrize(
    ("text", "first"), [row[1:] for row in DIALECTS], ids=[row[0] for row in DIALECTS]
)
def test_a_dialect_is_detected(csv_file, text: str, first: list[str]) -> None:
    table = read_table(csv_file(text))
    assert [cells[0] for cells in table.columns.values()] == first


def test_the_evidence_for_a_dialect() -> None:
    assert sniff("a;b\n1,5;2\n")[0].delimiter == ";"
    assert sniff("a\n1\n")[0].delimiter == ","


def test_a_table_can_be_read_in_parts(csv_file, monkeypatch) -> None:
    file = csv_file("a,b\n" + "".join(f"{row},{row % 7}\n" for row in range(10_000)))
    parts = list(read_parts(file))
    assert len(parts) > 1
    assert [cell for part in parts for cell in part.columns["a"]] == [*map(str, range(10_000))]


SECRET = zipped({"table": "a,b\n1,2\n"})
SECRET = SECRET.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
MANY = b"a,b\n" + b"1,2\n" * 30_000
BAD = [  # case, content, part of the message
    ("gzip cut short", gzip.compress(MANY)[:-20], "cannot be decompressed (Compressed file ended"),
    ("gzip damaged", gzip.compress(MANY)[:60] + b"\xff" * 99, "damaged or cut short: copy it"),
    ("bz2 damaged", bz2.compress(MANY)[:40] + b"\xff" * 99, "cannot be decompressed"),
    ("xz cut short", lzma.compress(MANY)[:-40], "cannot be decompressed"),
    (
        "zip of two",
        zipped({"a": "a", "b": "b"}),
        "contains 2 files (a, b), but one table is needed",
    ),
    ("zip of none", zipped({}), "is not plain text"),
    ("zip damaged", zipped({"table": GERMAN})[:-30], "cannot be decompressed"),
    ("zip with a password", SECRET, "is protected by a password"),
    ("Excel", zipped({"xl/workbook.xml": "x"}), "cannot be read as an Excel workbook"),
    ("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel workbook. Save the"),
    ("zstd", b"\x28\xb5\x2f\xfd\x00", "is compressed with zstd. Decompress it"),
    ("SQLite", b"SQLite format 3\x00", "is an SQLite database"),
    ("HDF5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    ("Arrow", b"ARROW1\x00\x00", "is an Arrow file"),
    ("utf-16 cut short", GERMAN.encode("utf-16")[:-1], "starts as utf-16"),
    ("a byte far below", MANY + b"\x00,3\n", "not plain text"),
    ("which line", MANY + b"\x00,3\n", "line 30002 has the byte 0x00. "),
    ("ragged far below", MANY + b"3\n", "line 30002: 1 cell, but 2 were expected, as on line 1"),
    ("ragged below sep=", b"sep=;\na;b\n1;2\n3\n", "line 4: 1 cell, but 2 were expected"),
    ("open quote far below", MANY + b'"3,4\n', "line 30002: the file ends inside a cell"),
    ("prose", b"Once there was a king.\nHe had a horse, and a dog.\n", "line 2: 2 cells, but 1"),
]


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_a_file_that_is_not_a_table_is_refused(csv_file, content: bytes, words: str) -> None:
    file = csv_file(content)
    with pytest.raises(DataError) as error:
        read_table(file)
    assert str(error.value).startswith(str(file))
    assert words in str(error.value)


def test_a_very_long_line(csv_file, monkeypatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_LINE", 2**21)
    file = csv_file(b"a,b\n1,2\n" + b"x" * 2**22 + b",3\n")
    with pytest.raises(DataError, match="line 3: the line is longer than 2 MB"):
        read_table(file)


def test_a_cell_may_be_a_long_text(csv_file) -> None:
    table = read_table(csv_file(f"a,b\n1,{'x' * 100_000}\n"))
    assert len(table.columns["b"][0]) == 100_000


def test_compression_is_detected_by_content(tmp_path: Path) -> None:
    file = tmp_path / "table.txt"
    file.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_table(file).names == ("a", "b")
    (tmp_path / "table.gz").write_text("a,b\n1,2\n")
    assert read_table(tmp_path / "table.gz").names == ("a", "b")
