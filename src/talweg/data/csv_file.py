"""A CSV file of any dialect, as blocks of rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import ClassVar

from talweg.data.dialect import END, SAMPLE, Dialect, has_header, is_blank, records, sniff
from talweg.data.files import Source
from talweg.data.growing import BLOCK, FEWEST, Block
from talweg.data.opening import encoding_of, opened
from talweg.data.table import check_names
from talweg.data.values import ValueType
from talweg.errors import DataError


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose dialect is known."""

    file: Source
    encoding: str
    dialect: Dialect
    header: bool
    first: tuple[str, ...]  # the first record
    skipped: int  # lines before it that say how the file is written
    types: ClassVar[Mapping[str, ValueType]] = {}  # text has none
    unfit: ClassVar[Mapping[str, str]] = {}

    @staticmethod
    def of(file: Source, header: bool | None) -> CsvFile:
        encoding = encoding_of(file)
        try:
            with opened(file, encoding) as text:
                sample = text.read(SAMPLE)
        except UnicodeDecodeError as error:
            raise _undecodable(file, error) from None
        skipped = int(sample[:4].lower() == "sep=")  # Excel's own word for the delimiter
        if len(sample) == SAMPLE:
            sample = sample[: sample.rfind("\n") + 1] or sample
        body = sample.partition("\n")[2] if skipped else sample
        dialect, rows = sniff(body)
        found = CsvFile(file, encoding, dialect, bool(header), (), skipped)
        if not rows:
            raise found.fault() or DataError(f"{file} is empty. Give a file with at least one row.")
        header = has_header(rows) if header is None else header
        # What R writes has a name for each column, and a nameless one before them.
        is_narrow = (
            header and len(rows) > 2 and {len(row) - 1 for row in rows[1:]} == {len(rows[0])}
        )
        first = ["", *rows[0]] if is_narrow else rows[0]
        found = replace(found, header=header, first=tuple(first))
        check_names(found.names, f"{file}, line {found._first_line()},")
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by name, or by position; one without a name as pandas calls it."""
        if not self.header:
            return tuple(map(str, range(len(self.first))))
        return tuple(name or f"Unnamed: {place}" for place, name in enumerate(self.first))

    @property
    def delimiter(self) -> str:
        """What parts the cells."""
        return self.dialect.delimiter

    @property
    def no_rows(self) -> str:
        """What to say of a file without any."""
        return (
            f"{self.file} has a header but no rows: {', '.join(self.first[:5])}. Add rows, or"
            " pass header=False (--no-header) if this line is one."
        )

    def blocks(self) -> Iterator[Block]:
        """The rows below the header, so many at a time, as columns. DataError: see `fault`."""
        width = len(self.first)
        size = max(BLOCK // width, FEWEST)
        with opened(self.file, self.encoding) as text:
            reader = self.dialect.reader(chain(islice(text, self.skipped, None), [END]))
            try:
                if self.header:
                    next(cells for cells in reader if not is_blank(cells))
                while rows := list(islice(reader, size)):
                    if rows := self._whole(rows, width):
                        yield list(zip(*rows, strict=True))
            except (csv.Error, UnicodeDecodeError):
                raise self.fault() or AssertionError("what was refused is read now") from None

    def _whole(self, rows: list[list[str]], width: int) -> list[list[str]]:
        """The records that are not blank, the mark of the end taken off."""
        if rows[-1] and rows[-1][-1].endswith(END):
            if rows[-1] != [END]:
                raise csv.Error
            rows.pop()
        if width == 1 or any(len(row) != width for row in rows):
            rows = [row for row in rows if not is_blank(row)]
            if any(len(row) != width for row in rows):
                raise csv.Error
        return rows

    def fault(self) -> DataError | None:
        """What is wrong with the file, and on which line: it is read anew, record by record."""
        width, line, first = len(self.first), 1, 0
        try:
            with opened(self.file, self.encoding) as text:
                lines = islice(text, self.skipped, None)
                for line, cells in records(lines, self.dialect):
                    if len(cells) != width and (first or not self.header):
                        return self._ragged(line + self.skipped, cells, width, first)
                    first = first or line + self.skipped
        except csv.Error as error:
            reason, line = error.args
            return DataError(
                f"{self.file}, line {line + self.skipped}: {reason}. Is a quote opened there and"
                " never closed?"
            )
        except UnicodeDecodeError as error:
            return _undecodable(self.file, error)
        return None

    def _ragged(self, line: int, cells: Sequence[str], width: int, first: int) -> DataError:
        found = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
        return DataError(
            f"{self.file}, line {line}: {found}, but {width} were expected, as on line"
            f" {first} (cells parted by {self.dialect.delimiter!r}). Correct the line, or put"
            " quotes around a cell that holds the delimiter."
        )

    def _first_line(self) -> int:
        with opened(self.file, self.encoding) as text:
            lines = islice(text, self.skipped, None)
            return next(records(lines, self.dialect))[0] + self.skipped


def _undecodable(file: Source, error: UnicodeDecodeError) -> DataError:
    return DataError(
        f"{file} begins as {error.encoding} but is not so throughout ({error.reason}). It is"
        " damaged or cut short: copy it again, or save it in UTF-8."
    )
