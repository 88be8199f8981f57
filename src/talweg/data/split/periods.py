"""Scores of rows in chronological order, as plain records that a model file can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from talweg.schema import COUNT, Items, Real, Record, Text
from talweg.settings import Flag


@dataclass(frozen=True)
class Period:
    """Rows from a first to a last time: the score of networks that learned from earlier rows only,
    beside that of the trivial predictor.
    """

    first: str
    last: str
    rows: int
    score: str
    network: float
    trivial: float


@dataclass(frozen=True)
class InTime:
    """A test in chronological order: the `names` of the time columns, and the score in each of the
    `periods`, from the earliest to the latest.
    """

    names: tuple[str, ...]
    periods: tuple[Period, ...] = ()

    def to_json(self) -> dict[str, Any]:
        periods = [asdict(period) for period in self.periods]
        return {"names": list(self.names), "periods": periods}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        periods = tuple(Period(**period) for period in record["periods"])
        return cls(tuple(record["names"]), periods)

    @property
    def called(self) -> str:
        """The columns in words."""
        return in_words(self.names)


@dataclass(frozen=True)
class AlongTime:
    """The score `at_random` on the last rows of a random split, beside the score `in_time` of a
    network that learned only from the rows before these.

    `autocorrelation` is that of the errors on held-out rows, from one row to the next in time.
    `is_optimistic` says whether the first score is clearly better than the second.
    """

    names: tuple[str, ...]
    rows: int
    score: str
    at_random: float
    in_time: float
    autocorrelation: float
    is_optimistic: bool

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "names": list(self.names)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(**{**record, "names": tuple(record["names"])})

    @property
    def warning(self) -> str:
        """Why not to trust the score at random; "" if it is not too optimistic."""
        if not self.is_optimistic:
            return ""
        several = len(self.names) > 1
        asked = repr(list(self.names)) if several else repr(self.names[0])
        names = in_words(self.names)
        return (
            f"The scores are too optimistic: rows were held out at random, between others of about "
            f"the same {names}. On the last {self.rows:,} rows by {names}, {self.score} is "
            f"{self.at_random:.3g} that way, and {self.in_time:.3g} for a network that learned "
            f"from earlier rows only (errors of neighbors in time have a correlation of "
            f"{self.autocorrelation:.2f}). If you predict later rows, train with time={asked}, "
            "which holds out the last ones."
        )


_NAMES = Items(Text(), at_least=1)
_PERIOD = Record(
    {
        **dict.fromkeys(("first", "last", "score"), Text()),
        "rows": COUNT,
        **dict.fromkeys(("network", "trivial"), Real()),
    }
)
IN_TIME_RECORD = Record({"names": _NAMES, "periods": Items(_PERIOD)})
ALONG_TIME_RECORD = Record(
    {
        "names": _NAMES,
        "rows": COUNT,
        "score": Text(),
        **dict.fromkeys(("at_random", "in_time", "autocorrelation"), Real()),
        "is_optimistic": Flag(),
    }
)
"""The schema of either in a model file."""


def in_words(names: tuple[str, ...]) -> str:
    """Columns as a sentence names them; those of a table without a header go by position.

    >>> in_words(("year", "month", "day")), in_words(("0",))
    ('year, month and day', 'column 0')
    """
    *others, last = (f"column {name}" if name.isdigit() else name for name in names)
    return f"{', '.join(others)} and {last}" if others else last
