"""Columns of durations, such as 1h 30m, 90 min, 2 days, 37:30:00 and PT1H30M, as seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, ClassVar, Self

import numpy as np

from talweg.data.columns.cells import (
    LARGEST,
    Cells,
    Floats,
    Mask,
    Words,
    is_missing,
    mean_and_scale,
    number,
    parse,
)
from talweg.data.columns.kinds.base import ColumnType, Evidence, Kind
from talweg.data.columns.kinds.number import named
from talweg.data.columns.kinds.scalar import ScalarColumn, standardizing
from talweg.data.columns.values import PLAIN_NUMBERS, as_text, number_text

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0  # seconds
YEAR = 365.2425 * DAY  # the mean year of the calendar; a month is a twelfth of it

_UNITS = {
    word: seconds
    for seconds, words in (
        (YEAR, "years year yrs yr y"),
        (YEAR / 12, "months month mos mo"),
        (7 * DAY, "weeks week wks wk w"),
        (DAY, "days day d"),
        (HOUR, "hours hour hrs hr h"),
        (MINUTE, "minutes minute mins min m"),
        (1.0, "seconds second secs sec s"),
        (1e-3, "milliseconds millisecond msecs msec ms"),
        (1e-6, "microseconds microsecond us \u00b5s \u03bcs"),
        (1e-9, "nanoseconds nanosecond ns"),
    )
    for word in words.split()
}
_DATE_UNITS = {"Y": YEAR, "M": YEAR / 12, "W": 7 * DAY, "D": DAY}  # of ISO 8601, before its T
_TIME_UNITS = {"H": HOUR, "M": MINUTE, "S": 1.0}
_SHOWN = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))

_AMOUNT = r"\d+(?:[.,]\d+)?"
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_PART = rf"({_AMOUNT})\s?({_UNIT})\.?(?![^\W\d_])"
_PARTS = re.compile(rf"-?\s?{_PART}(?:(?:,\s?|\s(?:and\s)?)?{_PART})*")
_CLOCK = re.compile(
    r"(?:(?P<days>-?\d+)\s(?:days?|d),?\s)?(?P<sign>[+-])?"
    r"(?P<hours>\d+):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d(?:[.,]\d+)?)"
)
_ISO = re.compile(
    "-?P(?=.)"
    + "".join(f"(?:{_AMOUNT}{unit})?" for unit in _DATE_UNITS)
    + "(?:T(?=.)"
    + "".join(f"(?:{_AMOUNT}{unit})?" for unit in _TIME_UNITS)
    + ")?"
)
_ISO_PART = re.compile(f"({_AMOUNT})([A-Z])")
_THOUSANDS = re.compile(r",\d{3}(?!\d)")  # 1,250 ms may be a second and more, or a little over 1 ms
_ALONE = re.compile(rf"-?\s?{_AMOUNT}\s?[ywdms]")  # may also be 2d, 10 m, 60w and 1980s
_TIME_OF_DAY = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d+)?")
_HOUR_AND_MINUTE = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_TWO_PARTS = re.compile(r"\d{1,3}:[0-5]\d(?:[.,]\d+)?")

_NAMES_DURATIONS = re.compile(
    r"duration|elapsed|latency|(?:run|lap|up|down|wait|waiting|travel|response|lead)[\W_]?times?$",
    re.I,
)
_FEW_ODD = 0.01  # the share of cells in a column of durations that may be something else
_CLEAR = 0.05  # the share of cells that can only be durations
_LONGEST = 60  # characters of a duration; longer text is not read
_CHECKED = 100  # texts that decide whether a column has clock times


@dataclass(frozen=True)
class DurationColumn(ScalarColumn):
    """A column of durations, as seconds."""

    kind: ClassVar[str] = "duration"
    unit: ClassVar[str] = "seconds"
    unknown_word: ClassVar[str] = "not a duration"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Self:
        return cls(name, *mean_and_scale(_amounts(cells)[0]))

    @property
    def use(self) -> str:
        return standardizing(duration_text(self.mean), duration_text(self.scale))

    def amounts(self, cells: Cells) -> tuple[Floats, Mask]:
        """Seconds (N,), finite where a cell is a duration, and which are missing (N,)."""
        return _amounts(cells)

    def reader(self, mark: str) -> Callable[[Any], float | None]:
        return _finite_seconds

    def text_of(self, amount: float) -> str:
        return duration_text(amount)


def _amounts(cells: Cells) -> tuple[Floats, Mask]:
    if not isinstance(cells, Words):  # spans of time come as numbers of seconds
        return parse(cells, vague=True)
    values = np.array([seconds_in(text) for text in cells.levels] or [math.nan])
    absent = np.array([is_missing(text, vague=True) for text in cells.levels] or [False])
    return values[cells.codes], absent[cells.codes]


def _finite_seconds(cell: Any) -> float | None:
    try:
        value = float(cell) if type(cell) in PLAIN_NUMBERS else seconds_in(as_text(cell))
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return value if abs(value) <= LARGEST else None


# Text to seconds, and back ----------------------------------------------------------------------


def seconds_in(text: str) -> float:
    """The seconds of a duration, NaN for other text; a bare number is one of seconds.

    >>> [seconds_in(text) for text in ("1h 30m", "90 min", "1 day, 1:30:00", "PT1H30M", "250 ms")]
    [5400.0, 5400.0, 91800.0, 5400.0, 0.25]
    """
    if len(text) > _LONGEST:
        return math.nan
    value = number(text)
    value = _written(text) if value != value else value
    return value if abs(value) <= LARGEST else math.nan


def _written(text: str) -> float:
    """The seconds of a duration on a clock, in ISO 8601 or with units."""
    if clock := _CLOCK.fullmatch(text):
        return _on_clock(clock)
    if _ISO.fullmatch(text):
        return _signed(text, _in_iso(text))
    folded = _folded(text)
    if not _PARTS.fullmatch(folded) or _THOUSANDS.search(text):
        return math.nan
    parts = re.findall(_PART, folded)
    units = [_UNITS[unit] for _, unit in parts]
    if not all(longer > shorter for longer, shorter in pairwise(units)):
        return math.nan
    return _signed(text, sum(_float(amount) * _UNITS[unit] for amount, unit in parts))


def _on_clock(clock: re.Match[str]) -> float:
    seconds = HOUR * int(clock["hours"]) + MINUTE * int(clock["minutes"]) + _float(clock["seconds"])
    return DAY * int(clock["days"] or 0) + (-seconds if clock["sign"] == "-" else seconds)


def _in_iso(text: str) -> float:
    date, _, time = text.partition("T")
    parts = ((date, _DATE_UNITS), (time, _TIME_UNITS))
    return sum(
        _float(amount) * units[unit]
        for part, units in parts
        for amount, unit in _ISO_PART.findall(part)
    )


def _signed(text: str, seconds: float) -> float:
    return -seconds if text.startswith("-") else seconds


def _folded(text: str) -> str:
    """The text with its words in lower case; a single capital, as in 2H, is not a unit."""
    return re.sub(r"[^\W\d_]{2,}", lambda word: word[0].lower(), text)


def _float(amount: str) -> float:
    return float(amount.replace(",", "."))


def duration_text(seconds: float) -> str:
    """A duration in its two largest units.

    >>> [duration_text(seconds) for seconds in (5400, 90061, 45.5, 0.25, -86400)]
    ['1 h 30 min', '1 d 1 h', '45.5 s', '250 ms', '-1 d']
    """
    sign, size = "-" if seconds < 0 else "", abs(seconds)
    index = next((index for index, (_, unit) in enumerate(_SHOWN) if size >= unit), None)
    if index is None or index >= 3:
        word, unit = _SHOWN[3 if size == 0 else -1 if index is None else index]
        return f"{sign}{number_text(size / unit)} {word}"
    rounded = round(size / _SHOWN[index + 1][1]) * _SHOWN[index + 1][1]
    if index and rounded >= _SHOWN[index - 1][1]:
        index -= 1
    (word, unit), (smaller, part) = _SHOWN[index : index + 2]
    whole, rest = divmod(rounded, unit)
    return f"{sign}{whole:.0f} {word}" + (f" {rest / part:.0f} {smaller}" if rest else "")


# The kind ---------------------------------------------------------------------------------------


def _recognize(column: Evidence) -> ColumnType | None:
    """Nearly all cells are durations, and some of them, or the name, leave no doubt."""
    if column.words.full:
        return None
    total = sum(column.texts.values())
    odd = _odd_texts(column.texts, most=int(_FEW_ODD * total))
    if odd is None or not total:
        return None
    clear = sum(
        count for text, count in column.texts.items() if text not in odd and _is_clear(text)
    )
    if clear < _CLEAR * total and not _NAMES_DURATIONS.search(column.name):
        return None
    return ColumnType(column.name, DURATION.name, note=_note(odd, total))


def _odd_texts(texts: Mapping[str, int], most: int) -> dict[str, int] | None:
    """The texts that are not durations outside of their column; None if they are in more cells than
    `most`.
    """
    odd: dict[str, int] = {}
    for text, count in texts.items():
        if not math.isfinite(_written(text)) and text != "0":
            odd[text] = count
            most -= count
            if most < 0:
                return None
    return odd


def _is_clear(text: str) -> bool:
    """Whether a text can only be a duration, unlike 12:30:00, 3d and P2M."""
    if _TIME_OF_DAY.fullmatch(text) or _ALONE.fullmatch(text):
        return False
    return not _ISO.fullmatch(text) or "T" in text or len(_ISO_PART.findall(text)) > 1


def _note(odd: Mapping[str, int], total: int) -> str:
    bare = {text: count for text, count in odd.items() if math.isfinite(seconds_in(text))}
    unread = {text: count for text, count in odd.items() if text not in bare}
    notes = (
        (bare, "have no unit and are read as seconds: {}. Add the unit."),
        (unread, "are not durations and count as unknown: {}. Correct or empty them."),
    )
    return " ".join(
        f"{sum(texts.values()):,} of {total:,} cells {words.format(named(texts))}"
        for texts, words in notes
        if texts
    )


def _ask(name: str, cells: Cells, asked: str) -> tuple[str, ...] | None:
    return () if np.isfinite(_amounts(cells)[0]).any() else None


def _hint(column: Evidence) -> str:
    """Advice on clock times, whose cells may be durations or times of day."""
    first = [*islice(column.texts, _CHECKED)]
    if first and all(map(_TIME_OF_DAY.fullmatch, first)):
        return (
            f"Its cells, such as {first[0]!r}, may be durations or times of day. If they are"
            " durations, ask for the kind 'duration'; it also serves for times of day."
        )
    if all(map(_TWO_PARTS.fullmatch, first)) and not all(map(_HOUR_AND_MINUTE.fullmatch, first)):
        return (
            f"Its cells, such as {first[0]!r}, may be hours and minutes, minutes and seconds, or"
            " times of day. Write them with seconds (1:30:00) or with units (1 h 30 min)."
        )
    return ""


DURATION = Kind(
    "duration",
    _recognize,
    DurationColumn,
    needs_text=True,
    ask=_ask,
    why_not=lambda asked: "none of its cells is a duration such as 1 h 30 min, 1:30:00 or PT1H30M.",
    hint=_hint,
)
