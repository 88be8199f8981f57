"""Dates and times written as text: the style of a column, and the seconds of each date."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache

import numpy as np
from numpy.typing import NDArray

_DAY = r"(?P<day>[0-3]?\d)"
_MONTH = r"(?P<month>[01]?\d)"
_YEAR = r"(?P<year>\d{4})"
_LIKELY_YEAR = r"(?P<year>1[89]\d\d|2[01]\d\d)"
_SHORT_YEAR = r"(?P<year>\d{4}|\d{2})"
_NAME = r"(?P<name>[^\W\d_]{3,10})\.?"
_QUARTER = "(?P<quarter>[1-4])"
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_TIME = (
    r"(?:(?:T|\s+|,\s*|:)(?P<hour>[0-2]?\d)(?::(?P<minute>[0-5]\d))"
    r"(?::(?P<second>[0-5]\d)(?P<part>[.,]\d+)?)?"
    rf"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*{_ZONE})?"
)
_DIGITS_OF_TIME = (
    rf"T?(?P<hour>[0-2]\d)(?P<minute>[0-5]\d)(?:(?P<second>[0-5]\d)(?P<part>[.,]\d+)?)?{_ZONE}"
)
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,?\s+)?"
_WEEKDAYS = (  # English, German, French, Spanish and Italian; any word would match "Rev. 5.1.45"
    "mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday"
    " sunday mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag"
    " lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche"
    " mié jue vie sáb dom lunes martes miércoles jueves viernes sábado domingo"
    " gio sab lunedì martedì mercoledì giovedì venerdì sabato domenica"
)
_NAMED_DAY = rf"(?:(?i:{_WEEKDAYS.replace(' ', '|')})\.?,?\s+)?"
_MARK = r"(?P<mark>[-/.])"
_OF = r"(?:de\s+)?"  # 3 de enero de 2024
_COMPACT_MONTH = rf"{_LIKELY_YEAR}(?P<month>[01]\d)"
_COMPACT = rf"{_COMPACT_MONTH}(?P<day>[0-3]\d)"

# In the order in which they are tried: "03/04/2020" is more often written month first.
STYLES: Mapping[str, tuple[str, ...]] = {
    "year first": (
        f"{_YEAR}{_MARK}{_MONTH}(?:(?P=mark){_DAY})?{_TIME}",
        f"{_NAMED_DAY}{_YEAR}{_MARK}{_MONTH}(?P=mark){_DAY}{_TIME}",
        _COMPACT_MONTH,
        f"{_COMPACT}{_TIME}",
        f"{_COMPACT}{_DIGITS_OF_TIME}",
        rf"{_YEAR}-?W(?P<week>[0-5]\d)(?:-?(?P<weekday>[1-7]))?{_TIME}",
        rf"{_YEAR}[-\s]?Q{_QUARTER}{_TIME}",
        rf"{_YEAR}年\s?{_MONTH}月(?:\s?{_DAY}日)?{_TIME}",
    ),
    "month first": (f"{_NAMED_DAY}{_MONTH}(?P<mark>[/-]){_DAY}(?P=mark){_SHORT_YEAR}{_TIME}",),
    "day first": (
        rf"{_NAMED_DAY}{_DAY}{_MARK}\s?{_MONTH}(?P=mark)\s?{_SHORT_YEAR}{_TIME}",
        f"{_MONTH}[/.-]{_LIKELY_YEAR}{_TIME}",
        rf"{_DAY}\.\s?{_MONTH}\.",
    ),
    "day, month's name": (
        rf"{_WEEKDAY}{_DAY}[.\s/-]*{_OF}{_NAME}(?:,?[\s/-]*{_OF}{_SHORT_YEAR})?{_TIME}",
    ),
    "month's name, day": (
        rf"{_WEEKDAY}{_NAME}\s+{_DAY}(?:st|nd|rd|th)?(?:,?\s+{_YEAR})?{_TIME}",
        rf"{_WEEKDAY}{_NAME}\s+{_DAY}{_TIME}\s+{_YEAR}",
    ),
    "month's name": (
        rf"{_NAME}[\s-]+{_OF}{_YEAR}{_TIME}",
        rf"{_NAME}(?:-|\s?['\u2019])(?P<year>\d\d){_TIME}",
        rf"Q{_QUARTER}[-/\s]?{_SHORT_YEAR}{_TIME}",
        rf"{_QUARTER}Q[-/\s]?{_SHORT_YEAR}{_TIME}",
    ),
}
FEW_ODD = 0.01  # the share of cells in a column of dates that may be something else

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMES = {  # English, German, French, Spanish, Italian, Portuguese, Dutch and Scandinavian
    name: month
    for month, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene gennaio gen janeiro januari",
            "feb february februar février févr fév fevrier febrero febbraio fevereiro fev februari",
            "mar march märz mär mrz maerz mars marzo março maart mrt marts",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei maj",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august août aout agosto ago augustus augusti",
            "sep sept september septembre septiembre setiembre settembre set setembro",
            "oct october oktober okt octobre octubre ottobre ott outubro out",
            "nov november novembre noviembre novembro",
            "dec december dezember dez décembre déc decembre diciembre dic dicembre dezembro",
        ),
        1,
    )
    for name in names.split()
}
# Without the zeros of 05.01.45, and with a two-digit year or with the year before points.
_BARE = re.compile(r"(?:(?=\d{1,2}\D)|(?=\d{4}\.))(\d{1,4})([.-])(\d{1,2})\2(\d{1,2})")
_FEWEST_DATES, _FEWEST_YEARS, _FEWEST_MONTHS = 5, 3, 13
_LONGEST = 60  # years that dates without leading zeros may span
_LEAP = 2000  # the year of dates without one; a leap year, so that 29 February exists
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_OF_MONTH, _TWO_DIGITS = r"(?:1[89]|2[01])\d\d", r"(?:0[1-9]|1[0-2])"
_DOTTED_MONTH = re.compile(
    rf"{_TWO_DIGITS}\.{_YEAR_OF_MONTH}|{_YEAR_OF_MONTH}\.{_TWO_DIGITS}", re.ASCII
)
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
    """Seconds since 1970 of a date in this style; NaN for other text.

    >>> seconds("1970-01-02 00:00:30", "year first")
    86430.0
    """
    try:
        if style == "year first" and _PLAIN.fullmatch(text):  # 1 us instead of 10
            return (datetime.fromisoformat(text) - _PLAIN_EPOCH).total_seconds()
        if text.isalpha():  # every date has digits
            return math.nan
        matches = (pattern.fullmatch(text) for pattern in _patterns(style))
        match = next(filter(None, matches), None)
        return (_moment(match.groupdict()) - _EPOCH).total_seconds() if match else math.nan
    except (ValueError, OverflowError):  # the 31st of June
        return math.nan


@cache
def _patterns(style: str) -> tuple[re.Pattern[str], ...]:
    """Compiled when a column first needs them, since all styles together take 7 ms."""
    return tuple(map(re.compile, STYLES[style]))


def month_of(name: str) -> float:
    """The number of the month with this name; NaN for other text.

    >>> month_of("Mar"), month_of("march"), month_of("marble")
    (3.0, 3.0, nan)
    """
    return float(_NAMES.get(name.rstrip(".").lower(), math.nan))


def written(moment: float, style: str) -> str:
    """Seconds since 1970 as a text in this style, which `seconds` reads back.

    >>> written(86430.0, "day first"), seconds("2/1/1970 00:00:30", "day first")
    ('2/1/1970 00:00:30', 86430.0)
    """
    at = _PLAIN_EPOCH + timedelta(seconds=moment)
    fraction = f".{at.microsecond:06}" if at.microsecond else ""
    day = _WRITTEN[style].format(at.year, at.month, at.day, _MONTHS[at.month - 1])
    return f"{day} {at:%H:%M:%S}{fraction}"


def style_of(counts: Mapping[str, int]) -> str | None:
    """The first style that fits nearly all cells; None if there is none."""
    return next(styles_of(counts), None)


def styles_of(counts: Mapping[str, int]) -> Iterator[str]:
    """The styles that fit nearly all cells; there may be two, as for 03/04/2020."""
    most_odd = FEW_ODD * sum(counts.values())
    for style in STYLES if counts else ():
        odd = 0
        for text, count in counts.items():
            odd += count if math.isnan(seconds(text, style)) else 0
            if odd > most_odd:
                break
        else:
            if not are_versions(counts, style):
                yield style


def are_versions(counts: Iterable[str], style: str) -> bool:
    """Whether texts in a style of dates are rather versions, such as 5.1.45.

    Dates without leading zeros, in three or more years and on different days, have a day after the
    twelfth sooner or later: five such dates lack one with a probability of 1 %. And few columns of
    dates span more than 60 years.
    """
    if (parts := _bare_parts(counts)) is None or len(parts) < _FEWEST_DATES:
        return False
    first, second, third = ({part[index] for part in parts} for index in range(3))
    years, days = (first, second | third) if style == "year first" else (third, first | second)
    vary = min(len(first), len(second), len(third)) > 1 and len(years) >= _FEWEST_YEARS
    return _span(years) > _LONGEST or (vary and max(days) <= 12)


def _span(years: Iterable[int]) -> int:
    whole = [_year(f"{year:02}") for year in years]
    return max(whole) - min(whole)


def may_be_versions(counts: Iterable[str]) -> bool:
    """Whether dates are written like versions, such as 5.1.45."""
    return _bare_parts(counts) is not None


def are_compact_dates(values: NDArray[np.float64]) -> bool:
    """Whether numbers are dates such as 20240103, months such as 202401, or moments such as
    20240103101500.

    One in 27 of the eight-digit numbers that begin with 1800 to 2199 is a date. One in eight of the
    six-digit numbers is a month, so more months are required, and of more than a year.
    """
    values = values[np.isfinite(values)]
    are_months = len(values) > 0 and values.max() < 2200_00
    days = values * 100 + 1 if are_months else np.where(values > 10**13, values // 10**6, values)
    if len(days) == 0 or days.min() < 1800_00_00 or days.max() >= 2200_00_00:
        return False
    days = np.unique(days)
    texts = [str(int(day)) for day in days[: 10 * _FEWEST_DATES].tolist()]
    months, ends = days // 100 % 100, days % 100
    last = 1 if are_months else 31
    likely = (months >= 1) & (months <= 12) & (ends >= 1) & (ends <= last) & (days == np.rint(days))
    all_read = not any(math.isnan(seconds(text, "year first")) for text in texts)
    fewest = _FEWEST_MONTHS if are_months else _FEWEST_DATES
    return bool(likely.all()) and len(days) >= fewest and all_read


def are_dotted_months(texts: Iterable[str]) -> bool:
    """Whether distinct texts that are also numbers are months: 01.2024 or 2024.01."""
    matches = [_DOTTED_MONTH.fullmatch(text) for text in texts]
    return len(matches) >= _FEWEST_MONTHS and all(matches)


def _bare_parts(counts: Iterable[str]) -> set[tuple[int, ...]] | None:
    """The parts of dates such as 5.1.45; None if any is written as only dates are."""
    dates, others = set(), 0
    for text in counts:
        match = _BARE.fullmatch(text)
        others += match is None
        if match and any(len(part) > 1 and part[0] == "0" for part in match.group(1, 3, 4)):
            return None
        if match:
            dates.add(tuple(map(int, match.group(1, 3, 4))))
    return dates if others <= FEW_ODD * len(dates) else None


def is_ambiguous(counts: Mapping[str, int], style: str) -> bool:
    """Whether days and months could be swapped in every cell."""
    other = {"month first": "day first", "day first": "month first"}.get(style)
    return other is not None and style_of(counts) == style and _all_have(counts, other)


def _all_have(counts: Mapping[str, int], style: str) -> bool:
    return not any(math.isnan(seconds(text, style)) for text in counts)


def _moment(part: Mapping[str, str | None]) -> datetime:
    hour = int(part.get("hour") or 0)
    if half := part.get("half"):
        hour = hour % 12 + 12 * (half[0].lower() == "p")
    fraction = round(float((part.get("part") or "0").replace(",", ".")) * 1e6)
    day = datetime.combine(_day(part), time(tzinfo=_zone(part.get("zone"))))
    return day.replace(
        hour=hour, minute=int(part.get("minute") or 0), second=int(part.get("second") or 0)
    ) + timedelta(microseconds=fraction)


def _day(part: Mapping[str, str | None]) -> date:
    year = _year(part.get("year"))
    if week := part.get("week"):
        return date.fromisocalendar(year, int(week), int(part["weekday"] or 1))
    if quarter := part.get("quarter"):
        return date(year, 3 * int(quarter) - 2, 1)
    return date(year, _month(part), int(part.get("day") or 1))


def _year(text: str | None) -> int:
    if text is None:
        return _LEAP
    year = int(text)
    if len(text) == 2:  # as in POSIX: 69 to 99 belong to the last century
        year += 1900 if year >= 69 else 2000
    return year


def _month(part: Mapping[str, str | None]) -> int:
    name = part.get("name")
    if name is None:
        return int(part["month"] or 0)
    return _NAMES.get(name.lower(), 0)  # date() refuses month 0


def _zone(text: str | None) -> timezone:
    if text in (None, "Z", "UTC", "GMT"):
        return UTC
    digits = str(text)[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if str(text)[0] == "-" else offset)
