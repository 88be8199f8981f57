"""Columns as inputs of a network: numbers, categories, ordered words, truths and dates.

Every column has a place for the unknown (a cell that training could not learn from) and one for
the missing, so that no cell met later is a surprise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Mask,
    Moments,
    Words,
    as_words,
    canonical,
    is_missing,
    mean_and_scale,
    parse,
    places_of,
    truth_number,
)
from talweg.data.columns.column_builder import OTHER
from talweg.data.columns.dates import STYLES, seconds
from talweg.data.columns.kinds import RARE, ColumnType, truth_of
from talweg.data.columns.labels import named_marks
from talweg.lazy import cached_property
from talweg.schema import Exactly, Items, Record, Tagged, Text, Tuple
from talweg.settings import Choice, Number

Inputs = NDArray[np.float32]

MOST_LEVELS = 100  # of one column that have a place each; more are codes
MOST_CODES = 100_000  # of one column; rarer levels count as unknown
BOUND = 3.0  # standard deviations that no encoded value reaches: outliers must not rule a network

DAY = 86_400
YEAR = 365.2425  # days


def clipped(standard: Floats) -> Floats:
    """z / sqrt(1 + (z / 3)^2), a smooth clip (Holzmueller et al. 2024), never inf / inf."""
    return np.asarray(BOUND * np.sin(np.arctan(standard / BOUND)))


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: standardised value, unknown flag, missing flag."""

    kind: ClassVar[str] = "number"
    record: ClassVar = Record(
        {"kind": Text(), "name": Text(), "mean": Number(), "scale": Number(above=0)}
    )
    name: str
    mean: float
    scale: float

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: Sequence[str] = ()) -> Self:
        return cls(name, *mean_and_scale(parse(cells)[0]))

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        return cls(record["name"], record["mean"], record["scale"])

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @cached_property
    def holds_truths(self) -> bool:
        """Whether all numbers of training were 0 or 1: they have the most spread for their mean."""
        most = self.mean * (1 - self.mean)
        return 0 < self.mean < 1 and math.isclose(self.scale**2, most, rel_tol=1e-9)

    @property
    def first_place(self) -> tuple[float, float]:
        """Mean and scale of what is at the first place."""
        return self.mean, self.scale

    def amounts(self, cells: Cells) -> tuple[Floats, Mask]:
        """The cells as numbers (N,), finite where they are some, and which are missing (N,)."""
        values, missing = parse(cells, vague=True)
        if self.holds_truths and isinstance(cells, Words):
            truths = np.array([truth_number(each) for each in cells.levels] or [math.nan])
            values = np.where(np.isnan(values), truths[cells.codes], values)
        return values, missing

    @property
    def places(self) -> tuple[str, ...]:
        return self.name, f"{self.name} unknown", f"{self.name} missing"

    @property
    def width(self) -> int:
        return 3

    @property
    def unknown(self) -> int:
        """The place of the unknown; that of the missing is next."""
        return 1

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, 3); an unknown or missing value is 0, the mean."""
        values, missing = self.amounts(cells)
        known = np.isfinite(values)
        standard = (np.where(known, values, self.mean) - self.mean) / self.scale
        return np.column_stack([clipped(standard), ~known & ~missing, missing]).astype(np.float32)


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories: one place a level, then unknown and missing."""

    kind: ClassVar[str] = "category"
    record: ClassVar = Record(
        {"kind": Text(), "name": Text(), "levels": Items(Text(), unique=True)},
        optional={"is_code": Exactly(True)},
    )
    name: str
    levels: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: Sequence[str] = ()) -> CategoryColumn:
        """The most frequent levels first; levels of one frequency in the order of the alphabet."""
        counts = as_words(cells).counts
        counts.pop(OTHER, None)
        ordered = sorted(counts, key=lambda level: (-counts[level], level))
        marks = named_marks(counts)
        kept = (each for each in ordered if each in marks or not is_missing(each))
        levels = [each for each in kept if counts[each] >= RARE]
        if len(levels) > MOST_LEVELS:
            return CodeColumn(name, tuple(levels[:MOST_CODES]))
        return cls(name, tuple(levels))

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> CategoryColumn:
        kind = CodeColumn if record.get("is_code") else cls
        return kind(record["name"], tuple(record["levels"]))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "levels": list(self.levels)}

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(f"{self.name} {each}" for each in (*self.levels, "unknown", "missing"))

    @property
    def width(self) -> int:
        return len(self.levels) + 2

    @property
    def unknown(self) -> int:
        """The place of the unknown; that of the missing is next."""
        return len(self.levels)

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, width), a single 1 in each row."""
        codes = self.codes(cells)
        inputs = np.zeros((len(codes), self.width), np.float32)
        inputs[np.arange(len(codes)), codes] = 1
        return inputs

    def codes(self, cells: Cells) -> NDArray[np.intp]:
        """The place of each cell, (N,)."""
        words = as_words(cells).in_use
        place_of = self.placing()
        return np.array([place_of(level) for level in words.levels], np.intp)[words.codes]

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return places_of(self.levels)

    def placing(self) -> Callable[[str], int]:
        """The place of any text among those of the column: as it is written, or in its canonical
        form.
        """
        place_of = self._place_of
        unknown, missing = len(self.levels), len(self.levels) + 1

        def place(level: str) -> int:
            found = place_of.get(level)
            if found is None:
                found = missing if is_missing(level) else place_of.get(canonical(level), unknown)
            return found

        return place


@dataclass(frozen=True)
class CodeColumn(CategoryColumn):
    """A column of more categories than have a place each: one input, the code of the level.

    Codes are those of the levels, then unknown, then missing; a network learns a row of numbers
    for each (`Embedding`).
    """

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "is_code": True}

    @property
    def places(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def width(self) -> int:
        return 1

    @property
    def count(self) -> int:
        """How many codes there are."""
        return len(self.levels) + 2

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, 1): float32 holds their codes exactly."""
        return self.codes(cells).astype(np.float32)[:, None]


