"""Columns that grow while a table is read, in memory that does not grow with the rows.

Words are kept as codes of 4 bytes; a column of many different numbers or dates as float64. Beyond
`IN_MEMORY` bytes, they lie in a temporary file that is mapped into memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import DTypeLike, NDArray

from talweg.data.columns import (
    MISSING,
    VAGUE,
    Cells,
    Floats,
    Moments,
    Words,
    is_missing,
    number,
    plain,
)
from talweg.data.dates import FEW_ODD, seconds, styles_of

BLOCK = 2**13  # cells read at a time: 200,000 x 10 take 1.6 s, with 2**17 2.4 (caches)
FEWEST = 2**6  # rows at a time: of 1,500 columns, 5 rows take three times as long a cell
IN_MEMORY = 2**28  # bytes of a table; more go to the folder that TMPDIR names
WRITTEN = 2**16  # bytes of a column at a time
MOST_WORDS = 2**18  # different texts of a column, some 40 MB of them; more are one more text
MOST_NUMERALS = 2**12  # different numbers that are kept as text, so that 007 stays what it is
OTHER = "(one of many others)"

Block = Sequence[Sequence[str] | Floats]  # one piece of each column

_POINT = "1.234"  # a thousand and more where a comma stands before decimals
_SPELT = dict.fromkeys((text for each in MISSING | VAGUE for text in (each, each.upper())), "nan")
_CODED_ZERO = "0"  # codes such as 01234 begin with it; numbers such as 0.5 have a point behind it


class Shelf:
    """Where arrays lie: in memory, and once they are many in a folder that goes with them."""

    def __init__(self) -> None:
        self._bytes = 0
        self._files = 0
        self._folder = ""

    def holds(self, size: int) -> bool:
        """Whether so many more bytes still go to memory."""
        self._bytes += size
        return self._bytes <= IN_MEMORY

    def file(self) -> Path:
        """A new place for a file."""
        if not self._folder:
            self._folder = mkdtemp(prefix="talweg-")
            finalize(self, rmtree, self._folder, ignore_errors=True)
        self._files += 1
        return Path(self._folder, str(self._files))

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array to be written, in memory or mapped."""
        if self.holds(int(np.prod(shape)) * np.dtype(dtype).itemsize):
            return np.empty(shape, dtype)
        return mapped(self.file(), dtype, shape, mode="w+")

    def keep(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array that was made in memory, where it then lies."""
        if self.holds(array.nbytes):
            return array
        file = self.file()
        array.tofile(file)
        return mapped(file, array.dtype, array.shape)


def mapped(file: Path, dtype: DTypeLike, shape: tuple[int, ...], mode: Any = "r+") -> NDArray[Any]:
    """The array in a file, which has no name any more where a file can live without."""
    array = np.asarray(np.memmap(file, dtype, mode, shape=shape))
    if os.name == "posix":
        file.unlink()
    return array


class _Parts:
    """Arrays of one dtype, one after another.

    They are copied into one that doubles when it is full: kept as many small ones and joined at
    the end, 1.3 million rows of 30 columns took 600 MB to read, so 370.
    """

    def __init__(self, dtype: DTypeLike, shelf: Shelf) -> None:
        self._room, self._shelf = np.empty(0, dtype), shelf
        self._file: Path | None = None
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
        """Move what is in memory to the file."""
        self._file = self._file or self._shelf.file()
        with self._file.open("ab") as stream:
            self._in_memory.tofile(stream)
        self._room, self._written = np.empty(0, self._room.dtype), self._rows

    def __iter__(self) -> Iterator[NDArray[Any]]:
        if self._file:
            with self._file.open("rb") as stream:
                while len(part := np.fromfile(stream, self._room.dtype, 2**16)):
                    yield part
        yield self._in_memory

    def joined(self) -> NDArray[Any]:
        if self._file:
            self._write()
            return mapped(self._file, self._room.dtype, (self._rows,))
        return self._in_memory


class _Places(dict[str, int]):
    """The code of each text as it stands in the file; a new one is given when asked for."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self.levels: dict[str, int] = {}
        self.full = False

    def __missing__(self, cell: str) -> int:
        if self.full and len(self) >= 2 * MOST_WORDS:  # a column of texts, which is no input
            return self.levels[OTHER]
        level = self._clean(cell)
        if level not in self.levels and len(self.levels) >= MOST_WORDS:
            self.full = True
            return self.levels.setdefault(OTHER, len(self.levels))
        place = self.levels.setdefault(level, len(self.levels))
        if len(self) < 2 * MOST_WORDS:
            self[cell] = place
        return place


class _GrowingDates:
    """Dates, read in each style that they may be written in: later ones tell which it is."""

    def __init__(self, styles: Sequence[str], shelf: Shelf) -> None:
        self._readings = {style: _Parts(np.float64, shelf) for style in styles}

    def add(self, texts: Sequence[str], coded: Iterable[NDArray[np.int32]] | None = None) -> None:
        """The next cells, stripped; or parts of cells as codes among these texts."""
        absent = [is_missing(each, vague=True) for each in texts]
        for style, parts in self._readings.items():
            found = np.array([seconds(each, style) for each in texts])
            found[np.isnan(found)] = np.inf
            found[absent] = np.nan
            for each in [found] if coded is None else (found[codes] for codes in coded):
                parts.append(each)

    def cells(self) -> Cells:
        readings = {style: parts.joined() for style, parts in self._readings.items()}
        rows = len(next(iter(readings.values())))
        good = {
            style: each
            for style, each in readings.items()
            if np.count_nonzero(np.isinf(each)) <= FEW_ODD * rows
        }
        return Moments(good) if good else _texts(rows)


def _texts(rows: int) -> Words:
    """A column of many different texts, which is no input."""
    return Words(np.zeros(rows, np.int32), (OTHER,), full=True)


class GrowingColumn:
    """One column: words, until there are many different numbers and nothing else, or more
    different dates than are kept as words.

    Of a column that is known to be a `number`, all that is none counts as unknown.
    """

    def __init__(
        self, shelf: Shelf, clean: Callable[[str], str] = str.strip, *, number: bool = False
    ) -> None:
        self._shelf, self._clean, self._known = shelf, clean, number
        self._as_written = clean(_POINT) == _POINT
        self._places = _Places(clean)
        self._parts = _Parts(np.int32, shelf)
        self._numbers = False
        self._dates: _GrowingDates | None = None
        self._odd = 0
        self._next_look = MOST_NUMERALS
        self._is_filling = True  # whether it may still come to more words than are kept
        if number:
            self._as_numbers()

    def add(self, cells: Sequence[str] | Floats) -> None:
        """The next cells: texts, or float64."""
        if isinstance(cells, np.ndarray):
            if not self._numbers and len(self._places) == 0:
                self._as_numbers()
            cells = cells if self._numbers else [plain(each) for each in cells.tolist()]
        if self._numbers:
            self._parts.append(cells if isinstance(cells, np.ndarray) else self._read(cells))
            return
        if self._dates:
            self._dates.add([self._clean(each) for each in cells])
            return
        if len(cells) > MOST_NUMERALS:  # so that a column of numbers is soon found out
            self.add(cells[:MOST_NUMERALS])
            self.add(cells[MOST_NUMERALS:])
            return
        if self._is_filling and len(self._places.levels) + len(cells) > MOST_WORDS:
            self._is_filling = False
            if styles := [*styles_of(dict.fromkeys(self._present(), 1))]:
                self._as_dates(styles)
                self.add(cells)
                return
        codes = map(self._places.__getitem__, cells)
        self._parts.append(np.fromiter(codes, np.int32, len(cells)))
        if len(self._places.levels) > self._next_look:
            self._next_look = 2 * len(self._places.levels)
            if all(map(_is_plain_number, self._places.levels)):
                self._as_numbers()

    def cells(self) -> Cells:
        """The whole column."""
        if self._dates:
            return self._dates.cells()
        if not self._numbers:
            levels = tuple(self._places.levels)
            return Words(self._parts.joined(), levels, self._places.full)
        values = self._parts.joined()
        if self._odd > len(values) / 100 and not self._known:  # words among many numbers
            return _texts(len(values))
        return values

    def _present(self) -> list[str]:
        return [each for each in self._places.levels if not is_missing(each, vague=True)]

    def _as_dates(self, styles: Sequence[str]) -> None:
        self._dates, levels = _GrowingDates(styles, self._shelf), list(self._places.levels)
        self._dates.add(levels, self._parts)
        self._places = _Places(self._clean)

    def _as_numbers(self) -> None:
        values = np.array([number(level) for level in self._places.levels] or [0.0])
        parts = _Parts(np.float64, self._shelf)
        for codes in self._parts:
            parts.append(values[codes])
        self._parts, self._numbers, self._places = parts, True, _Places(self._clean)

    def _read(self, cells: Sequence[str]) -> Floats:
        """The cells as numbers, NaN for missing; infinite for what is neither, as unknown."""
        joined = "".join(cells)  # float() takes 1_000 and the digits of other scripts as well
        plain_text = joined.isascii() and "_" not in joined
        if not plain_text or ("." in joined and not self._as_written):
            return np.array([self._one(cell) for cell in cells])
        with suppress(ValueError):
            return np.fromiter(map(float, cells), np.float64, len(cells))
        with suppress(ValueError):  # where some are empty: 250 ns a cell, one by one 330
            spelt = [_SPELT.get(cell, cell) for cell in cells]
            return np.fromiter(map(float, spelt), np.float64, len(cells))
        return np.fromiter(map(self._float, cells), np.float64, len(cells))

    def _float(self, cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return self._one(cell)

    def _one(self, cell: str) -> float:
        text = self._clean(cell)
        value = number(text)
        if value == value or is_missing(text, vague=True):
            return value
        self._odd += 1
        return np.inf


class UnreadColumn:
    """A column that nobody asks for, or whose cells no network can use, as `why` says."""

    def __init__(self, why: str = "") -> None:
        self._rows, self._why = 0, why

    def add(self, cells: Sequence[str] | Floats) -> None:
        self._rows += len(cells)

    def cells(self) -> Cells:
        return Words.unfit(self._rows, self._why)


def _is_plain_number(level: str) -> bool:
    """Whether the text says no more than the number does: 0.5 or nothing, but not 007."""
    digits = level.lstrip("+-")
    coded = digits[:1] == _CODED_ZERO and digits[1:2].isdigit()
    return not coded and (number(level) == number(level) or is_missing(level, vague=True))
