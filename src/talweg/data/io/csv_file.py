"""Reads a CSV file of any dialect in blocks of rows."""

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
from talweg.errors import DataError, DataWarning, counted


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
        layout = checked(layout_of(rows, header, expected), rows, expected, where)
        return replace(csv, layout=layout)

    @property
    def width(self) -> int:
        """How many columns there are."""
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
            f"{self.file} has a header but no rows: {shown(self.layout.first)}. Add rows, or"
            " pass header=False (--no-header) if this line is a row."
        )

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows below the header, as columns. DataError: see `fault`."""
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
                raise self.fault() or AssertionError("the file changed while it was read") from None

    def _blocks(self, reader: Any, size: int) -> Iterator[list[list[str]]]:
        """Blocks of records, each with as many cells as there are columns."""
        line = reader.line_num
        while rows := list(islice(reader, size)):
            if reader.line_num - line > len(rows) and self._swallowed(rows):
                raise CsvError
            line = reader.line_num
            if rows := self._whole(rows):
                yield rows

    def _swallowed(self, rows: list[list[str]]) -> bool:
        """Whether a quote that was never closed made one cell of many rows."""
        return any(swallows(row, self.dialect) for row in rows)

    def _whole(self, rows: list[list[str]]) -> list[list[str]]:
        """The records without the end mark and, unless there is a single column, without blank
        ones. CsvError: a record of another width.
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
        """The rows of a single column, where a blank line is a missing cell, except at the end."""
        held = 0
        for rows in blocks:
            rows = [[]] * held + rows
            held = next((at for at, row in enumerate(reversed(rows)) if row), len(rows))
            if rows := [row or [""] for row in rows[: len(rows) - held]]:
                yield rows
        if held:
            lines = "a blank line" if held == 1 else f"{held} blank lines"
            warnings.warn(
                f'{self.file} ends in {lines}, not counted as rows. Write "" for a missing cell.',
                DataWarning,
                2,
            )

    def fault(self) -> DataError | None:
        """What is wrong with the file, and on which line; reads it again, record by record."""
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
                f"{self.file}, line {line + self.skipped}: {reason}. Check for a quote that is "
                "never closed."
            )
        except UnicodeDecodeError as error:
            return undecodable(self.file, error)
        return None

    def _ragged(self, line: int, cells: Sequence[str], first: int) -> DataError:
        return DataError(
            f"{self.file}, line {line}: {counted(len(cells), 'cell')}, but {self.width} were"
            f" expected, as on line {first} (delimiter {self.dialect.delimiter!r}). Correct the"
            " line, or put quotes around cells that contain the delimiter."
        )

    def _first_line(self) -> int:
        with opened(self.file, self.encoding) as text:
            lines = islice(text, self.skipped, None)
            return next(records(lines, self.dialect))[0] + self.skipped
