"""Dates and times written as text: which style a column has, and the seconds they stand for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone

_DAY = "(?P<day>[0-3]?\\d)"
_MONTH = "(?P<month>[01]?\\d)"
_YEAR = "(?P<year>\\d{4})"
_SHORT_YEAR = "(?P<year>\\d{4}|\\d{2})"
_NAME = "(?P<name>[A-Za-z]{3,9})\\.?"
_TIME = (
    r"(?:(?:T|\s+|,\s*)(?P<hour>[0-2]?\d)(?::(?P<minute>[0-5]\d))"
    r"(?::(?P<second>[0-5]\d)(?P<part>\.\d+)?)?"
    r"\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_WEEKDAY = r"(?:[A-Za-z]{3,9},?\s+)?"
_MARK = r"(?P<mark>[-/.])"

# In the order in which they are tried; "03/04/2020" is read as most of the files are written.
STYLES: Mapping[str, re.Pattern[str]] = {
    style: re.compile(pattern + _TIME)
    for style, pattern in {
        "year first": f"{_YEAR}{_MARK}{_MONTH}(?:(?P=mark){_DAY})?",
        "month first": f"{_MONTH}(?P<mark>[/-]){_DAY}(?P=mark){_SHORT_YEAR}",
        "day first": f"{_DAY}{_MARK}{_MONTH}(?P=mark){_SHORT_YEAR}",
        "day, month's name": f"{_WEEKDAY}{_DAY}[\\s-]+{_NAME},?[\\s-]+{_YEAR}",
        "month's name, day": f"{_WEEKDAY}{_NAME}\\s+{_DAY}(?:st|nd|rd|th)?,?\\s+{_YEAR}",
        "month's name": f"{_NAME}[\\s-]+{_YEAR}",
    }.items()
}
FEW_ODD = 0.01  # the share of cells of a column of dates that may be none

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH_NAMES = re.compile(
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d)?", re.ASCII)
_PLAIN_EPOCH = datetime(1970, 1, 1)
_WRITTEN = {  # by year, month, day and the month's name
    "year first": "{0:04}-{1:02}-{2:02}",
    "month first": "{1}/{2}/{0:04}",
    "day first": "{2}/{1}/{0:04}",
    "day, month's name": "{2} {3} {0:04}",
    "month's name, day": "{3} {2}, {0:04}",
    "month's name": "{3} {0:04}",
}


def seconds(text: str, style: str) -> float:
    """Seconds since 1970 of a date in this style; NaN where it is none.

    >>> seconds("1970-01-02 00:00:30", "year first")
    86430.0
    """
    try:
        if style == "year first" and _PLAIN.fullmatch(text):  # 1 us instead of 10
            return (datetime.fromisoformat(text) - _PLAIN_EPOCH).total_seconds()
        found = STYLES[style].fullmatch(text)
        return (_moment(found.groupdict()) - _EPOCH).total_seconds() if found else math.nan
    except (ValueError, OverflowError):  # the 31st of June
        return math.nan


def month_of(name: str) -> float:
    """The number of the month that is called so; NaN where none is.

    >>> month_of("Mar"), month_of("march"), month_of("marble")
    (3.0, 3.0, nan)
    """
    is_month = _MONTH_NAMES.fullmatch(name.rstrip("."))
    return _MONTHS.index(name[:3].lower()) + 1.0 if is_month else math.nan


def written(moment: float, style: str) -> str:
    """Seconds since 1970 as a text that `seconds` reads in this style.

    >>> written(86430.0, "day first"), seconds("2/1/1970 00:00:30", "day first")
    ('2/1/1970 00:00:30', 86430.0)
    """
    at = _PLAIN_EPOCH + timedelta(seconds=moment)
    fraction = f".{at.microsecond:06}" if at.microsecond else ""
    day = _WRITTEN[style].format(at.year, at.month, at.day, _MONTHS[at.month - 1])
    return f"{day} {at:%H:%M:%S}{fraction}"


def style_of(counts: Mapping[str, int]) -> str | None:
    """The first style that nearly all cells have; None if there is none."""
    return next(styles_of(counts), None)


def styles_of(counts: Mapping[str, int]) -> Iterator[str]:
    """Each style that nearly all cells have, of which there may be two: 03/04/2020."""
    most_odd = FEW_ODD * sum(counts.values())
    for style in STYLES if counts else ():
        odd = 0
        for text, count in counts.items():
            odd += count if math.isnan(seconds(text, style)) else 0
            if odd > most_odd:
                break
        else:
            yield style


def is_ambiguous(counts: Mapping[str, int], style: str) -> bool:
    """Whether days and months could be the other way round in every cell."""
    other = {"month first": "day first", "day first": "month first"}.get(style)
    return other is not None and style_of(counts) == style and _all_have(counts, other)


def _all_have(counts: Mapping[str, int], style: str) -> bool:
    return not any(math.isnan(seconds(text, style)) for text in counts)


def _moment(part: Mapping[str, str | None]) -> datetime:
    year = int(part["year"] or 0)
    if year < 100 and len(part["year"] or "") == 2:  # as POSIX has it: 69 to 99 are of the last
        year += 1900 if year >= 69 else 2000
    month = _month(part)
    hour = int(part["hour"] or 0)
    if part["half"]:
        hour = hour % 12 + 12 * (part["half"].lower() == "pm")
    fraction = round(float(part["part"] or 0) * 1e6)
    return datetime(
        year,
        month,
        int(part.get("day") or 1),
        hour,
        int(part["minute"] or 0),
        int(part["second"] or 0),
        tzinfo=_zone(part["zone"]),
    ) + timedelta(microseconds=fraction)


def _month(part: Mapping[str, str | None]) -> int:
    name = part.get("name")
    if name is None:
        return int(part["month"] or 0)
    return _MONTHS.index(name[:3].lower()) + 1  # ValueError: no month


def _zone(text: str | None) -> timezone:
    if text in (None, "Z", "UTC"):
        return UTC
    digits = str(text)[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if str(text)[0] == "-" else offset)