@dataclass(frozen=True)
class BooleanColumn(CategoryColumn):
    """A column of yes and no, however they are spelt."""

    kind: ClassVar[str] = "boolean"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: Sequence[str] = ()) -> CategoryColumn:
        words = as_words(cells)
        return super().fit(name, Words.of(map(truth_of, words)))

    def placing(self) -> Callable[[str], int]:
        place = super().placing()
        return lambda level: place(truth_of(level))


@dataclass(frozen=True)
class OrdinalColumn(CategoryColumn):
    """A column of ordered words: as categories, and one place more for the step of the scale.

    The step runs from -1 to 1; where it is not known it is 0, the middle.
    """

    kind: ClassVar[str] = "ordinal"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: Sequence[str] = ()) -> Self:
        return cls(name, tuple(detail))

    @property
    def places(self) -> tuple[str, ...]:
        return *super().places, f"{self.name} step"

    @property
    def width(self) -> int:
        return super().width + 1

    @property
    def steps(self) -> Inputs:
        """The step of each place, (width - 1,)."""
        steps = np.linspace(-1, 1, len(self.levels)) if len(self.levels) > 1 else [0.0]
        return np.array([*steps, 0, 0], np.float32)

    def encode(self, cells: Cells) -> Inputs:
        inputs = super().encode(cells)
        inputs[:, -1] = inputs[:, :-1] @ self.steps
        return inputs


_PARTS = ("since", "year", "month", "weekday", "hour")
_TURNS = {"day of year": YEAR, "weekday": 7.0, "hour": 24.0}
_MEAN_AND_SCALE = Tuple((Number(), Number(above=0)))


