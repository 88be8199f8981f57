"""Columns that grow while a table is read, in memory that does not grow with the rows.

Words are kept as codes of 4 bytes; a column of many different numbers as float64. Beyond
`IN_MEMORY` bytes, they lie in a temporary file that is mapped into memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import DTypeLike, NDArray

from talweg.data.columns import Cells, Floats, Words, is_missing, number, plain

BLOCK = 2**13  # cells read at a time: 200,000 x 10 take 1.6 s, with 2**17 2.4 (caches)
IN_MEMORY = 2**28  # bytes of a table; more go to the folder that TMPDIR names
MOST_WORDS = 2**18  # different texts of a column, some 40 MB of them; more are one more text
MOST_NUMERALS = 2**12  # different numbers that are kept as text, so that 007 stays what it is
OTHER = "(one of many others)"

Block = Sequence[Sequence[str] | Floats]  # one piece of each column

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
    """Arrays of one dtype, one after another."""

    def __init__(self, dtype: DTypeLike, shelf: Shelf) -> None:
        self._dtype, self._shelf = np.dtype(dtype), shelf
        self._in_memory: list[NDArray[Any]] = []
        self._file: Path | None = None
        self._rows = 0

    def append(self, part: NDArray[Any]) -> None:
        self._rows += len(part)
        if self._shelf.holds(part.nbytes):
            self._in_memory.append(part)
            return
        self._file = self._file or self._shelf.file()
        with self._file.open("ab") as stream:
            for each in (*self._in_memory, part):
                each.tofile(stream)
        self._in_memory = []

    def __iter__(self) -> Iterator[NDArray[Any]]:
        if self._file:
            with self._file.open("rb") as stream:
                while len(part := np.fromfile(stream, self._dtype, 2**16)):
                    yield part
        yield from self._in_memory

    def joined(self) -> NDArray[Any]:
        if self._file:
            return mapped(self._file, self._dtype, (self._rows,))
        return np.concatenate([np.empty(0, self._dtype), *self._in_memory])


class _Places(dict[str, int]):
    """The code of each text as it stands in the file; a new one is given when asked for."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self.levels: dict[str, int] = {}
        self.full = False

    def __missing__(self, cell: str) -> int:
        level = self._clean(cell)
        if level not in self.levels and len(self.levels) >= MOST_WORDS:
            self.full = True
            return self.levels.setdefault(OTHER, len(self.levels))
        place = self.levels.setdefault(level, len(self.levels))
        if len(self) < 2 * MOST_WORDS:
            self[cell] = place
        return place


class GrowingColumn:
    """One column: words, until there are many different numbers and nothing else."""

    def __init__(self, shelf: Shelf, clean: Callable[[str], str] = str.strip) -> None:
        self._shelf, self._clean = shelf, clean
        self._places = _Places(clean)
        self._parts = _Parts(np.int32, shelf)
        self._numbers = False
        self._odd = 0
        self._next_look = MOST_NUMERALS

    def add(self, cells: Sequence[str] | Floats) -> None:
        """The next cells: texts, or float64."""
        if isinstance(cells, np.ndarray):
            if not self._numbers and len(self._places) == 0:
                self._as_numbers()
            cells = cells if self._numbers else [plain(each) for each in cells.tolist()]
        if self._numbers:
            self._parts.append(cells if isinstance(cells, np.ndarray) else self._read(cells))
            return
        if len(cells) > MOST_NUMERALS:  # so that a column of numbers is soon found out
            self.add(cells[:MOST_NUMERALS])
            self.add(cells[MOST_NUMERALS:])
            return
        codes = map(self._places.__getitem__, cells)
        self._parts.append(np.fromiter(codes, np.int32, len(cells)))
        if len(self._places.levels) > self._next_look:
            self._next_look = 2 * len(self._places.levels)
            if all(map(_is_plain_number, self._places.levels)):
                self._as_numbers()

    def cells(self) -> Cells:
        """The whole column."""
        if not self._numbers:
            levels = tuple(self._places.levels)
            return Words(self._parts.joined(), levels, self._places.full)
        values = self._parts.joined()
        if self._odd > len(values) / 100:  # words among many different numbers: text
            return Words(np.zeros(len(values), np.int32), (OTHER,), full=True)
        return values

    def _as_numbers(self) -> None:
        values = np.array([number(level) for level in self._places.levels] or [0.0])
        parts = _Parts(np.float64, self._shelf)
        for codes in self._parts:
            parts.append(values[codes])
        self._parts, self._numbers, self._places = parts, True, _Places(self._clean)

    def _read(self, cells: Sequence[str]) -> Floats:
        """The cells as numbers, NaN for missing; infinite for what is neither, as unknown."""
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            return np.array([self._one(cell) for cell in cells])
        joined = "".join(cells)  # float() takes 1_000 and the digits of other scripts as well
        plain_text = joined.isascii() and "_" not in joined
        return values if plain_text else np.array([self._one(cell) for cell in cells])

    def _one(self, cell: str) -> float:
        text = self._clean(cell)
        value = number(text)
        if value == value or is_missing(text, vague=True):
            return value
        self._odd += 1
        return np.inf


def _is_plain_number(level: str) -> bool:
    """Whether the text says no more than the number does: 0.5 or nothing, but not 007."""
    digits = level.lstrip("+-")
    coded = digits[:1] == _CODED_ZERO and digits[1:2].isdigit()
    return not coded and (number(level) == number(level) or is_missing(level, vague=True))
