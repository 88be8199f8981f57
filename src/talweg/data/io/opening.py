"""Opens a file as text: identifies its format, decompresses it, and detects its encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import IO, Any

from talweg.data.io.files import Source
from talweg.errors import DataError, DataWarning

LONGEST_LINE = 2**26  # bytes; otherwise a file without line ends would be read as one cell

UTF8 = "utf-8-sig"
STRAY = "talweg.stray"  # the error handler for bytes that are not UTF-8
_BLOCK = 2**20
_ESCAPED = re.compile("[\udc80-\udcff]")  # stray bytes after "surrogateescape"
_MOST_STRAY = 10  # stray bytes per letter beyond ASCII; with more, a file is cp1252
_BINARY = bytes((*range(9), *range(0x0E, 0x1A)))
_UNUSED = b"\x81\x8d\x8f\x90\x9d"  # bytes that cp1252 does not define
_MARKS = (  # utf-32 first: its mark begins with that of utf-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"PK\x03\x04", zipfile.ZipFile),
)
_JSON = re.compile(r'\ufeff?\s*(?:\{\s*["}]|\[\s*[\[{\]])')
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


def is_parquet(file: Source) -> bool:
    """Whether the content is Parquet, whatever the name; a column of text may be called PAR1."""
    with file.open() as stream:
        start = stream.read(5)
        is_name = len(start) > 4 and start[4:] in b",;|\t\r\n"
        return start[:4] == b"PAR1" and not is_name


def is_workbook(file: Source) -> bool:
    """Whether the file is an Excel workbook in the format of 2007 or later."""
    with file.open() as stream:
        if stream.read(4) != b"PK\x03\x04":
            return False
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(stream) as bundle:
            return "xl/workbook.xml" in bundle.namelist()
    return False


def is_json(sample: str) -> bool:
    """Whether a text begins like a JSON object, an array of objects, or a line with an array."""
    line = sample.lstrip("\ufeff \t\r\n").split("\n", 1)[0]
    return bool(_JSON.match(sample)) or (line.startswith("[") and is_whole_json(line))


def is_whole_json(text: str) -> bool:
    """Whether a text is a whole JSON array or object."""
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False


@contextmanager
def open_unpacked(file: Source) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed. DataError: a damaged file, or one that is not a table."""
    with file.open() as raw:
        start = raw.read(16)
        raw.seek(0)
        refuse_foreign(file, start)
        opens = next((reader for mark, reader in _PACKED if start.startswith(mark)), None)
        try:
            with opens(raw) if opens else nullcontext(raw) as stream:
                yield _only_member(file, stream) if isinstance(stream, zipfile.ZipFile) else stream
        except _DAMAGE as error:
            raise _damage_error(file, error) from None
        except OSError as error:
            if opens is None or error.errno is not None:
                raise
            raise _damage_error(file, error) from None


