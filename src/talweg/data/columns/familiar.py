"""A column in training: counts of its cells, and the range of its amounts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from talweg.data.columns.cells import Floats, Mask
from talweg.schema import COUNT, Record, optional
from talweg.settings import Number

Fault = Literal["unknown", "missing", "far", "farther"]
FAR, FARTHER = 2.0, 10.0  # times as far from the mean as the farthest value of training


@dataclass(frozen=True)
class Familiar:
    """How many rows training had, and in how many of them the cell was unknown or missing; of
    amounts the mean, the lowest and the highest (dates in seconds since 1970).
    """

    record: ClassVar = Record(
        {
            **dict.fromkeys(("rows", "unknown", "missing"), COUNT),
            **dict.fromkeys(("mean", "low", "high"), optional(Number())),
        }
    )
    rows: int
    unknown: int
    missing: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None

    @staticmethod
    def of_amounts(values: Floats, missing: Mask) -> Familiar:
        """The counts and the range of values (N,), finite where a cell is known."""
        known = values[np.isfinite(values)]
        absent = int(np.count_nonzero(missing))
        ends = (known.mean(), known.min(), known.max()) if len(known) else ()
        return Familiar(len(values), len(values) - len(known) - absent, absent, *map(float, ends))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def bounds(self, times: float) -> tuple[float, float]:
        """The interval of values less than `times` as far out as any value of training."""
        if self.mean is None or self.low is None or self.high is None:
            return -math.inf, math.inf
        below, above = max(self.mean - self.low, 0.0), max(self.high - self.mean, 0.0)
        more = times - 1
        return self.low - more * below, self.high + more * above

    def fault_of(self, value: float) -> Fault | None:
        """ "far" or "farther" for a value out of the range of training; None within it."""
        low, high = self.bounds(FAR)
        if low <= value <= high or not math.isfinite(value):
            return None
        low, high = self.bounds(FARTHER)
        return "far" if low <= value <= high else "farther"
