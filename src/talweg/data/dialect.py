"""How a CSV file is written: what parts its cells, quotes them, and stands before decimals."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from talweg.data.columns import Words, are_numbers, is_missing, number, parse

SNIFFED = 1000  # records that a dialect and a header are judged by
SAMPLE = 2**20  # characters that hold them

# The comma comes after those that rarely stand inside of cells: where two fit all lines alike,
# it stands inside of them (1,5;2,5). Spaces come last: they stand inside of most texts.
_DELIMITERS = ("\t", ";", "|", ",", " ")
_AGREED = 100  # records that the delimiter is judged by
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])\s*'[^'\n]*'\s*(?:[,;\t|\r]|$)", re.M)
_ESCAPED = re.compile(r'\\"')
END = "\0"  # a line of its own after the text, which holds none: an open quote swallows it

# 1.234,5 and 1,234.5: groups of three, then at most one mark of decimals.
_WITH_COMMAS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_WITH_POINTS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?")
_WITH_SPACES = re.compile("[+-]?\\d{1,3}(?:[ '\u00a0\u202f]\\d{3})+(?:[.,]\\d*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_NOT_A_THOUSAND = re.compile(r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0\d*,\d+|\d{4,},\d+)")


@dataclass(frozen=True)
class Dialect:
    """How cells are parted, quoted and escaped, and which mark stands before decimals."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    decimal: str = "."

    def reader(self, lines: Iterable[str]) -> Any:
        """Python's own reader of such lines."""
        return csv.reader(
            _without_ends(lines) if self.delimiter == " " else lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=True,
        )

    @property
    def clean(self) -> Callable[[str], str]:
        """What makes a cell of a raw one: no spaces around, and numbers with a decimal point."""
        return _comma_to_point if self.decimal == "," else _without_thousands


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
    """The dialect that the first records agree on best, and these records, cleaned."""
    lines = list(io.StringIO(sample, newline=""))
    candidates = [Dialect(each, *marks) for marks in _quoting(sample) for each in _DELIMITERS]
    agreement = {each: _agreement(lines, each) for each in candidates}
    best = max(candidates, key=agreement.__getitem__)
    best = best if agreement[best] else Dialect()
    rows = _first(lines, best, SNIFFED)
    decimal = "," if _has_decimal_commas(chain.from_iterable(rows), best.delimiter) else "."
    dialect = Dialect(best.delimiter, best.quote, best.escape, decimal)
    return dialect, [[dialect.clean(cell) for cell in row] for row in rows]


def has_header(rows: Sequence[list[str]]) -> bool:
    """Whether the first row names the columns: words above numbers, or words met nowhere below."""
    first, columns = rows[0], list(zip(*rows[1:], strict=False))
    if any(not math.isnan(number(cell)) for cell in first):
        return False
    words = [not is_missing(cell) for cell in first]
    if any(word and _numeric(cells) for word, cells in zip(words, columns, strict=False)):
        return True
    unique = all(words) and len(set(first)) == len(first)
    met_below = any(cell in cells for cell, cells in zip(first, columns, strict=False))
    return unique and not met_below


def _numeric(cells: Sequence[str]) -> bool:
    values, missing = parse(Words.of(cells), vague=True)
    return are_numbers(values[~missing])


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


def _has_decimal_commas(cells: Iterable[str], delimiter: str) -> bool:
    """Whether 1,5 means one and a half: so it does unless all could be thousands (1,500)."""
    with_comma = [each for each in map(str.strip, cells) if "," in each]
    numerals = [each for each in with_comma if _DECIMAL_COMMA.fullmatch(each)]
    if any(_WITH_POINTS.fullmatch(each) for each in with_comma):
        return True
    if any(_NOT_A_THOUSAND.fullmatch(each) for each in numerals):
        return True
    # Semicolons part cells where commas stand before decimals.
    return delimiter == ";" and bool(numerals)


def _comma_to_point(cell: str) -> str:
    cell = cell.strip()
    if _DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(",", ".")
    if _WITH_POINTS.fullmatch(cell) or (_WITH_SPACES.fullmatch(cell) and "." not in cell):
        return re.sub("[. '\u00a0\u202f]", "", cell).replace(",", ".")
    return cell


def _without_thousands(cell: str) -> str:
    cell = cell.strip()
    if _WITH_COMMAS.fullmatch(cell):
        return cell.replace(",", "")
    if _WITH_SPACES.fullmatch(cell) and "," not in cell:
        return re.sub("[ '\u00a0\u202f]", "", cell)
    return cell


def _without_ends(lines: Iterable[str]) -> Iterator[str]:
    """The lines without spaces at their ends, which would part off one more cell."""
    return (line.rstrip() + "\n" if line != END else line for line in lines)
