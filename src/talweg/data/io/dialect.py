"""The dialect of a CSV file: its delimiter, quote and escape character."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec
from itertools import chain, islice
from typing import Any

from talweg.data.io.opening import LONGEST_LINE

SNIFFED = 1000  # records by which the dialect and the header are judged
SAMPLE = 2**20  # characters read for these records

# If two delimiters fit all lines alike, the first is taken. The comma follows those that are rare
# inside cells (1,5;2,5), and the space, which is inside most texts, comes last.
_DELIMITERS = ("\t", ";", "|", ",", " ")
_AGREED = 100  # records by which the delimiter is judged
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])\s*'[^'\n]*'\s*(?:[,;\t|\r]|$)", re.M)
_ESCAPED = re.compile(r'\\"')
END = "\0"  # appended as a last line: an open quote swallows it; text has no such character


_SWALLOWED = 100  # lines like rows in a cell that show a quote which was never closed
_MOST_LOOKED_AT = 1000  # of these lines that are checked
_NEARLY_ALL = 0.9


def _own_csv() -> Any:
    """A second copy of Python's CSV module: `csv.field_size_limit` is one limit for the process,
    which by default refuses cells of more than 131,072 characters.
    """
    spec = find_spec("_csv")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(LONGEST_LINE)
    return module


_CSV = _own_csv()
CsvError: type[Exception] = _CSV.Error


@dataclass(frozen=True)
class Dialect:
    """How cells are separated, quoted and escaped."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None

    def reader(self, lines: Iterable[str]) -> Any:
        """Python's CSV reader for these lines."""
        return _CSV.reader(
            _without_ends(lines) if self.delimiter == " " else lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=True,
        )


def records(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The records that are not blank, each with the line on which it starts.

    CsvError: why the reader refuses a record, and the line on which it starts.
    """
    reader = dialect.reader(chain(lines, [END]))
    start = 1
    try:
        for cells in reader:
            if cells == [END]:
                return
            if cells and cells[-1].endswith(END):
                raise CsvError("the file ends inside a cell")
            if reader.line_num - start > _SWALLOWED and swallows(cells, dialect):
                raise CsvError(
                    f"a cell runs to line {reader.line_num}, over lines that look like rows"
                )
            if not is_blank(cells):
                yield start, cells
            start = reader.line_num + 1
    except CsvError as error:
        raise CsvError(str(error), start) from None


def swallows(cells: Sequence[str], dialect: Dialect) -> bool:
    """Whether a cell contains many lines, nearly all with as many cells as the record."""
    for cell in cells:
        inner = [*io.StringIO(cell, newline="")][1:-1]  # lines as the reader counts them
        if len(inner) >= _SWALLOWED and len(cells) > 1:
            widths = [len(row) for row in dialect.reader(inner[:_MOST_LOOKED_AT])]
            return widths.count(len(cells)) >= _NEARLY_ALL * len(widths)
    return False


def is_blank(cells: Sequence[str]) -> bool:
    """Whether a record is an empty line or a line of spaces."""
    return not cells or (len(cells) == 1 and not cells[0].strip())


def sniff(sample: str) -> tuple[Dialect, list[list[str]]]:
    """The dialect in which the first records agree best on a width, and these records with cells
    stripped.
    """
    lines = list(io.StringIO(sample, newline=""))
    quoting = _quoting(sample)
    candidates = [Dialect(delimiter, *marks) for marks in quoting for delimiter in _DELIMITERS]
    agreement = {dialect: _agreement(lines, dialect) for dialect in candidates}
    best = max(candidates, key=agreement.__getitem__)
    best = best if agreement[best] else Dialect()
    rows = _first(lines, best, SNIFFED)
    return best, [[cell.strip() for cell in row] for row in rows]


def _quoting(sample: str) -> list[tuple[str, str | None]]:
    """The quote and escape characters to try, the usual ones first."""
    escape = "\\" if _ESCAPED.search(sample) else None
    quotes = "'\"" if '"' not in sample and _SINGLE_QUOTED.search(sample) else '"'
    marks: list[tuple[str, str | None]] = [(quote, None) for quote in quotes]
    return marks + ([('"', escape)] if escape else [])


def _agreement(lines: Sequence[str], dialect: Dialect) -> float:
    """The share of the first records with the most common number of cells, if that is above one.

    With spaces all must agree, since spaces separate the words of any text.
    """
    widths = Counter(map(len, _first(lines, dialect, _AGREED)))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    share = count / widths.total() if width > 1 else 0.0
    return share if dialect.delimiter != " " or share == 1 else 0.0


def _first(lines: Iterable[str], dialect: Dialect, count: int) -> list[list[str]]:
    """The first records, as far as they can be read; errors are raised when the file is read."""
    rows: list[list[str]] = []
    with suppress(CsvError):
        rows.extend(cells for _, cells in islice(records(lines, dialect), count))
    return rows


def _without_ends(lines: Iterable[str]) -> Iterator[str]:
    """The lines without trailing spaces, which would make one more cell."""
    return (line.rstrip() + "\n" if line != END else line for line in lines)
