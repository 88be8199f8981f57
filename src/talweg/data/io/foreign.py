"""Files that are no table, or one that is not read here: what they are, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.errors import DataError

_FRAME = "Read it into a data frame and pass that"
_CSV = "Export the table as CSV"
_MARKS = (
    (b"\x28\xb5\x2f\xfd", "is packed with zstd. Unpack it, or pack it with gzip"),
    (b"\x04\x22\x4d\x18", "is packed with lz4. Unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "is packed with 7-Zip. Unpack it, and name the table"),
    (b"Rar!\x1a\x07", "is packed with RAR. Unpack it, and name the table"),
    (
        b"\xd0\xcf\x11\xe0",
        "is an old Excel workbook. Save the sheet as CSV in UTF-8, or all as .xlsx",
    ),
    (b"SQLite format 3\x00", f"is an SQLite database. {_CSV}"),
    (b"\x89HDF", f"is an HDF5 file. {_FRAME}"),
    (b"ARROW1\x00", "is an Arrow file (Feather). Save it as Parquet, or read it into a data frame"),
    (b"FEA1", "is a Feather file. Save it as Parquet, or read it into a data frame"),
    *((bytes((0x80, n)), f"is a pickle. {_FRAME}: a pickle may run code") for n in range(2, 6)),
    (b"\x93NUMPY", "is an array of NumPy. Pass what np.load gives"),
    (b"Obj\x01", f"is an Avro file. {_FRAME}"),
    *((mark, f"is a file of R. {_CSV}") for mark in (b"RDX2\n", b"RDX3\n")),
    (b"$FL2", f"is a file of SPSS. {_FRAME}"),
    (b"<stata_dta>", f"is a file of Stata. {_FRAME}"),
    *((bytes((n, 2, 1, 0)), f"is a file of Stata. {_FRAME}") for n in (0x71, 0x72, 0x73)),
    (bytes(12) + b"\xc2\xea\x81\x60", f"is a file of SAS. {_FRAME}"),
    (b"@relation", "is an ARFF file of Weka. Write its rows below a line of names as CSV"),
    (b"%PDF-", f"is a PDF. {_CSV}"),
    (b"\x89PNG", "is a picture, not a table"),
    (b"\xff\xd8\xff", "is a picture, not a table"),
    (b"<!doctype html", "is a web page. Save the table that it shows as CSV"),
    (b"<html", "is a web page. Save the table that it shows as CSV"),
    (b"<table", "is a table of a web page. Save it as CSV"),
    (b"<?xml", f"is an XML file. {_CSV}"),
    (b"version https://git-lfs", "only says where Git LFS keeps the file. Run git lfs pull"),
)
_WITHIN = (b"PK\x03\x04", b"\x1f\x8b", b"PAR1\x15", b"BZh9", b"\xfd7zXZ\x00")
_TAR, _TAR_AT = b"ustar", 257
_PARTS = (  # of a zip
    (
        "xl/workbook.bin",
        "is a binary Excel workbook. Save it as .xlsx, or the sheet as CSV in UTF-8",
    ),
    ("content.xml", "is a file of LibreOffice. Save the sheet as CSV in UTF-8"),
    ("Index/Document.iwa", "is a file of Apple's Numbers. Export it as CSV"),
    ("word/document.xml", f"is a Word document. {_CSV}"),
    ("model.json", "is a model of talweg. Give a table: of a command, the model comes first"),
)


def refuse_foreign(file: object, start: bytes) -> None:
    """A DataError that says what the file is, where its first bytes tell that it is no table."""
    if start[_TAR_AT:].startswith(_TAR):
        raise DataError(f"{file} is a tar archive. Unpack it, and name the table.")
    text = start.lstrip()[:16].lower()
    for mark, words in _MARKS:
        if start.startswith(mark) or (mark[:1] in b"<@" and text.startswith(mark)):
            raise DataError(f"{file} {words}.")


def refuse_packed_twice(file: object, start: bytes) -> None:
    """A DataError where what was packed is no text, but a table of another format, or packed."""
    if start.startswith(_WITHIN):
        raise DataError(
            f"{file} is packed, and what it holds is packed itself, or a workbook or Parquet."
            " Unpack it once."
        )


def refuse_bundle(file: object, names: Sequence[str]) -> None:
    """A DataError that says what a zip of these names is, where it is no packed table."""
    for part, words in _PARTS:
        if part in names:
            raise DataError(f"{file} {words}.")
    if len(names) > 0 and all(name.endswith(".npy") for name in names):
        raise DataError(f"{file} holds arrays of NumPy. Pass one of those that np.load gives.")
