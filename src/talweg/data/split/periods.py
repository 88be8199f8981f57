"""What was found along the time of the rows, as plain records that a file can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from talweg.schema import COUNT, Items, Real, Record, Text
from talweg.settings import Flag


@dataclass(frozen=True)
class Period:
    """Rows from a first to a last moment, and a score of networks that learned from earlier rows
    only, beside that of the trivial predictor.
    """

    first: str
    last: str
    rows: int
    score: str
    network: float
    trivial: float


@dataclass(frozen=True)
class InTime:
    """How rows were judged that follow one another in time: by which columns, and the score in each
    of some `periods`, from the earliest to the latest.
    """

    names: tuple[str, ...]
    periods: tuple[Period, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "periods": [asdict(each) for each in self.periods]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        periods = tuple(Period(**each) for each in record["periods"])
        return cls(tuple(record["names"]), periods)

    @property
    def called(self) -> str:
        """The columns in words."""
        return in_words(self.names)


@dataclass(frozen=True)
class AlongTime:
    """What rows dealt at random say of the last ones in time, and what networks say that learned
    from the rows before these alone: a score of each.

    `autocorrelation` is that of errors on held-out rows, from one row to the next in time.
    `flatters` says whether the first score promises what the second does not keep.
    """

    names: tuple[str, ...]
    rows: int
    score: str
    at_random: float
    in_time: float
    autocorrelation: float
    flatters: bool

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "names": list(self.names)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(**{**record, "names": tuple(record["names"])})

    @property
    def warning(self) -> str:
        """What to know before the score is trusted; nothing where it keeps its promise."""
        if not self.flatters:
            return ""
        several = len(self.names) > 1
        asked = repr(list(self.names)) if several else repr(self.names[0])
        return (
            f"The scores flatter: rows were held out at random, between others of about the same "
            f"{in_words(self.names)}. On the last {self.rows:,} rows by {in_words(self.names)}, "
            f"{self.score} is {self.at_random:.3g} that way, and {self.in_time:.3g} for a network "
            f"that learned from earlier rows only (errors of neighbours in time have a correlation "
            f"of {self.autocorrelation:.2f}). If you predict later rows, train with time={asked}, "
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
        "flatters": Flag(),
    }
)
"""What a model file keeps of either."""


def in_words(names: tuple[str, ...]) -> str:
    """Columns as a sentence names them; those of a table without a header go by position.

    >>> in_words(("year", "month", "day")), in_words(("0",))
    ('year, month and day', 'column 0')
    """
    *others, last = (f"column {name}" if name.isdigit() else name for name in names)
    return f"{', '.join(others)} and {last}" if others else last
