"""Builds columns while a table is read, in memory that does not grow with the rows.

Words are stored as 4-byte codes, and columns of many distinct numbers or dates as float64. Beyond
`IN_MEMORY` bytes per table, they are in temporary files that are mapped into memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from talweg.data.columns.cells import (
    NAN_OF,
    Cells,
    Floats,
    Moments,
    Numbers,
    Words,
    is_missing,
    number,
    plain,
)
from talweg.data.columns.dates import FEW_ODD, seconds, styles_of
from talweg.data.columns.numerals import COMMA, POINT, Tally, are_coded, cleaned, numeral
from talweg.data.columns.values import is_long
from talweg.scratch import Scratch

BLOCK = 2**13  # cells read at a time: 200,000 x 10 take 1.6 s, and 2.4 s with 2**17 (caches)
FEWEST = 2**6  # rows read at a time: with 5 rows of 1,500 columns, a cell takes three times as long
IN_MEMORY = 2**28  # bytes of a table in memory; the rest goes to the folder of TMPDIR
WRITTEN = 2**16  # bytes of a column written at a time
_PART = 2**16  # rows of a column read back at a time
MOST_WORDS = 2**18  # distinct texts kept per column, some 40 MB; all others become one text
MOST_NUMERALS = 2**12  # distinct numbers kept as text, so that 007 stays 007
OTHER = "(one of many others)"
_SOME = 2**8  # texts that are checked first, to see whether most are numbers

Block = Sequence[Sequence[str] | Floats]  # some rows, column by column


class Shelf:
    """Stores arrays in memory up to a limit, and beyond it in temporary files."""

    def __init__(self) -> None:
        self._bytes = 0

    def holds(self, size: int) -> bool:
        """Whether another `size` bytes fit into memory; counts them."""
        self._bytes += size
        return self._bytes <= IN_MEMORY

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An uninitialized array, in memory or mapped from a file."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if self.holds(size) or not size:
            return np.empty(shape, dtype)
        scratch = Scratch()
        scratch.allocate(size)
        return scratch.mapped(dtype, shape)

    def keep(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array itself, or its copy mapped from a file."""
        if self.holds(array.nbytes) or not array.nbytes:
            return array
        scratch = Scratch()
        scratch.append(np.ascontiguousarray(array))
        return scratch.mapped(array.dtype, array.shape)


class _Concatenated:
    """A sequence of arrays of one dtype, concatenated.

    Arrays are copied into a buffer that doubles when it is full. Reading 1.3 million rows of 30
    columns takes 370 MB that way, and 600 MB with a list of arrays that is joined at the end.
    """

    def __init__(self, dtype: DTypeLike, shelf: Shelf) -> None:
        self._room, self._shelf = np.empty(0, dtype), shelf
        self._scratch: Scratch | None = None
        self._rows = self._written = 0

    def append(self, part: NDArray[Any]) -> None:
        start = self._rows - self._written
        end = start + len(part)
        if end > len(self._room):
            room = np.empty(max(end, 2 * len(self._room)), self._room.dtype)
            room[:start] = self._room[:start]
            self._room = room
        self._room[start:end] = part
        self._rows += len(part)
        if not self._shelf.holds(part.nbytes) and self._in_memory.nbytes >= WRITTEN:
            self._write()

    @property
    def _in_memory(self) -> NDArray[Any]:
        return self._room[: self._rows - self._written]

    def _write(self) -> None:
        """Move the part in memory to the file."""
        self._scratch = self._scratch or Scratch()
        self._scratch.append(self._in_memory)
        self._room, self._written = np.empty(0, self._room.dtype), self._rows

    def __iter__(self) -> Iterator[NDArray[Any]]:
        if self._scratch:
            written = self._scratch.mapped(self._room.dtype, (self._written,))
            for start in range(0, self._written, _PART):
                yield written[start : start + _PART]
        yield self._in_memory

    def joined(self) -> NDArray[Any]:
        if self._scratch:
            self._write()
            return self._scratch.mapped(self._room.dtype, (self._rows,))
        return self._in_memory