@dataclass(frozen=True)
class DateColumn:
    """A column of dates: time since the first, year, month, weekday and hour, each standardised;
    sine and cosine of the day of the year, the weekday and the hour; unknown, missing.

    Parts that training never varied are left out.
    """

    kind: ClassVar[str] = "date"
    record: ClassVar = Record(
        {
            "kind": Text(),
            "name": Text(),
            "style": Choice(tuple(STYLES)),
            "scales": Record({}, optional=dict.fromkeys(_PARTS, _MEAN_AND_SCALE)),
            "cycles": Items(Choice(tuple(_TURNS)), unique=True),
        }
    )
    name: str
    style: str
    scales: Mapping[str, tuple[float, float]]  # a part's mean and scale
    cycles: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: Sequence[str] = ()) -> Self:
        style = detail[0]
        moments = _moments(cells, style)[0]
        moments = moments[np.isfinite(moments)]
        parts = _parts(moments)
        varied = {each: values for each, values in parts.items() if np.unique(values).size > 1}
        scales = {each: mean_and_scale(varied[each]) for each in _PARTS if each in varied}
        cycles = tuple(each for each in _TURNS if each in varied)
        return cls(name, style, scales, cycles)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        scales = {name: (mean, scale) for name, (mean, scale) in record["scales"].items()}
        return cls(record["name"], record["style"], scales, tuple(record["cycles"]))

    def to_json(self) -> dict[str, Any]:
        scales = {name: list(each) for name, each in self.scales.items()}
        fields = {"name": self.name, "style": self.style, "scales": scales}
        return {"kind": self.kind, **fields, "cycles": list(self.cycles)}

    @property
    def places(self) -> tuple[str, ...]:
        turns = [f"{each} {turn}" for each in self.cycles for turn in ("sine", "cosine")]
        return tuple(f"{self.name} {each}" for each in (*self.scales, *turns, "unknown", "missing"))

    @property
    def width(self) -> int:
        return len(self.scales) + 2 * len(self.cycles) + 2

    @property
    def unknown(self) -> int:
        """The place of the unknown; that of the missing is next."""
        return self.width - 2

    @property
    def first_place(self) -> tuple[float, float] | None:
        """Mean and scale, in seconds, of what is at the first place, if that is the time."""
        mean, scale = self.scales.get("since", (0.0, 0.0))
        return (mean * DAY, scale * DAY) if scale else None

    def amounts(self, cells: Cells) -> tuple[Floats, Mask]:
        """Seconds since 1970 (N,), finite where a cell is a date, and which are missing (N,)."""
        return _moments(cells, self.style)

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, width); where the date is not known, all else is 0."""
        moments, missing = _moments(cells, self.style)
        known = np.isfinite(moments)
        parts = _parts(np.where(known, moments, 0.0))
        columns = [clipped((parts[name] - mean) / by) for name, (mean, by) in self.scales.items()]
        for name in self.cycles:
            angle = 2 * np.pi * parts[name] / _TURNS[name]
            columns += [np.sin(angle), np.cos(angle)]
        columns = [np.where(known, each, 0.0) for each in columns]
        return np.column_stack([*columns, ~known & ~missing, missing]).astype(np.float32)


def _moments(cells: Cells, style: str) -> tuple[Floats, Mask]:
    """Seconds since 1970 (N,), finite where a cell is a date, and which are missing.

    A date that begins with the year is read in a column of any style: nothing else can be meant,
    and dates that are no text are written so.
    """
    if isinstance(cells, Moments):
        styles = (each for each in (style, _ISO) if each in cells.readings)
        read = next(styles, None)
        unread = np.full(len(cells), np.nan)
        return cells.readings[read] if read else unread, np.isnan(cells.seconds)
    words = as_words(cells)
    values = np.array([_seconds(each, style) for each in words.levels] or [0.0])
    absent = np.array([is_missing(each, vague=True) for each in words.levels] or [False])
    return values[words.codes], absent[words.codes]


def _seconds(text: str, style: str) -> float:
    found = seconds(text, style)
    return found if found == found or style == _ISO else seconds(text, _ISO)


_ISO = "year first"


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


Column = NumberColumn | CategoryColumn | BooleanColumn | OrdinalColumn | DateColumn

COLUMNS: dict[str, type[Column]] = {
    each.kind: each
    for each in (NumberColumn, CategoryColumn, BooleanColumn, OrdinalColumn, DateColumn)
}

COLUMN_RECORD = Tagged("kind", {name: each.record for name, each in COLUMNS.items()})


def fit_column(column: ColumnType, cells: Cells) -> Column:
    """A column of this type, its numbers and levels taken from the cells."""
    return COLUMNS[column.kind].fit(column.name, cells, column.detail)
