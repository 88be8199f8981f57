"""The cells of a column: numbers, or words with each distinct text kept once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.data.columns.dates import written
from talweg.data.columns.numerals import NUMERAL, POINT, UNREADABLE, Tally, cleaned
from talweg.data.columns.values import Floats as Floats, as_numbers_or_texts, plain as plain
from talweg.lazy import cached_property

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

# Compared in lower case. They come from Excel, SQL, and C on Windows, among others.
_MISSING = (
    "? na n/a n.a. <na> nan nat null (null) <null> [null] -nan nan(ind) -nan(ind) \\n #n/a #na"
    " #value! #div/0! #ref! #name? #num! #null! 1.#ind -1.#ind 1.#qnan -1.#qnan"
)
_VAGUE = (
    "none nil unknown unk missing (missing) blank (blank) empty (empty) n.d. nd n/d n.v. k.a. tbd"
    " - -- --- \u2013 \u2014 \u2212 . .. ... \u2026 * **"
)
MISSING = frozenset(["", "#n/a n/a", *_MISSING.split()])
# Missing among numbers and dates. Among words they may be an answer, so there they are words.
VAGUE = frozenset(["not available", "not applicable", "no data", *_VAGUE.split()])
# What float() is to read instead of a text for a missing cell.
NAN_OF = dict.fromkeys((text for low in MISSING | VAGUE for text in (low, low.upper())), "nan")
LARGEST = 1e38  # float32 ends at 3.4e38; numbers beyond this count as infinite

_HELD, _SHARE_HELD = 10, 0.01  # rows with one value that make it the end of a range


@dataclass(frozen=True, eq=False)
class Words:
    """Cells of text (N,): one code per row, and the text of each code.

    Levels are in order of first occurrence. A column with too many levels to keep is `full`, and
    its last level stands for all texts that were not kept. If no network can use the cells, `why`
    is a sentence that says so.

    The levels of a number column are numbers as Python writes them, read by its decimal `mark`
    ("" for a column of words), except those with a unit such as "5 %". `raw` has the levels as the
    cells wrote them, if that differs. In a full column whose other cells are numbers, `odd` lists
    the texts that are not, with their counts.
    """

    codes: Codes
    levels: tuple[str, ...]
    full: bool = False
    why: str = ""
    raw: tuple[str, ...] = ()
    mark: str = ""
    odd: tuple[tuple[str, int], ...] = ()
    parsed: dict[bool, tuple[Floats, Mask]] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(items: Iterable[str]) -> Words:
        """The words of texts that are already stripped."""
        code_of: dict[str, int] = {}
        codes = [code_of.setdefault(item, len(code_of)) for item in items]
        return Words(np.array(codes, dtype=np.int32), tuple(code_of))

    @staticmethod
    def unfit(rows: int, why: str) -> Words:
        """Cells that no network can use, for the reason `why`."""
        return Words(np.zeros(rows, np.int32), ("",), full=True, why=why)

    @property
    def in_use(self) -> Words:
        """The same cells without unused levels, if there are more levels than rows."""
        if len(self.codes) >= len(self.levels):
            return self
        used, codes = np.unique(self.codes, return_inverse=True)
        kept = used.tolist()
        levels = tuple(self.levels[code] for code in kept)
        raw = tuple(self.raw[code] for code in kept) if self.raw else ()
        return Words(codes.astype(np.int32), levels, raw=raw, mark=self.mark)

    def read_by(self, mark: str) -> Words:
        """The same cells with numbers read by this decimal mark; for "", as they are written."""
        if mark == self.mark:
            return self
        raw = self.raw or self.levels
        levels = tuple(cleaned(text, mark, keeps_unit=True) for text in raw)
        words = replace(self, levels=levels, raw=raw if levels != raw else (), mark=mark, parsed={})
        words.__dict__["tally"] = self.tally  # the same cells as they are written
        return words

    def parse_levels(self, vague: bool) -> tuple[Floats, Mask]:
        """The levels as numbers, NaN for other text, and which levels mark a missing cell. The
        result is kept, since a wide table asks for it many times.
        """
        if vague not in self.parsed:
            values = _numbers(self.raw or self.levels, self.mark)
            absent = np.zeros(len(values), np.bool_)
            for code in np.flatnonzero(np.isnan(values)).tolist():
                absent[code] = is_missing(self.levels[code], vague=vague)
            self.parsed[vague] = values, absent
        return self.parsed[vague]

    @cached_property
    def tally(self) -> Tally:
        """How the numbers among the cells are written."""
        return Tally.of(self._present(), len(self))

    def _present(self) -> Iterator[tuple[str, int]]:
        """Each text as it is written, with its count; texts that mark missing cells left out."""
        counts = np.bincount(self.codes, minlength=len(self.levels)).tolist()
        for text, count in zip(self.raw or self.levels, counts, strict=True):
            if count and not is_missing(text, vague=True):
                yield text, count

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, rows: int) -> str: ...

    @overload
    def __getitem__(self, rows: NDArray[Any] | slice) -> Words: ...

    def __getitem__(self, rows: Any) -> str | Words:
        codes = self.codes[rows]
        return self.levels[codes] if codes.ndim == 0 else replace(self, codes=codes)

    def __iter__(self) -> Iterator[str]:
        return map(self.levels.__getitem__, self.codes.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.tolist(), dtype=object if dtype is None else dtype)

    def tolist(self) -> list[str]:
        return list(self)

    @property
    def counts(self) -> dict[str, int]:
        """How often each text occurs, in the order of the levels, without unused levels."""
        totals: dict[str, int] = {}
        counts = np.bincount(self.codes, minlength=len(self.levels)).tolist()
        for level, count in zip(self.levels, counts, strict=True):
            if count:  # two texts may be the same number: 1.0 and 1,0
                totals[level] = totals.get(level, 0) + count
        return totals


@dataclass(frozen=True, eq=False)
class Readings:
    """Cells with more distinct texts than are kept, as numbers (N,): NaN for missing cells, inf for
    unknown ones.

    There is one reading for each style that the cells may be written in, the likeliest first.
    """

    readings: Mapping[str, Floats]

    @property
    def style(self) -> str:
        return next(iter(self.readings))

    @property
    def values(self) -> Floats:
        return self.readings[self.style]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Self:
        return self.map(lambda values: values[rows])

    def map(self, change: Callable[[Floats], Floats]) -> Self:
        """The cells with every reading changed."""
        readings = {style: change(values) for style, values in self.readings.items()}
        return replace(self, readings=readings)

    def read_by(self, style: str) -> Self:
        """The cells with the reading by this style first, if there is one."""
        if style not in self.readings or style == self.style:
            return self
        return replace(self, readings={style: self.readings[style], **self.readings})


class Moments(Readings):
    """Cells with many distinct dates: seconds since 1970, by the order of day, month and year."""

    @property
    def seconds(self) -> Floats:
        return self.values

    def tolist(self) -> list[str]:
        return as_words(self).tolist()


@dataclass(frozen=True, eq=False)
class Numbers(Readings):
    """Cells with many distinct numbers, by decimal mark. `tally` says how the cells of the whole
    column are written.
    """

    tally: Tally = field(default_factory=Tally)

    def tolist(self) -> list[float]:
        numbers: list[float] = self.values.tolist()
        return numbers


Cells = Floats | Words | Moments | Numbers


def is_missing(cell: str, *, vague: bool = False) -> bool:
    """Whether a text marks a missing cell; `vague` adds words that do so among numbers only."""
    low = cell.lower()
    return low in MISSING or (vague and low in VAGUE)


def missing_in(cells: Cells, *, vague: bool = False) -> int:
    """How many cells are missing."""
    if isinstance(cells, Words):
        return sum(n for text, n in cells.counts.items() if is_missing(text, vague=vague))
    return int(np.isnan(cells.values if isinstance(cells, Readings) else cells).sum())


def number(cell: str) -> float:
    """The number in a text, infinite beyond float32; NaN for other text."""
    if not NUMERAL.fullmatch(cell):
        return math.nan
    value = float(cell)
    return value if abs(value) <= LARGEST else math.copysign(math.inf, value)


def canonical(text: str) -> str:
    """The same text for equal values of different types: 1, "1.0" and True; a day and its midnight.

    >>> [canonical(text) for text in ("1.0", "TRUE", "2024-01-03T00:00", "red")]
    ['1', '1', '2024-01-03', 'red']
    """
    value = number(text)
    if math.isfinite(value):
        return plain(value)
    if text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    return _MIDNIGHT.sub("", text)


_TRUTHS = {"true": "1", "false": "0"}
_MIDNIGHT = re.compile(r"(?<=\d)[T ]00:00(:00(\.0+)?)?$")


def truth_number(text: str) -> float:
    """1 for true and 0 for false, in any case; NaN for other text."""
    return float(_TRUTHS.get(text.lower(), math.nan))


def indices_of(levels: Sequence[str]) -> dict[str, int]:
    """The index of each level, and of its canonical text unless that is another level."""
    indices = {level: index for index, level in enumerate(levels)}
    for index, level in enumerate(levels):
        indices.setdefault(canonical(level), index)
    return indices


def _numbers(texts: Sequence[str], mark: str) -> Floats:
    """The number in each text by this decimal mark, NaN for other text."""
    joined = "".join(texts)  # float() also accepts 1_000 and the digits of other scripts
    if mark in ("", POINT) and joined.isascii() and "_" not in joined:
        with suppress(ValueError):  # 0.1 us a text; `number` takes 1.5
            values = np.fromiter((float(NAN_OF.get(text, text)) for text in texts), np.float64)
            values[np.abs(values) > LARGEST] *= np.inf
            return values
    return np.array([number(cleaned(text, mark)) for text in texts], np.float64)


def as_cells(values: ArrayLike | Cells) -> Cells:
    """Values (N,) of any type as cells: numbers as float64, others as stripped text, None as ""."""
    if isinstance(values, Words | Readings):
        return values
    converted = as_numbers_or_texts(values)
    if not isinstance(converted, list):
        return converted
    words = Words.of(converted)
    return read_by_tally(words, words.tally)


def tally_of(cells: Cells) -> Tally:
    """How the numbers in the cells are written; an empty tally for values that came as numbers."""
    return cells.tally if isinstance(cells, Words | Numbers) else Tally()


def read_by_tally(cells: Cells, tally: Tally, habit: str = POINT) -> Cells:
    """The cells of a number column read by the decimal mark that its tally shows, or by the `habit`
    of the file if it shows none; other cells as they are.
    """
    is_numeric = isinstance(cells, Numbers) or (isinstance(cells, Words) and tally.is_numeric)
    return read_by(cells, tally.mark(habit)) if is_numeric else cells


def read_by(cells: Cells, mark: str) -> Cells:
    """The cells with their numbers read by this decimal mark."""
    return cells.read_by(mark) if isinstance(cells, Words | Numbers) else cells


def mark_of(cells: Cells) -> str:
    """The decimal mark by which the cells are read; "" for a column of words."""
    if isinstance(cells, Words):
        return cells.mark
    return cells.style if isinstance(cells, Numbers) else POINT


def texts(cells: Cells) -> list[str]:
    """The cells as text, numbers in their plain form."""
    if isinstance(cells, Words | Moments):
        return cells.tolist()
    return [plain(value) for value in cells.tolist()]


def as_words(cells: Cells) -> Words:
    """The cells as words: numbers in their plain form, dates in the style of their column."""
    if isinstance(cells, Words):
        return cells
    numbers = cells.values if isinstance(cells, Readings) else cells
    values, codes = np.unique(numbers, return_inverse=True)
    if isinstance(cells, Moments):
        levels = tuple(_date(value, cells.style) for value in values.tolist())
    else:
        levels = tuple(map(plain, values.tolist()))
    return Words(codes.astype(np.int32), levels)


def _date(moment: float, style: str) -> str:
    if math.isfinite(moment):
        return written(moment, style)
    return "" if math.isnan(moment) else "(no date)"


def parse(cells: Cells, *, vague: bool = False) -> tuple[Floats, Mask]:
    """The cells as numbers (N,), NaN for other text, and which cells are missing (N,)."""
    if isinstance(cells, Words):  # each distinct text is parsed once
        values, absent = cells.parse_levels(vague)
        return values[cells.codes], absent[cells.codes]
    if isinstance(cells, Moments):
        return np.full(len(cells), np.nan), np.isnan(cells.seconds)
    values = (cells.values if isinstance(cells, Numbers) else cells).astype(np.float64)
    values[np.abs(values) > LARGEST] = np.inf
    return values, np.isnan(values)


def parse_numbers(cells: Cells) -> tuple[Floats, Mask]:
    """As `parse`; vague words count as missing if the other cells make a number column."""
    values, missing = parse(cells, vague=True)
    return (values, missing) if are_numbers(values[~missing]) else parse(cells)


def are_numbers(values: Floats) -> bool:
    """Whether parsed cells, without the missing ones, make a number column."""
    unreadable = np.count_nonzero(np.isnan(values))
    few = unreadable == 0 or unreadable < UNREADABLE * len(values)
    return bool(few and np.isfinite(values).any())


def mean_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the finite values; the scale is 1 without spread, the mean 0
    without values.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    mean, scale = float(finite.mean()), float(finite.std())
    # Rounding leaves a tiny deviation between equal values, which counts as none.
    return mean, scale if scale > 1e-13 * float(np.abs(finite).max()) else 1.0


def ends(values: Floats) -> tuple[float | None, float | None]:
    """The lowest and the highest number that a column can hold; None for an end that is open.

    A lowest or highest value is an end if at least 10 rows and 1 % of all rows equal it, as capped
    values do: if values could lie beyond, some of these rows would. 0 is an end if no number is
    negative: the last of n + 1 rows in random order is the only negative one with a probability of
    at most 1 / (n + 1).

    >>> ends(np.array([3.0, 0.5, 9.0])), ends(np.array([-1.0] + 20 * [5.0]))
    ((0.0, None), (None, 5.0))
    """
    lowest, highest = float(values.min()), float(values.max())
    held = max(_HELD, _SHARE_HELD * len(values))
    low, high = (np.count_nonzero(values == end) >= held for end in (lowest, highest))
    return (
        lowest if low else 0.0 if lowest >= 0 else None,
        highest if high else 0.0 if highest <= 0 else None,
    )
