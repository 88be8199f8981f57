"""How a CSV file is written: what parts its cells, and quotes them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from talweg.data.columns import Words, is_missing
from talweg.data.numerals import numeral

SNIFFED = 1000  # records that a dialect and a header are judged by
SAMPLE = 2**20  # characters that hold them

# The comma comes after those that rarely stand inside of cells: where two fit all lines alike,
# it stands inside of them (1,5;2,5). Spaces come last: they stand inside of most texts.
_DELIMITERS = ("\t", ";", "|", ",", " ")
_AGREED = 100  # records that the delimiter is judged by
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])\s*'[^'\n]*'\s*(?:[,;\t|\r]|$)", re.M)
_ESCAPED = re.compile(r'\\"')
END = "\0"  # a line of its own after the text, which holds none: an open quote swallows it


@dataclass(frozen=True)
class Dialect:
    """How cells are parted, quoted and escaped."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None

    def reader(self, lines: Iterable[str]) -> Any:
        """Python's own reader of such lines."""
        return csv.reader(
            _without_ends(lines) if self.delimiter == " " else lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=True,
        )


def records(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line that it starts on.

    csv.Error: what the reader refuses, and the line on which that record starts.
    """
    reader = dialect.reader(chain(lines, [END]))
    start = 1
    try:
        for cells in reader:
            if cells == [END]:
                return
            if cells and cells[-1].endswith(END):
                raise csv.Error("the file ends inside of a cell")
            if not is_blank(cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(str(error), start) from None


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


def has_header(rows: Sequence[list[str]]) -> bool:
    """Whether the first row names the columns: words above numbers, or words met nowhere below."""
    first, columns = rows[0], list(zip(*rows[1:], strict=False))
    if any(numeral(cell) for cell in first):
        return False
    words = [not is_missing(cell) for cell in first]
    if any(word and _numeric(cells) for word, cells in zip(words, columns, strict=False)):
        return True
    unique = all(words) and len(set(first)) == len(first)
    met_below = any(cell in cells for cell, cells in zip(first, columns, strict=False))
    return unique and not met_below


def _numeric(cells: Sequence[str]) -> bool:
    return Words.of(cells).tally.is_numeric


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
    with suppress(csv.Error):
        found.extend(cells for _, cells in islice(records(lines, dialect), count))
    return found


def _without_ends(lines: Iterable[str]) -> Iterator[str]:
    """The lines without spaces at their ends, which would part off one more cell."""
    return (line.rstrip() + "\n" if line != END else line for line in lines)
