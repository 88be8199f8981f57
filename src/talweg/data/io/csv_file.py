"""A CSV file of any dialect, as blocks of rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, ClassVar

from talweg.data.columns.column_builder import BLOCK, FEWEST, Block
from talweg.data.columns.expected import Expected
from talweg.data.columns.values import ValueType
from talweg.data.io.dialect import (
    END,
    SAMPLE,
    CsvError,
    Dialect,
    is_blank,
    records,
    sniff,
    swallows,
)
from talweg.data.io.files import Source
from talweg.data.io.layout import Layout, checked, layout_of, shown
from talweg.data.io.opening import opened, undecodable
from talweg.errors import DataError, DataWarning


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose dialect and layout are known."""

    file: Source
    encoding: str
    dialect: Dialect
    skipped: int  # lines before the first record that say how the file is written
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
        """The file with this `sample` of `SAMPLE` letters, or fewer where it ends before."""
        skipped = int(sample[:4].lower() == "sep=")  # Excel's own word for the delimiter
        if len(sample) == SAMPLE:
            sample = sample[: sample.rfind("\n") + 1] or sample
        body = sample.partition("\n")[2] if skipped else sample
        dialect, rows = sniff(body)
        found = CsvFile(file, encoding, dialect, skipped, Layout(False, ()))
        if not rows:
            raise found.fault() or DataError(f"{file} is empty. Give a file with at least one row.")
        where = f"{file}, line {found._first_line()}"
        return replace(
            found, layout=checked(layout_of(rows, header, expected), rows, expected, where)
        )

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.layout.first)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by name, or by position."""
        return self.layout.names

    @property
    def delimiter(self) -> str:
        """What parts the cells."""
        return self.dialect.delimiter

    @property
    def no_rows(self) -> str:
        """What to say of a file without any."""
        return (
            f"{self.file} has a header but no rows: {shown(self.layout.first)}. Add rows, or"
            " pass header=False (--no-header) if this line is one."
        )

    def blocks(self) -> Iterator[Block]:
        """The rows below the header, so many at a time, as columns. DataError: see `fault`."""
        size = max(BLOCK // self.width, FEWEST)
        with opened(self.file, self.encoding) as text:
            reader = self.dialect.reader(chain(islice(text, self.skipped, None), [END]))
            try:
                if self.layout.header:
                    next(cells for cells in reader if not is_blank(cells))
                blocks = self._blocks(reader, size)
                for rows in self._single(blocks) if self.width == 1 else blocks:
                    yield list(zip(*rows, strict=True))
            except (CsvError, UnicodeDecodeError):
                raise self.fault() or AssertionError("what was refused is read now") from None

    def _blocks(self, reader: Any, size: int) -> Iterator[list[list[str]]]:
        """The records, so many at a time, each with as many cells as there are columns."""
        line = reader.line_num
        while rows := list(islice(reader, size)):
            if reader.line_num - line > len(rows) and self._swallowed(rows):
                raise CsvError
            line = reader.line_num
            if rows := self._whole(rows):
                yield rows

    def _swallowed(self, rows: list[list[str]]) -> bool:
        """Whether an open quote made one cell of many rows."""
        return any(swallows(row, self.dialect) for row in rows)

    def _whole(self, rows: list[list[str]]) -> list[list[str]]:
        """The records that fit, the mark of the end taken off; blank ones are left out, but where
        there is one column.
        """
        if rows[-1] and rows[-1][-1].endswith(END):
            if rows[-1] != [END]:
                raise CsvError
            rows.pop()
        if any(len(row) != self.width for row in rows):
            rows = [self.layout.fitted(row) for row in rows if self.width == 1 or not is_blank(row)]
            if any(len(row) != self.width for row in rows if row or self.width > 1):
                raise CsvError
        return rows

    def _single(self, blocks: Iterator[list[list[str]]]) -> Iterator[list[list[str]]]:
        """The rows of the only column: a blank line is a missing cell, but for those at the end."""
        held = 0
        for rows in blocks:
            rows = [[]] * held + rows
            held = next((at for at, row in enumerate(reversed(rows)) if row), len(rows))
            if rows := [row or [""] for row in rows[: len(rows) - held]]:
                yield rows
        if held:
            lines = (
                "a blank line, which counts" if held == 1 else f"{held} blank lines, which count"
            )
            warnings.warn(
                f'{self.file} ends in {lines} as no row. Where the cell is missing, write "" for'
                " it.",
                DataWarning,
                2,
            )

    def fault(self) -> DataError | None:
        """What is wrong with the file, and on which line: it is read anew, record by record."""
        line, first = 1, 0
        try:
            with opened(self.file, self.encoding) as text:
                lines = islice(text, self.skipped, None)
                for line, cells in records(lines, self.dialect):
                    fits = len(self.layout.fitted(cells)) == self.width
                    if not fits and (first or not self.layout.header):
                        return self._ragged(line + self.skipped, cells, first)
                    first = first or line + self.skipped
        except CsvError as error:
            reason, line = error.args
            return DataError(
                f"{self.file}, line {line + self.skipped}: {reason}. Is a quote opened there and"
                " never closed?"
            )
        except UnicodeDecodeError as error:
            return undecodable(self.file, error)
        return None

    def _ragged(self, line: int, cells: Sequence[str], first: int) -> DataError:
        found = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
        return DataError(
            f"{self.file}, line {line}: {found}, but {self.width} were expected, as on line"
            f" {first} (cells parted by {self.dialect.delimiter!r}). Correct the line, or put"
            " quotes around a cell that holds the delimiter."
        )

    def _first_line(self) -> int:
        with opened(self.file, self.encoding) as text:
            lines = islice(text, self.skipped, None)
            return next(records(lines, self.dialect))[0] + self.skipped