class _Codes(dict[str, int]):
    """The code of each text as it is in the file; looking up a new text gives it a code."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self.full = False

    def __missing__(self, cell: str) -> int:
        if self.full and len(self) >= 2 * MOST_WORDS:  # free text, which is not an input
            return self.levels[OTHER]
        level = cell.strip()
        if level not in self.levels and len(self.levels) >= MOST_WORDS:
            self.full = True
            return self.levels.setdefault(OTHER, len(self.levels))
        code = self.levels.setdefault(level, len(self.levels))
        if len(self) < 2 * MOST_WORDS:
            self[cell] = code
        return code


class _DateBuilder:
    """Dates, read in every style that may apply, since only later dates may decide which does."""

    def __init__(self, styles: Sequence[str], shelf: Shelf) -> None:
        self._readings = {style: _Concatenated(np.float64, shelf) for style in styles}

    def add(self, texts: Sequence[str], coded: Iterable[NDArray[np.int32]] | None = None) -> None:
        """Append cells that are stripped, or parts of cells as codes of these texts."""
        absent = [is_missing(text, vague=True) for text in texts]
        for style, parts in self._readings.items():
            moments = np.array([seconds(text, style) for text in texts])
            moments[np.isnan(moments)] = np.inf
            moments[absent] = np.nan
            for part in [moments] if coded is None else (moments[codes] for codes in coded):
                parts.append(part)

    def cells(self) -> Cells:
        readings = {style: parts.joined() for style, parts in self._readings.items()}
        rows = len(next(iter(readings.values())))
        good = {
            style: moments
            for style, moments in readings.items()
            if np.count_nonzero(np.isinf(moments)) <= FEW_ODD * rows
        }
        return Moments(good) if good else _texts(rows)


class _NumberBuilder:
    """Numbers, read by every decimal mark that may apply, since later numbers may decide which
    does.

    Whole numbers have a single reading until the first number with a mark.
    """

    def __init__(self, shelf: Shelf, tally: Tally, mark: str = "") -> None:
        self._shelf, self.tally = shelf, tally
        self._is_open = not mark and not tally.is_sure
        first = mark or tally.mark()
        self._readings = {first: _Concatenated(np.float64, shelf)}
        if tally.short and self._is_open:
            self._read_both_ways()

    def add_levels(self, levels: Sequence[str], coded: Iterable[NDArray[np.int32]]) -> None:
        """Append parts of cells as codes of texts that the tally has counted."""
        for mark, parts in self._readings.items():
            values = np.array([self._value(level, mark) for level in levels] or [0.0])
            for codes in coded:
                parts.append(values[codes])

    def add(self, cells: Sequence[str] | Floats) -> None:
        """Append cells that the tally has not counted."""
        if isinstance(cells, np.ndarray):
            read = dict.fromkeys(self._readings, cells)
        else:
            joined = "".join(cells)
            if self._is_open and (POINT in joined or COMMA in joined):
                self._look(cells)
            read = {mark: self._read(cells, joined, mark) for mark in self._readings}
            self._refuse(cells, next(iter(read.values())))
        for mark, parts in self._readings.items():
            parts.append(read[mark])

    def cells(self, *, is_known: bool) -> Cells:
        """The whole column; `is_known` says that it holds numbers, whatever its texts."""
        readings = {mark: parts.joined() for mark, parts in self._readings.items()}
        first = next(iter(readings.values()))
        self.tally.numbers = int(np.count_nonzero(~np.isnan(first))) - self.tally.others
        if not self.tally.odd and (is_known or [*readings] == [POINT]):
            return first
        if is_known or self.tally.is_numeric:
            return Numbers(readings, self.tally)
        return _texts(len(first), tuple(self.tally.odd.items()))

    def _read_both_ways(self) -> None:
        """Start a reading by the other mark; so far both give the same numbers."""
        (mark,) = self._readings
        other = COMMA if mark == POINT else POINT
        parts = self._readings[other] = _Concatenated(np.float64, self._shelf)
        for part in self._readings[mark]:
            parts.append(part)

    def _look(self, cells: Sequence[str]) -> None:
        """Tally the cells that have a mark."""
        for cell in map(str.strip, cells):
            if (POINT in cell or COMMA in cell) and (written := numeral(cell)):
                self.tally.note(cell, written)
        mark = self.tally.mark()
        if self.tally.is_sure and self.tally.shown[mark] > MOST_NUMERALS:
            self._is_open = False
            self._readings = {mark: self._readings.get(mark, self._readings[POINT])}
        elif len(self._readings) == 1:
            self._read_both_ways()

    def _read(self, cells: Sequence[str], joined: str, mark: str) -> Floats:
        """The cells as numbers: NaN for missing cells, infinite for other text."""
        # float() also accepts 1_000 and the digits of other scripts
        plain_text = joined.isascii() and "_" not in joined
        if not plain_text or (POINT in joined and mark != POINT):
            return np.array([self._value(cell.strip(), mark) for cell in cells])
        with suppress(ValueError):
            return np.fromiter(map(float, cells), np.float64, len(cells))
        with suppress(ValueError):  # some are empty: 250 ns a cell, and 330 one by one
            spelled = [NAN_OF.get(cell, cell) for cell in cells]
            return np.fromiter(map(float, spelled), np.float64, len(cells))
        return np.array([self._float(cell, mark) for cell in cells])

    def _float(self, cell: str, mark: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return self._value(cell.strip(), mark)

    @staticmethod
    def _value(text: str, mark: str) -> float:
        value = number(cleaned(text, mark))
        return value if value == value or is_missing(text, vague=True) else np.inf

    def _refuse(self, cells: Sequence[str], values: Floats) -> None:
        """Tally the cells that are not numbers."""
        for row in np.flatnonzero(np.isinf(values)).tolist():
            text = cells[row].strip()
            if numeral(text) is None:
                self.tally.refuse(text)


def _texts(rows: int, odd: tuple[tuple[str, int], ...] = ()) -> Words:
    """A column of too many distinct texts, which is not an input."""
    return Words(np.zeros(rows, np.int32), (OTHER,), full=True, odd=odd)


class ColumnBuilder:
    """One column under construction: words, until it turns out to hold many distinct numbers, or
    more distinct dates than are kept as words.

    If the column is known to hold numbers (`number`), with a known decimal `mark`, other text
    counts as unknown from the start.
    """

    def __init__(self, shelf: Shelf, *, number: bool = False, mark: str = POINT) -> None:
        self._shelf, self._is_known = shelf, number
        self._codes = _Codes()
        self._parts = _Concatenated(np.int32, shelf)
        self._numbers = _NumberBuilder(shelf, Tally(), mark) if number else None
        self._dates: _DateBuilder | None = None
        self._next_look = MOST_NUMERALS
        self._is_filling = True  # whether there is still room for more words

    def add(self, cells: Sequence[str] | Floats) -> None:
        """Append cells: texts or float64."""
        if isinstance(cells, np.ndarray):
            if not self._numbers and len(self._codes) == 0:
                self._numbers = _NumberBuilder(self._shelf, Tally(), POINT)
            cells = cells if self._numbers else [plain(value) for value in cells.tolist()]
        if self._numbers:
            self._numbers.add(cells)
            return
        assert not isinstance(cells, np.ndarray)
        if self._dates:
            self._dates.add([cell.strip() for cell in cells])
            return
        if len(cells) > MOST_NUMERALS:  # so that a column of numbers is recognized early
            self.add(cells[:MOST_NUMERALS])
            self.add(cells[MOST_NUMERALS:])
            return
        if self._is_filling and len(self._codes.levels) + len(cells) > MOST_WORDS:
            self._is_filling = False
            if self._becomes_dates() or self._becomes_numbers(at_last=True):
                self.add(cells)
                return
        codes = map(self._codes.__getitem__, cells)
        self._parts.append(np.fromiter(codes, np.int32, len(cells)))
        if len(self._codes.levels) > self._next_look:
            self._next_look = 2 * len(self._codes.levels)
            self._becomes_numbers()

    def cells(self) -> Cells:
        """The whole column."""
        if self._dates:
            return self._dates.cells()
        if self._numbers:
            return self._numbers.cells(is_known=self._is_known)
        return Words(self._parts.joined(), tuple(self._codes.levels), self._codes.full)

    @property
    def tally(self) -> Tally | None:
        """How numbers are written; None for words, which have a tally of their own."""
        return self._numbers.tally if self._numbers else None

    def _present(self) -> list[str]:
        return [text for text in self._codes.levels if not is_missing(text, vague=True)]

    def _becomes_dates(self) -> bool:
        if not (styles := [*styles_of(dict.fromkeys(self._present(), 1))]):
            return False
        self._dates, levels = _DateBuilder(styles, self._shelf), list(self._codes.levels)
        self._dates.add(levels, self._parts)
        self._codes = _Codes()
        return True

    def _becomes_numbers(self, *, at_last: bool = False) -> bool:
        """Switch to numbers if nearly all texts are numbers, they are not codes such as 007, and
        none is so long that float64 merges it with others. `at_last`, when there is no room for
        more words, a majority of numbers suffices; all cells decide in the end.
        """
        levels = list(self._codes.levels)
        some = levels[:: 1 + len(levels) // _SOME]
        if 2 * sum(map(bool, map(numeral, some))) < len(some):  # counting all free text is slow
            return False
        counts = (np.bincount(codes, minlength=len(levels)) for codes in self._parts)
        rows = sum(counts, np.zeros(len(levels), np.int64)).tolist()
        known = [not is_missing(level, vague=True) for level in levels]
        pairs = [*compress(zip(levels, rows, strict=True), known)]
        tally = Tally.of(pairs, math.inf if at_last else sum(rows))
        if not (tally.numbers > tally.others if at_last else tally.is_nearly_all):
            return False
        if not at_last and (are_coded(dict(pairs)) or any(map(is_long, levels))):
            return False
        self._numbers = _NumberBuilder(self._shelf, tally)
        self._numbers.add_levels(levels, self._parts)
        self._parts, self._codes = _Concatenated(np.int32, self._shelf), _Codes()
        return True


class UnreadColumn:
    """A column that is not needed, or whose cells no network can use for the reason `why`."""

    tally = None

    def __init__(self, why: str = "") -> None:
        self._rows, self._why = 0, why

    def add(self, cells: Sequence[str] | Floats) -> None:
        self._rows += len(cells)

    def cells(self) -> Cells:
        return Words.unfit(self._rows, self._why)
