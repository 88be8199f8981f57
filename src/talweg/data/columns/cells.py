"""The cells of a column: numbers, or words, each different text kept once."""

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

# Compared in lower case; of Excel, of SQL, and of C on Windows.
_MISSING = (
    "? na n/a n.a. <na> nan nat null (null) <null> [null] -nan nan(ind) -nan(ind) \\n #n/a #na"
    " #value! #div/0! #ref! #name? #num! #null! 1.#ind -1.#ind 1.#qnan -1.#qnan"
)
_VAGUE = (
    "none nil unknown unk missing (missing) blank (blank) empty (empty) n.d. nd n/d n.v. k.a. tbd"
    " - -- --- \u2013 \u2014 \u2212 . .. ... \u2026 * **"
)
MISSING = frozenset(["", "#n/a n/a", *_MISSING.split()])
# Missing among numbers and dates; among words they may well be an answer, and are one more word.
VAGUE = frozenset(["not available", "not applicable", "no data", *_VAGUE.split()])
SPELT = dict.fromkeys((text for each in MISSING | VAGUE for text in (each, each.upper())), "nan")
LARGEST = 1e38  # float32 ends at 3.4e38: what lies beyond counts as infinite

_HELD, _SHARE_HELD = 10, 0.01  # rows at the end of a range, beyond which more would lie


@dataclass(frozen=True, eq=False)
class Words:
    """Cells of text (N,): a code a row, and the text that each code stands for.

    Levels stand in the order in which they were first met. Where there were too many to keep,
    the column is `full`, and the last level stands for all that found no place. Of cells that no
    network can use, `why` is a sentence that says so.

    The levels of a number column are numbers as Python writes them, read by its decimal `mark`
    ("" for a column of words), but for those with a unit, as in "5 %"; `raw` has them as the cells
    did, where that differs. `odd` names the cells of a full column that are no numbers, where the
    others are, and counts them.
    """

    codes: Codes
    levels: tuple[str, ...]
    full: bool = False
    why: str = ""
    raw: tuple[str, ...] = ()
    mark: str = ""
    odd: tuple[tuple[str, int], ...] = ()
    kept: dict[bool, tuple[Floats, Mask]] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(items: Iterable[str]) -> Words:
        """The words of texts that are stripped already."""
        places: dict[str, int] = {}
        codes = [places.setdefault(item, len(places)) for item in items]
        return Words(np.array(codes, dtype=np.int32), tuple(places))

    @staticmethod
    def unfit(rows: int, why: str) -> Words:
        """So many cells that no network can use."""
        return Words(np.zeros(rows, np.int32), ("",), full=True, why=why)

    @property
    def in_use(self) -> Words:
        """With the levels alone that occur, where rows are fewer than levels."""
        if len(self.codes) >= len(self.levels):
            return self
        used, codes = np.unique(self.codes, return_inverse=True)
        places = used.tolist()
        levels = tuple(self.levels[each] for each in places)
        raw = tuple(self.raw[each] for each in places) if self.raw else ()
        return Words(codes.astype(np.int32), levels, raw=raw, mark=self.mark)

    def under(self, mark: str) -> Words:
        """The same cells, their numbers read by this decimal mark; as they are written for ""."""
        if mark == self.mark:
            return self
        raw = self.raw or self.levels
        levels = tuple(cleaned(each, mark, keeps_unit=True) for each in raw)
        found = replace(self, levels=levels, raw=raw if levels != raw else (), mark=mark, kept={})
        found.__dict__["tally"] = self.tally  # of the same cells, as they are written
        return found

    def read(self, vague: bool) -> tuple[Floats, Mask]:
        """The levels as numbers, NaN where they are none, and which of them say that a cell is
        missing; kept, since a wide table asks for them time and again.
        """
        if vague not in self.kept:
            values = _numbers(self.raw or self.levels, self.mark)
            absent = np.zeros(len(values), np.bool_)
            for place in np.flatnonzero(np.isnan(values)).tolist():
                absent[place] = is_missing(self.levels[place], vague=vague)
            self.kept[vague] = values, absent
        return self.kept[vague]

    @cached_property
    def tally(self) -> Tally:
        """How the numbers among the cells are written."""
        return Tally.of(self._present(), len(self))

    def _present(self) -> Iterator[tuple[str, int]]:
        """Each text as it is written, and how often; those for what is missing left out."""
        counts = np.bincount(self.codes, minlength=len(self.levels)).tolist()
        for each, count in zip(self.raw or self.levels, counts, strict=True):
            if count and not is_missing(each, vague=True):
                yield each, count

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
        """How often each text occurs, in the order of levels; those that do not are left out."""
        found: dict[str, int] = {}
        counts = np.bincount(self.codes, minlength=len(self.levels)).tolist()
        for each, count in zip(self.levels, counts, strict=True):
            if count:  # two texts may be one number: 1.0 and 1,0
                found[each] = found.get(each, 0) + count
        return found


