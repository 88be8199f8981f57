"""Writing predictions: as CSV that is safe to open in a spreadsheet, or as JSON lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from talweg.errors import visible
from talweg.insight.record import to_json


class Writable(Protocol):
    """An object that text can be written to."""

    def write(self, text: str, /) -> object: ...


_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # also as full-width characters
_NUMBER = re.compile(r"\s*[+-]?([\d.,]+(e[+-]?\d+)?%?|inf|nan)\s*", re.IGNORECASE)


def write_rows(stream: Writable, rows: Iterable[Sequence[object]], *, exact: bool) -> int:
    """Write rows as CSV, with harmless text unless `exact`. Returns the number of rows."""
    writer, count = csv.writer(_Lines(stream)), 0
    for row in rows:
        writer.writerow(row if exact else map(_harmless_cell, row))
        count += 1
    return count


def write_json_lines(stream: Writable, rows: Iterator[Sequence[object]]) -> int:
    """Write each row as a JSON object; the first row is the header. Returns their number."""
    names, count = list(map(str, next(rows, ()))), 0
    for row in rows:
        record = to_json(dict(zip(names, row, strict=True)))
        stream.write(json.dumps(record, allow_nan=False) + "\n")
        count += 1
    return count


class _Lines:
    """Ends each row with a line feed alone. With lineterminator, csv before Python 3.13 leaves a
    carriage return in a cell unquoted, which readers interpret as the end of the row.
    """

    def __init__(self, stream: Writable) -> None:
        self.stream = stream

    def write(self, row: str) -> None:
        self.stream.write(row.removesuffix("\r\n") + "\n")


def _harmless_cell(cell: object) -> object:
    return harmless(cell) if isinstance(cell, str) else cell


@lru_cache(4096)
def harmless(text: str) -> str:
    """Escape control characters, and text that a spreadsheet would run as a formula.

    A leading apostrophe marks such text; numbers need none.

    >>> harmless("=1+1"), harmless("-1"), harmless("hill")
    ("'=1+1", '-1', 'hill')
    """
    printable = visible(text)
    is_formula = _FORMULA.match(printable) or printable[:1] in ("\t", "\n")
    return f"'{printable}" if is_formula and not _NUMBER.fullmatch(printable) else printable