@contextmanager
def open_text(file: Source, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file's text with its line ends unchanged. Stray bytes in UTF-8 are read as cp1252."""
    errors = STRAY if encoding == UTF8 else "strict"
    with (
        open_unpacked(file) as stream,
        io.TextIOWrapper(stream, encoding, errors, newline="") as text,
    ):
        yield text


def sample_of(file: Source, size: int) -> tuple[str, str]:
    """The encoding of a file, and its first `size` characters. DataError: not a text file."""
    encoding = encoding_of(file)
    try:
        with open_text(file, encoding) as text:
            return encoding, text.read(size)
    except UnicodeDecodeError as error:
        raise decoding_error(file, error) from None


def decoding_error(file: Source, error: UnicodeDecodeError) -> DataError:
    return DataError(
        f"{file} starts as {error.encoding} but then has invalid bytes ({error.reason}). It is "
        "damaged or cut short: copy it again, or save it in UTF-8."
    )


def encoding_of(file: Source) -> str:
    """UTF-8, UTF-16 or UTF-32, or else cp1252 (latin-1 if cp1252 lacks one of the bytes).

    The whole file is read once, in blocks. A DataWarning names the first stray byte of a file that
    is otherwise UTF-8. DataError: not a text file.
    """
    with open_unpacked(file) as stream:
        start = stream.read(4096)
        refuse_foreign(file, start)
        refuse_packed_twice(file, start)
        wide = next(
            (name for mark, name in _MARKS if start.startswith(mark)), _utf16_without_mark(start)
        )
        return wide or _narrow_encoding(file, start, stream)


def _narrow_encoding(file: Source, block: bytes, stream: IO[bytes]) -> str:
    letters, has_unused, line, length = _Letters(), False, 1, 0
    while block:
        if len(block.translate(None, _BINARY)) < len(block):
            raise _binary_file_error(file, block, line)
        letters.add(block)
        has_unused = has_unused or len(block.translate(None, _UNUSED)) < len(block)
        line += block.count(b"\n") or block.count(b"\r")
        last = max(block.rfind(b"\n"), block.rfind(b"\r"))
        length = length + len(block) if last < 0 else len(block) - 1 - last
        if length > LONGEST_LINE:
            raise DataError(
                f"{file}, line {line}: the line is longer than {LONGEST_LINE // 2**20} MB, so "
                "this is probably not a table. Put each row on a separate line."
            )
        block = stream.read(_BLOCK)
    letters.add(b"", final=True)
    if letters.are_utf8:
        if letters.stray:
            warnings.warn(letters.doubt(file), DataWarning, stacklevel=2)
        return UTF8
    return "latin-1" if has_unused else "cp1252"


class _Letters:
    """Counts the characters beyond ASCII, and the `stray` bytes that are not UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._letters = self.stray = 0
        self._line = 1
        self._first = (0, 0)  # line and value of the first stray byte

    def add(self, block: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(block, final)
        if not text.isascii():
            self._count(text)
        self._line += text.count("\n") or text.count("\r")

    def _count(self, text: str) -> None:
        stray = _ESCAPED.findall(text)
        if stray and not self.stray:
            before = text[: text.index(stray[0])]
            line = self._line + (before.count("\n") or before.count("\r"))
            self._first = line, ord(stray[0]) - 0xDC00
        self.stray += len(stray)
        self._letters += len(text) - len(text.encode("ascii", "ignore")) - len(stray)

    @property
    def are_utf8(self) -> bool:
        """Whether the file is UTF-8, except for a few bytes. Text in cp1252 almost never has a pair
        of letters that is valid UTF-8; a file with parts in both encodings has many.
        """
        return self.stray == 0 or self._letters * _MOST_STRAY > self.stray

    def doubt(self, file: Source) -> str:
        line, byte = self._first
        more = f" ({self.stray:,} such bytes in all)" if self.stray > 1 else ""
        return (
            f"{file}, line {line}: the byte {byte:#04x} is not UTF-8, unlike the rest of the file;"
            f" it is read as {_as_cp1252(bytes([byte]))!r}{more}. Save the file in UTF-8."
        )


def _as_cp1252(stray: bytes) -> str:
    return "".join(
        byte.decode("latin-1" if byte in _UNUSED else "cp1252")
        for byte in (bytes([code]) for code in stray)
    )


def _replace_stray(error: UnicodeError) -> tuple[str, int]:
    """The error handler: the letters for stray bytes, and where to continue."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _as_cp1252(error.object[error.start : error.end]), error.end


codecs.register_error(STRAY, _replace_stray)


def _utf16_without_mark(start: bytes) -> str | None:
    """UTF-16 without a byte order mark: every other byte of western text is 0."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if len(start) >= 4 and max(even, odd) > 0.4 * len(start) / 2 and min(even, odd) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    return None


def _only_member(file: Source, bundle: zipfile.ZipFile) -> IO[bytes]:
    """The only file in a zip. DataError: several files, or not a table."""
    names = [name for name in bundle.namelist() if not name.endswith("/")]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    refuse_bundle(file, names)
    if len(names) != 1:
        shown = ", ".join(names[:3])
        raise DataError(
            f"{file} contains {len(names)} files ({shown}), but one table is needed. Extract it, "
            "and give one of them."
        )
    if bundle.getinfo(names[0]).flag_bits & 1:
        raise DataError(f"{file} is protected by a password. Extract it and give the file inside.")
    return bundle.open(names[0])


def _damage_error(file: Source, error: Exception) -> DataError:
    return DataError(
        f"{file} cannot be decompressed ({error}). It is damaged or cut short: copy it again."
    )


def _binary_file_error(file: Source, block: bytes, line: int) -> DataError:
    position = next(position for position, byte in enumerate(block) if byte in _BINARY)
    line += block.count(b"\n", 0, position)
    return DataError(
        f"{file} is not plain text: line {line} has the byte {block[position]:#04x}. Save it as"
        " CSV in UTF-8, or read it into a data frame and pass that."
    )


# Files that are not tables, or not in a supported format ------------------------------------------

_FRAME = "Read it into a data frame and pass that"
_CSV = "Export the table as CSV"
_FOREIGN = (
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
_NESTED = (b"PK\x03\x04", b"\x1f\x8b", b"PAR1\x15", b"BZh9", b"\xfd7zXZ\x00")
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
    """DataError: the first bytes show that the file is not a table; the error names its format."""
    if start[_TAR_AT:].startswith(_TAR):
        raise DataError(f"{file} is a tar archive. Extract it, and give the file with the table.")
    text = start.lstrip()[:16].lower()
    for mark, words in _FOREIGN:
        if start.startswith(mark) or (mark[:1] in b"<@" and text.startswith(mark)):
            raise DataError(f"{file} {words}.")


def refuse_packed_twice(file: object, start: bytes) -> None:
    """DataError: a compressed file contains a compressed file, a workbook or Parquet."""
    if start.startswith(_NESTED):
        raise DataError(
            f"{file} is compressed, but its content is compressed again, or is a workbook or "
            "Parquet file. Decompress it once."
        )


def refuse_bundle(file: object, names: Sequence[str]) -> None:
    """DataError: a zip with these names is not a compressed table; the error names its format."""
    for part, words in _PARTS:
        if part in names:
            raise DataError(f"{file} {words}.")
    if len(names) > 0 and all(name.endswith(".npy") for name in names):
        raise DataError(f"{file} contains NumPy arrays. Load it with np.load, and pass an array.")
