"""A CSV file: the detection of its dialect, and its rows in blocks."""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec, module_from_spec
from itertools import chain, islice
from typing import Any, ClassVar

from talweg.data.columns.column_builder import BLOCK, FEWEST, Block
from talweg.data.columns.expected import Expected
from talweg.data.columns.values import ValueType
from talweg.data.io.files import Source
from talweg.data.io.layout import Layout, check_layout, first_cells, layout_of
from talweg.data.io.opening import LONGEST_LINE, decoding_error, open_text
from talweg.errors import DataError, DataWarning, counted

SNIFFED = 1000  # records from which the dialect and the header are detected
SAMPLE = 2**20  # characters read for these records

# If two delimiters fit all lines equally well, the first one wins. The comma comes after those that
# are rarer inside cells (1,5;2,5), and the space, which most texts contain, comes last.
_DELIMITERS = ("\t", ";", "|", ",", " ")
_AGREED = 100  # records from which the delimiter is chosen
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])\s*'[^'\n]*'\s*(?:[,;\t|\r]|$)", re.M)
_ESCAPED = re.compile(r'\\"')
END = "\0"  # appended as the last line, which an unclosed quote swallows; text never contains it

_SWALLOWED = 100  # a cell with this many lines that look like rows has an unclosed quote
_MOST_CHECKED = 1000  # of these lines
_NEARLY_ALL = 0.9  # of them have as many cells as the record


def _copy_of_csv_module() -> Any:
    """A second copy of Python's CSV module: `csv.field_size_limit` is one limit for the process,
    which by default refuses cells of more than 131,072 characters.
    """
    spec = find_spec("_csv")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(LONGEST_LINE)
    return module


_CSV = _copy_of_csv_module()
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
            _without_trailing_spaces(lines) if self.delimiter == " " else lines,
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
            widths = [len(row) for row in dialect.reader(inner[:_MOST_CHECKED])]
            return widths.count(len(cells)) >= _NEARLY_ALL * len(widths)
    return False


def is_blank(cells: Sequence[str]) -> bool:
    """Whether a record is an empty line or a line of spaces."""
    return not cells or (len(cells) == 1 and not cells[0].strip())


def sniff(sample: str) -> tuple[Dialect, list[list[str]]]:
    """The dialect in which most of the first records have the same number of cells, and these
    records with their cells stripped.
    """
    lines = list(io.StringIO(sample, newline=""))
    quoting = _quotes_to_try(sample)
    candidates = [Dialect(delimiter, *marks) for marks in quoting for delimiter in _DELIMITERS]
    agreement = {dialect: _agreement(lines, dialect) for dialect in candidates}
    best = max(candidates, key=agreement.__getitem__)
    best = best if agreement[best] else Dialect()
    rows = _first_records(lines, best, SNIFFED)
    return best, [[cell.strip() for cell in row] for row in rows]


def _quotes_to_try(sample: str) -> list[tuple[str, str | None]]:
    """The quote and escape characters to try, the usual ones first."""
    escape = "\\" if _ESCAPED.search(sample) else None
    quotes = "'\"" if '"' not in sample and _SINGLE_QUOTED.search(sample) else '"'
    marks: list[tuple[str, str | None]] = [(quote, None) for quote in quotes]
    return marks + ([('"', escape)] if escape else [])


def _agreement(lines: Sequence[str], dialect: Dialect) -> float:
    """The share of the first records with the most common number of cells, if that is above one.

    With spaces all must agree, since spaces separate the words of any text.
    """
    widths = Counter(map(len, _first_records(lines, dialect, _AGREED)))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    share = count / widths.total() if width > 1 else 0.0
    return share if dialect.delimiter != " " or share == 1 else 0.0


def _first_records(lines: Iterable[str], dialect: Dialect, count: int) -> list[list[str]]:
    """The first records, up to an error; reading the whole file raises it again."""
    rows: list[list[str]] = []
    with suppress(CsvError):
        rows.extend(cells for _, cells in islice(records(lines, dialect), count))
    return rows


