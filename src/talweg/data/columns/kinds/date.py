"""Columns of dates and times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Mask,
    Moments,
    as_words,
    is_missing,
    mean_and_scale,
)
from talweg.data.columns.dates import (
    STYLES,
    are_compact_dates,
    are_dotted_months,
    is_ambiguous,
    may_be_versions,
    seconds,
    style_of,
    written,
)
from talweg.data.columns.kinds.base import (
    AmountColumn,
    Axis,
    ColumnType,
    Evidence,
    Inputs,
    Kind,
    present_texts,
)
from talweg.data.columns.kinds.scalar import clipped
from talweg.errors import DataError
from talweg.schema import Items, Record, Text, Tuple
from talweg.settings import Choice, Number

DAY = 86_400  # seconds
YEAR = 365.2425  # days

_PARTS = ("since", "year", "month", "weekday", "hour")
_CYCLES = {"day of year": YEAR, "weekday": 7.0, "hour": 24.0}
_MEAN_AND_SCALE = Tuple((Number(), Number(above=0)))
_ISO = "year first"


@dataclass(frozen=True)
class DateColumn(AmountColumn):
    """A column of dates. Its inputs are the time since the first date, the year, month, weekday
    and hour, each standardized; sine and cosine of the day of the year, the weekday and the hour;
    unknown; missing.

    Parts that never varied in training are left out.
    """

    kind: ClassVar[str] = "date"
    axis: ClassVar[Axis] = "moment"
    unknown_word: ClassVar[str] = "not a date"
    record: ClassVar = Record(
        {
            "kind": Text(),
            "name": Text(),
            "style": Choice(tuple(STYLES)),
            "scales": Record({}, optional=dict.fromkeys(_PARTS, _MEAN_AND_SCALE)),
            "cycles": Items(Choice(tuple(_CYCLES)), unique=True),
        }
    )
    style: str
    scales: Mapping[str, tuple[float, float]]  # mean and scale of each part
    cycles: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Self:
        style = detail[0]
        moments = _moments(cells, style)[0]
        parts = _parts(moments[np.isfinite(moments)])
        varied = {part: values for part, values in parts.items() if np.unique(values).size > 1}
        scales = {part: mean_and_scale(varied[part]) for part in _PARTS if part in varied}
        cycles = tuple(part for part in _CYCLES if part in varied)
        return cls(name, style, scales, cycles)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        scales = {part: (mean, scale) for part, (mean, scale) in record["scales"].items()}
        return cls(record["name"], record["style"], scales, tuple(record["cycles"]))

    def to_json(self) -> dict[str, Any]:
        scales = {part: list(mean_scale) for part, mean_scale in self.scales.items()}
        fields = {"name": self.name, "style": self.style, "scales": scales}
        return {"kind": self.kind, **fields, "cycles": list(self.cycles)}

    @property
    def input_names(self) -> tuple[str, ...]:
        waves = [f"{part} {wave}" for part in self.cycles for wave in ("sine", "cosine")]
        return tuple(f"{self.name} {part}" for part in (*self.scales, *waves, "unknown", "missing"))

    @property
    def width(self) -> int:
        return len(self.scales) + 2 * len(self.cycles) + 2

    @property
    def unknown(self) -> int:
        return self.width - 2

    @property
    def use(self) -> str:
        waves = "".join(f", sine and cosine of the {part}" for part in self.cycles)
        return f"{', '.join(self.scales)}{waves}, with inputs for unknown and missing"

    @property
    def line(self) -> tuple[float, float] | None:
        """Mean and scale of the time in seconds, where it varied in training."""
        mean, scale = self.scales.get("since", (0.0, 0.0))
        return (mean * DAY, scale * DAY) if scale else None

    def amounts(self, cells: Cells) -> tuple[Floats, Mask]:
        """Seconds since 1970 (N,), finite where a cell is a date, and which are missing (N,)."""
        return _moments(cells, self.style)

    def cells_of(self, amounts: Floats) -> Cells:
        return Moments({self.style: amounts})

    def text_of(self, amount: float) -> str:
        return written(amount, self.style).removesuffix(" 00:00:00")

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, width); where the date is not known, all else is 0."""
        moments, missing = _moments(cells, self.style)
        known = np.isfinite(moments)
        parts = _parts(np.where(known, moments, 0.0))
        columns = [clipped((parts[name] - mean) / by) for name, (mean, by) in self.scales.items()]
        for name in self.cycles:
            angle = 2 * np.pi * parts[name] / _CYCLES[name]
            columns += [np.sin(angle), np.cos(angle)]
        columns = [np.where(known, column, 0.0) for column in columns]
        return np.column_stack([*columns, ~known & ~missing, missing]).astype(np.float32)


