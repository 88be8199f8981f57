"""How a CSV file is written: what parts its cells, and quotes them."""

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

SNIFFED = 1000  # records that a dialect and a header are judged by
SAMPLE = 2**20  # characters that hold them

# The comma comes after those that rarely stand inside of cells: where two fit all lines alike,
# it stands inside of them (1,5;2,5). Spaces come last: they stand inside of most texts.
_DELIMITERS = ("\t", ";", "|", ",", " ")
_AGREED = 100  # records that the delimiter is judged by
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])\s*'[^'\n]*'\s*(?:[,;\t|\r]|$)", re.M)
_ESCAPED = re.compile(r'\\"')
END = "\0"  # a line of its own after the text, which holds none: an open quote swallows it


_SWALLOWED = 100  # lines in a cell that look like rows, from which on its quote was never closed
_MOST_LOOKED_AT = 1000  # of these lines
_NEARLY_ALL = 0.9


def _own_csv() -> Any:
    """Python's reader, loaded once more: `csv.field_size_limit` is one limit for all threads and
    libraries of a process, and it refuses texts of more than 131,072 letters.
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
    """How cells are parted, quoted and escaped."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None

    def reader(self, lines: Iterable[str]) -> Any:
        """Python's own reader of such lines."""
        return _CSV.reader(
            _without_ends(lines) if self.delimiter == " " else lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=True,
        )


def records(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line that it starts on.

    CsvError: what the reader refuses, and the line on which that record starts.
    """
    reader = dialect.reader(chain(lines, [END]))
    start = 1
    try:
        for cells in reader:
            if cells == [END]:
                return
            if cells and cells[-1].endswith(END):
                raise CsvError("the file ends inside of a cell")
            if reader.line_num - start > _SWALLOWED and swallows(cells, dialect):
                raise CsvError(f"a cell runs to line {reader.line_num}, over lines that are rows")
            if not is_blank(cells):
                yield start, cells
            start = reader.line_num + 1
    except CsvError as error:
        raise CsvError(str(error), start) from None


def swallows(cells: Sequence[str], dialect: Dialect) -> bool:
    """Whether a cell holds many lines, nearly all with as many cells as the record itself."""
    for cell in cells:
        inner = [*io.StringIO(cell, newline="")][1:-1]  # the lines as the reader counts them
        if len(inner) >= _SWALLOWED and len(cells) > 1:
            widths = [len(each) for each in dialect.reader(inner[:_MOST_LOOKED_AT])]
            return widths.count(len(cells)) >= _NEARLY_ALL * len(widths)
    return False


def is_blank(cells: Sequence[str]) -> bool:
    """Whether a record is an empty line, or one of spaces."""
    return not cells or (len(cells) == 1 and not cells[0].strip())


def sniff(sample: str) -> tuple[Dialect, list[list[str]]]:
    """The dialect that the first records agree on best, and these records, without the spaces
    around cells.
    """
    lines = list(io.StringIO(sample, newline=""))
    candidates = [Dialect(each, *marks) for marks in _quoting(sample) for each in _DELIMITERS]
    agreement = {each: _agreement(lines, each) for each in candidates}
    best = max(candidates, key=agreement.__getitem__)
    best = best if agreement[best] else Dialect()
    rows = _first(lines, best, SNIFFED)
    return best, [[cell.strip() for cell in row] for row in rows]


def _quoting(sample: str) -> list[tuple[str, str | None]]:
    """The marks of quoting and escaping to try, the usual ones first."""
    escape = "\\" if _ESCAPED.search(sample) else None
    quotes = "'\"" if '"' not in sample and _SINGLE_QUOTED.search(sample) else '"'
    marks: list[tuple[str, str | None]] = [(each, None) for each in quotes]
    return marks + ([('"', escape)] if escape else [])


def _agreement(lines: Sequence[str], dialect: Dialect) -> float:
    """The share of the first records that agree on one number of cells, above one.

    Spaces must agree throughout: they part the words of any text.
    """
    widths = Counter(map(len, _first(lines, dialect, _AGREED)))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    share = count / widths.total() if width > 1 else 0.0
    return share if dialect.delimiter != " " or share == 1 else 0.0


def _first(lines: Iterable[str], dialect: Dialect, count: int) -> list[list[str]]:
    """The first records, as far as they can be read: what is wrong is said when all is read."""
    found: list[list[str]] = []
    with suppress(CsvError):
        found.extend(cells for _, cells in islice(records(lines, dialect), count))
    return found


def _without_ends(lines: Iterable[str]) -> Iterator[str]:
    """The lines without spaces at their ends, which would part off one more cell."""
    return (line.rstrip() + "\n" if line != END else line for line in lines)