@dataclass(frozen=True, eq=False)
class Readings:
    """Cells of more different texts than are kept, as numbers (N,): NaN where a cell is missing,
    infinite for what is none.

    There is a reading by each style that the cells may be written in, the likeliest first.
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
        return self.each(lambda values: values[rows])

    def each(self, change: Callable[[Floats], Floats]) -> Self:
        """With each reading changed."""
        found = {style: change(values) for style, values in self.readings.items()}
        return replace(self, readings=found)

    def under(self, style: str) -> Self:
        """With the reading by this style first, if there is one."""
        if style not in self.readings or style == self.style:
            return self
        return replace(self, readings={style: self.readings[style], **self.readings})


class Moments(Readings):
    """Cells of many different dates: seconds since 1970, by the order of day, month and year."""

    @property
    def seconds(self) -> Floats:
        return self.values

    def tolist(self) -> list[str]:
        return as_words(self).tolist()


@dataclass(frozen=True, eq=False)
class Numbers(Readings):
    """Cells of many different numbers, by their decimal mark, and the `tally` of how all of the
    column's cells are written.
    """

    tally: Tally = field(default_factory=Tally)

    def tolist(self) -> list[float]:
        found: list[float] = self.values.tolist()
        return found


Cells = Floats | Words | Moments | Numbers


def is_missing(cell: str, *, vague: bool = False) -> bool:
    """Whether the cell only says that nothing is known; `vague` words count among numbers."""
    low = cell.lower()
    return low in MISSING or (vague and low in VAGUE)


def missing_in(cells: Cells, *, vague: bool = False) -> int:
    """How many of the cells only say that nothing is known."""
    if isinstance(cells, Words):
        return sum(n for each, n in cells.counts.items() if is_missing(each, vague=vague))
    return int(np.isnan(cells.values if isinstance(cells, Readings) else cells).sum())


def number(cell: str) -> float:
    """The number that a cell spells, infinite beyond float32; NaN where it spells none."""
    if not NUMERAL.fullmatch(cell):
        return math.nan
    value = float(cell)
    return value if abs(value) <= LARGEST else math.copysign(math.inf, value)


def canonical(text: str) -> str:
    """One text for what is the same in another type: 1, "1.0" and True; a day and its midnight.

    >>> [canonical(each) for each in ("1.0", "TRUE", "2024-01-03T00:00", "red")]
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
    """1 for true and 0 for false, however they are written; else NaN."""
    return float(_TRUTHS.get(text.lower(), math.nan))


def places_of(levels: Sequence[str]) -> dict[str, int]:
    """The place of each level, and of its canonical text where no other level is written so."""
    found = {level: place for place, level in enumerate(levels)}
    for place, level in enumerate(levels):
        found.setdefault(canonical(level), place)
    return found


def _numbers(texts: Sequence[str], mark: str) -> Floats:
    """The number that each text spells by this decimal mark, NaN where it spells none."""
    joined = "".join(texts)  # float() takes 1_000 and the digits of other scripts as well
    if mark in ("", POINT) and joined.isascii() and "_" not in joined:
        with suppress(ValueError):  # 0.1 us a text, by `number` 1.5
            values = np.fromiter((float(SPELT.get(each, each)) for each in texts), np.float64)
            values[np.abs(values) > LARGEST] *= np.inf
            return values
    return np.array([number(cleaned(each, mark)) for each in texts], np.float64)


