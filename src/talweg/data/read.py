"""Reading a table from a CSV file, or taking one from arrays or a data frame."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np

from talweg.data.columns import are_numbers, is_missing, number, parse
from talweg.data.files import existing_file
from talweg.data.table import Table, check_names
from talweg.errors import DataError

# The comma comes last: where two fit all lines alike, it stands inside of the cells (1,5;2,5).
_DELIMITERS = ("\t", ";", "|", ",")
_SNIFFED = 100  # records that the delimiter is judged by
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x19]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_END = "\0"  # a line of its own after the text, which holds none: an open quote swallows it

Record = tuple[int, list[str]]


def as_table(source: Any) -> Table:
    """A table of a path, a dict of columns, a data frame, an array (N, D), or a table as it is."""
    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        return read_table(source)
    if isinstance(source, Mapping):
        return Table.from_columns(source.items())
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        names = [str(name) for name in source.columns]
        check_names(names, "the data frame")
        pairs = ((name, source[name]) for name in source.columns)
        return Table.from_columns(pairs, source="the data frame")
    return Table.from_arrays(source)


def read_table(path: str | os.PathLike[str], *, header: bool | None = None) -> Table:
    """The table in a CSV file; `header` says whether the first row names the columns.

    Encoding, delimiter and header are inferred. DataError: a file that is not there, is not
    text or has no rows, and a line that does not fit, by its number.
    """
    file = existing_file(path)
    records = _records_of(_text_of(file), file)
    rows = [cells for _, cells in records]
    if header is None:
        header = _has_header(rows)
    if header and len(rows) == 1:
        raise DataError(
            f"{file} has a header but no rows: {', '.join(rows[0][:5])}. Add rows, or"
            " pass header=False (--no-header) if this line is one."
        )
    below = rows[1:] if header else rows
    names = [(header and cell) or str(place) for place, cell in enumerate(rows[0])]
    check_names(names, f"{file}, line {records[0][0]},")
    columns = [np.array(cells, dtype=object) for cells in zip(*below, strict=True)]
    return Table(tuple(names), dict(zip(names, columns, strict=True)), str(file))


def _text_of(file: Path) -> str:
    """The file's text: UTF-8, with or without a byte-order mark, or else latin-1."""
    raw = file.read_bytes()
    if _BINARY.search(raw):
        raise DataError(
            f"{file} is not plain text. Save it as CSV in UTF-8, or read it into a data frame"
            " and pass that."
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _records_of(text: str, file: Path) -> list[Record]:
    """All records, each with the line that it starts on; all have as many cells as the first."""
    delimiter = _delimiter(text, file)
    records = list(_split(text, delimiter, file))
    if not records:
        raise DataError(f"{file} is empty. Give a file with at least one row.")
    width = len(records[0][1])
    for line, cells in records:
        if len(cells) != width:
            found = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
            raise DataError(
                f"{file}, line {line}: {found}, but {width} were expected, as on line"
                f" {records[0][0]} (cells parted by {delimiter!r}). Correct the line, or put"
                " quotes around a cell that holds the delimiter."
            )
    if delimiter == ";":
        return [(line, [_point(cell) for cell in cells]) for line, cells in records]
    return records


def _split(text: str, delimiter: str, file: Path) -> Iterator[Record]:
    """Each record that is not blank, with the line that it starts on and stripped cells."""
    lines = chain(io.StringIO(text, newline=""), [_END])
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    start, unclosed = 1, "Is a quote opened there and never closed?"
    try:
        for record in reader:
            cells = [intern(cell.strip()) for cell in record]  # equal cells are one object
            if cells == [_END]:
                return
            if cells and cells[-1].endswith(_END):
                raise DataError(f"{file}, line {start}: the file ends inside of a cell. {unclosed}")
            if cells not in ([], [""]):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{file}, line {start}: {error}. {unclosed}") from None


def _delimiter(text: str, file: Path) -> str:
    """The delimiter that the first records agree on best; a comma where none parts them."""
    agreement = {each: _agreement(text, each, file) for each in _DELIMITERS}
    best = max(_DELIMITERS, key=agreement.__getitem__)
    return best if agreement[best] else ","


def _agreement(text: str, delimiter: str, file: Path) -> float:
    """The share of the first records that agree on one number of cells, above one."""
    widths: Counter[int] = Counter()
    with suppress(DataError):  # met again, and then raised, when all is read
        widths.update(len(cells) for _, cells in islice(_split(text, delimiter, file), _SNIFFED))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    return count / widths.total() if width > 1 else 0.0


def _point(cell: str) -> str:
    """A number with a decimal comma, as files parted by semicolons have it, with a point."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _has_header(rows: Sequence[list[str]]) -> bool:
    """Whether the first row names the columns: words above numbers, or words met nowhere below."""
    first, columns = rows[0], list(zip(*rows[1:], strict=True))
    if any(not math.isnan(number(cell)) for cell in first):
        return False
    words = [not is_missing(cell) for cell in first]
    if any(word and _numeric(cells) for word, cells in zip(words, columns, strict=False)):
        return True
    unique = all(words) and len(set(first)) == len(first)
    met_below = any(cell in cells for cell, cells in zip(first, columns, strict=False))
    return unique and not met_below


def _numeric(cells: Sequence[str]) -> bool:
    values, missing = parse(np.array(cells, dtype=object))
    return are_numbers(values[~missing])