def _moments(cells: Cells, style: str) -> tuple[Floats, Mask]:
    """Seconds since 1970 (N,), finite where a cell is a date, and which are missing.

    A date that begins with the year is read in a column of any style: it can mean nothing else,
    and values that are dates, not text, are written so.
    """
    if isinstance(cells, Moments):
        styles = (known for known in (style, _ISO) if known in cells.readings)
        read = next(styles, None)
        unread = np.full(len(cells), np.nan)
        return cells.readings[read] if read else unread, np.isnan(cells.seconds)
    words = as_words(cells)
    values = np.array([_seconds(text, style) for text in words.levels] or [0.0])
    absent = np.array([is_missing(text, vague=True) for text in words.levels] or [False])
    return values[words.codes], absent[words.codes]


def _seconds(text: str, style: str) -> float:
    moment = seconds(text, style)
    return moment if moment == moment or style == _ISO else seconds(text, _ISO)


def _parts(moments: Floats) -> dict[str, Floats]:
    """The parts of moments in seconds since 1970, each (N,)."""
    days = np.floor(moments / DAY)
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]").astype(np.float64)
    years = np.floor(months / 12)
    first = dates.astype("datetime64[Y]").astype("datetime64[D]").astype(np.float64)
    return {
        "since": moments / DAY,
        "year": years + 1970,
        "month": months - 12 * years + 1,
        "weekday": (days + 3) % 7,  # 1970 began on a Thursday; 0 is Monday
        "day of year": days - first,
        "hour": (moments - DAY * days) / 3600,
    }


# The kind ---------------------------------------------------------------------------------------

_VERSIONS = "Versions look like these dates; if they are versions, ask for the kind category."


def _recognize(column: Evidence) -> ColumnType | None:
    if isinstance(column.cells, Moments):
        return _typed(column, column.cells.style, is_doubtful=len(column.cells.readings) > 1)
    if column.is_numeric:
        return _recognize_numbers(column)
    style = None if column.words.full else style_of(column.texts)
    if style is None:
        return None
    if may_be_versions(column.texts):
        return ColumnType(column.name, DATE.name, note=_VERSIONS, detail=(style,))
    return _typed(column, style, is_doubtful=is_ambiguous(column.texts, style))


def _recognize_numbers(column: Evidence) -> ColumnType | None:
    """Numbers such as 20240103, and months such as 01.2024."""
    if are_compact_dates(column.values):
        return _typed(column, _ISO)
    style = style_of(column.texts) if are_dotted_months(column.texts) else None
    return _typed(column, style) if style else None


def _typed(column: Evidence, style: str, *, is_doubtful: bool = False) -> ColumnType:
    doubt = f"Days and months could be swapped; it is read with the {style}."
    return ColumnType(column.name, DATE.name, note=doubt if is_doubtful else "", detail=(style,))


def _ask(name: str, cells: Cells, asked: str) -> tuple[str, ...] | None:
    if isinstance(cells, Moments):
        return (_known_style(name, cells, asked),)
    if asked in STYLES:
        return (asked,) if _has_dates(cells, asked) else None
    style = style_of(present_texts(as_words(cells)))
    return (style,) if style else None


def _known_style(name: str, cells: Moments, asked: str) -> str:
    """The style to read dates by that were read already. DataError: not one they were read by."""
    if asked in STYLES and asked not in cells.readings:
        raise DataError(
            f"Column {name!r} cannot be read with the {asked}: its dates are written with the"
            f" {cells.style}."
        )
    return asked if asked in STYLES else cells.style


def _has_dates(cells: Cells, style: str) -> bool:
    """Whether any cell is a date in this style."""
    return any(math.isfinite(seconds(text, style)) for text in as_words(cells).levels)


def _why_not(asked: str) -> str:
    if asked in STYLES:
        return "none of its cells is a date in that style."
    return "its cells are in no known style of dates."


DATE = Kind("date", _recognize, DateColumn, options=tuple(STYLES), ask=_ask, why_not=_why_not)
