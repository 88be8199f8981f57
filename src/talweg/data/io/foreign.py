"""Recognizes files that are not tables, or not in a supported format, and says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.errors import DataError

_FRAME = "Read it into a data frame and pass that"
_CSV = "Export the table as CSV"
_MARKS = (
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd. Decompress it, or use gzip"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4. Decompress it, or use gzip"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive. Extract it and give the table"),
    (b"Rar!\x1a\x07", "is a RAR archive. Extract it and give the table"),
    (
        b"\xd0\xcf\x11\xe0",
        "is an old Excel workbook. Save the sheet as CSV in UTF-8, or the workbook as .xlsx",
    ),
    (b"SQLite format 3\x00", f"is an SQLite database. {_CSV}"),
    (b"\x89HDF", f"is an HDF5 file. {_FRAME}"),
    (b"ARROW1\x00", "is an Arrow file (Feather). Save it as Parquet, or read it into a data frame"),
    (b"FEA1", "is a Feather file. Save it as Parquet, or read it into a data frame"),
    *((bytes((0x80, n)), f"is a pickle, which may run code. {_FRAME}") for n in range(2, 6)),
    (b"\x93NUMPY", "is a NumPy array. Pass what np.load returns"),
    (b"Obj\x01", f"is an Avro file. {_FRAME}"),
    *((mark, f"is an R data file. {_CSV}") for mark in (b"RDX2\n", b"RDX3\n")),
    (b"$FL2", f"is an SPSS file. {_FRAME}"),
    (b"<stata_dta>", f"is a Stata file. {_FRAME}"),
    *((bytes((n, 2, 1, 0)), f"is a Stata file. {_FRAME}") for n in (0x71, 0x72, 0x73)),
    (bytes(12) + b"\xc2\xea\x81\x60", f"is a SAS file. {_FRAME}"),
    (b"@relation", "is an ARFF file of Weka. Write it as CSV: its rows below a line of names"),
    (b"%PDF-", f"is a PDF. {_CSV}"),
    (b"\x89PNG", "is a picture, not a table"),
    (b"\xff\xd8\xff", "is a picture, not a table"),
    (b"<!doctype html", "is a web page. Save its table as CSV"),
    (b"<html", "is a web page. Save its table as CSV"),
    (b"<table", "is an HTML table. Save it as CSV"),
    (b"<?xml", f"is an XML file. {_CSV}"),
    (b"version https://git-lfs", "is only a Git LFS pointer to the file. Run git lfs pull"),
)
_WITHIN = (b"PK\x03\x04", b"\x1f\x8b", b"PAR1\x15", b"BZh9", b"\xfd7zXZ\x00")
_TAR, _TAR_AT = b"ustar", 257
_PARTS = (  # files inside a zip
    (
        "xl/workbook.bin",
        "is a binary Excel workbook. Save it as .xlsx, or the sheet as CSV in UTF-8",
    ),
    ("content.xml", "is a LibreOffice file. Save the sheet as CSV in UTF-8"),
    ("Index/Document.iwa", "is an Apple Numbers file. Export it as CSV"),
    ("word/document.xml", f"is a Word document. {_CSV}"),
    ("model.json", "is a talweg model. Give a table here; in a command the model comes first"),
)


def refuse_foreign(file: object, start: bytes) -> None:
    """DataError: the first bytes show that the file is not a table; says what it is."""
    if start[_TAR_AT:].startswith(_TAR):
        raise DataError(f"{file} is a tar archive. Extract it, and give the file of the table.")
    text = start.lstrip()[:16].lower()
    for mark, words in _MARKS:
        if start.startswith(mark) or (mark[:1] in b"<@" and text.startswith(mark)):
            raise DataError(f"{file} {words}.")


def refuse_packed_twice(file: object, start: bytes) -> None:
    """DataError: a compressed file contains a compressed file, a workbook or Parquet."""
    if start.startswith(_WITHIN):
        raise DataError(
            f"{file} is compressed, but its content is compressed again, or is a workbook or "
            "Parquet file. Decompress it once."
        )


def refuse_bundle(file: object, names: Sequence[str]) -> None:
    """DataError: a zip with these names is not a compressed table; says what it is."""
    for part, words in _PARTS:
        if part in names:
            raise DataError(f"{file} {words}.")
    if len(names) > 0 and all(name.endswith(".npy") for name in names):
        raise DataError(f"{file} contains NumPy arrays. Load it with np.load, and pass an array.")