def _without_trailing_spaces(lines: Iterable[str]) -> Iterator[str]:
    """The lines without trailing spaces, which would add an empty cell."""
    return (line.rstrip() + "\n" if line != END else line for line in lines)


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose dialect and layout are known."""

    file: Source
    encoding: str
    dialect: Dialect
    skipped: int  # lines before the first record that describe the file
    layout: Layout
    types: ClassVar[Mapping[str, ValueType]] = {}  # text has none
    unfit: ClassVar[Mapping[str, str]] = {}

    @staticmethod
    def of(
        file: Source,
        encoding: str,
        sample: str,
        header: bool | None = None,
        expected: Expected | None = None,
    ) -> CsvFile:
        """The file that begins with `sample`: `SAMPLE` characters, or all if there are fewer."""
        skipped = int(sample[:4].lower() == "sep=")  # how Excel declares the delimiter
        if len(sample) == SAMPLE:
            sample = sample[: sample.rfind("\n") + 1] or sample
        body = sample.partition("\n")[2] if skipped else sample
        dialect, rows = sniff(body)
        csv = CsvFile(file, encoding, dialect, skipped, Layout(False, ()))
        if not rows:
            raise csv.fault() or DataError(f"{file} is empty. Give a file with at least one row.")
        where = f"{file}, line {csv._first_line()}"
        layout = check_layout(layout_of(rows, header, expected), rows, expected, where)
        return replace(csv, layout=layout)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.layout.first)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, or their positions."""
        return self.layout.names

    @property
    def delimiter(self) -> str:
        """The character between cells."""
        return self.dialect.delimiter

    @property
    def no_rows(self) -> str:
        """The message for a file without rows."""
        return (
            f"{self.file} has a header but no rows: {first_cells(self.layout.first)}. Add rows, or"
            " pass header=False (--no-header) if this line is a row."
        )

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows below the header, as columns. DataError: see `fault`."""
        size = max(BLOCK // self.width, FEWEST)
        with open_text(self.file, self.encoding) as text:
            reader = self.dialect.reader(chain(islice(text, self.skipped, None), [END]))
            try:
                if self.layout.header:
                    next(cells for cells in reader if not is_blank(cells))
                blocks = self._blocks(reader, size)
                for rows in self._single_column(blocks) if self.width == 1 else blocks:
                    yield list(zip(*rows, strict=True))
            except (CsvError, UnicodeDecodeError):
                raise self.fault() or AssertionError("the file changed while it was read") from None

    def _blocks(self, reader: Any, size: int) -> Iterator[list[list[str]]]:
        """Blocks of records, each with as many cells as there are columns."""
        line = reader.line_num
        while rows := list(islice(reader, size)):
            if reader.line_num - line > len(rows) and self._swallowed(rows):
                raise CsvError
            line = reader.line_num
            if rows := self._complete(rows):
                yield rows

    def _swallowed(self, rows: list[list[str]]) -> bool:
        """Whether a quote that was never closed made one cell of many rows."""
        return any(swallows(row, self.dialect) for row in rows)

    def _complete(self, rows: list[list[str]]) -> list[list[str]]:
        """The records without the end mark and, unless there is a single column, without blank
        ones. CsvError: a record of another width.
        """
        if rows[-1] and rows[-1][-1].endswith(END):
            if rows[-1] != [END]:
                raise CsvError
            rows.pop()
        if any(len(row) != self.width for row in rows):
            rows = [self.layout.trim(row) for row in rows if self.width == 1 or not is_blank(row)]
            if any(len(row) != self.width for row in rows if row or self.width > 1):
                raise CsvError
        return rows

    def _single_column(self, blocks: Iterator[list[list[str]]]) -> Iterator[list[list[str]]]:
        """The rows of a single column, where a blank line is a missing cell, except at the end."""
        held = 0
        for rows in blocks:
            rows = [[]] * held + rows
            held = next((at for at, row in enumerate(reversed(rows)) if row), len(rows))
            if rows := [row or [""] for row in rows[: len(rows) - held]]:
                yield rows
        if held:
            lines = "a blank line, which is" if held == 1 else f"{held} blank lines, which are"
            warnings.warn(
                f'{self.file} ends with {lines} ignored. Write "" for a missing cell.',
                DataWarning,
                2,
            )

    def fault(self) -> DataError | None:
        """What is wrong with the file, and on which line; reads it again, record by record."""
        line, first = 1, 0
        try:
            with open_text(self.file, self.encoding) as text:
                lines = islice(text, self.skipped, None)
                for line, cells in records(lines, self.dialect):
                    fits = len(self.layout.trim(cells)) == self.width
                    if not fits and (first or not self.layout.header):
                        return self._width_error(line + self.skipped, cells, first)
                    first = first or line + self.skipped
        except CsvError as error:
            reason, line = error.args
            return DataError(
                f"{self.file}, line {line + self.skipped}: {reason}. Check for a quote that is "
                "never closed."
            )
        except UnicodeDecodeError as error:
            return decoding_error(self.file, error)
        return None

    def _width_error(self, line: int, cells: Sequence[str], first: int) -> DataError:
        return DataError(
            f"{self.file}, line {line}: {counted(len(cells), 'cell')}, but {self.width} were"
            f" expected, as on line {first} (delimiter {self.dialect.delimiter!r}). Correct the"
            " line, or put quotes around cells that contain the delimiter."
        )

    def _first_line(self) -> int:
        with open_text(self.file, self.encoding) as text:
            lines = islice(text, self.skipped, None)
            return next(records(lines, self.dialect))[0] + self.skipped