def as_cells(values: ArrayLike | Cells) -> Cells:
    """Any values (N,) as cells: numbers as float64, all else as stripped text, None as ""."""
    if isinstance(values, Words | Readings):
        return values
    found = as_numbers_or_texts(values)
    if not isinstance(found, list):
        return found
    words = Words.of(found)
    return settled(words, words.tally)


def tally_of(cells: Cells) -> Tally:
    """How the numbers in the cells are written; nothing of numbers that are known as such."""
    return cells.tally if isinstance(cells, Words | Numbers) else Tally()


def settled(cells: Cells, tally: Tally, habit: str = POINT) -> Cells:
    """The cells with the numbers of a number column read by its decimal mark, or by the `habit` of
    the file where the column does not tell it.
    """
    if isinstance(cells, Words) and tally.is_numeric:
        return cells.under(tally.mark(habit))
    return cells.under(tally.mark(habit)) if isinstance(cells, Numbers) else cells


def under(cells: Cells, mark: str) -> Cells:
    """The cells with their numbers read by the decimal mark that a model was trained with."""
    return cells.under(mark) if isinstance(cells, Words | Numbers) else cells


def mark_of(cells: Cells) -> str:
    """The decimal mark that the cells are read by; "" for a column of words."""
    if isinstance(cells, Words):
        return cells.mark
    return cells.style if isinstance(cells, Numbers) else POINT


def texts(cells: Cells) -> list[str]:
    """The cells as text, numbers in their plain form."""
    if isinstance(cells, Words | Moments):
        return cells.tolist()
    return [plain(value) for value in cells.tolist()]


def as_words(cells: Cells) -> Words:
    """The cells as words, numbers in their plain form, many dates in their style."""
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
    """The cells as numbers (N,), NaN where they are none, and which are missing (N,)."""
    if isinstance(cells, Words):  # each different text is read once
        values, absent = cells.read(vague)
        return values[cells.codes], absent[cells.codes]
    if isinstance(cells, Moments):
        return np.full(len(cells), np.nan), np.isnan(cells.seconds)
    values = (cells.values if isinstance(cells, Numbers) else cells).astype(np.float64)
    values[np.abs(values) > LARGEST] = np.inf
    return values, np.isnan(values)


def parse_numbers(cells: Cells) -> tuple[Floats, Mask]:
    """As `parse`; vague words are missing where all else makes a number column."""
    values, missing = parse(cells, vague=True)
    return (values, missing) if are_numbers(values[~missing]) else parse(cells)


def are_numbers(values: Floats) -> bool:
    """Whether parsed cells, the missing ones left out, make a number column."""
    unreadable = np.count_nonzero(np.isnan(values))
    few = unreadable == 0 or unreadable < UNREADABLE * len(values)
    return bool(few and np.isfinite(values).any())


def mean_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the finite values; 0 and 1 where there is no spread."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    mean, scale = float(finite.mean()), float(finite.std())
    # Equal values may leave a rest of rounding, which must not be blown up to a spread.
    return mean, scale if scale > 1e-13 * float(np.abs(finite).max()) else 1.0


def ends(values: Floats) -> tuple[float | None, float | None]:
    """The lowest and the highest number that a column can hold, None where it may well go beyond.

    An end that 10 rows and 1 % of all hold exactly is one, as of what is capped, or measured at few
    places: more such rows would lie beyond it if any could. So is 0 where no number is negative: of
    n + 1 rows in random order, the last is the only one below it with a probability of at most
    1 / (n + 1).

    >>> ends(np.array([3.0, 0.5, 9.0])), ends(np.array([-1.0] + 20 * [5.0]))
    ((0.0, None), (None, 5.0))
    """
    lowest, highest = float(values.min()), float(values.max())
    held = max(_HELD, _SHARE_HELD * len(values))
    low, high = (np.count_nonzero(values == each) >= held for each in (lowest, highest))
    return (
        lowest if low else 0.0 if lowest >= 0 else None,
        highest if high else 0.0 if highest <= 0 else None,
    )
