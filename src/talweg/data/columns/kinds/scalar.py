"""Columns with one number per row: standardized and clipped, with flags for unknown and missing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from talweg.data.columns.cells import Cells, Floats
from talweg.data.columns.kinds.base import AmountColumn, Axis, Inputs
from talweg.schema import Record, Text
from talweg.settings import Number

BOUND = 3.0  # standard deviations that no encoded value reaches, so that outliers do not dominate
_FARTHEST = 1e100  # standard deviations; their square is finite


def clipped(standard: Floats) -> Floats:
    """z / sqrt(1 + (z / 3)^2), a smooth clip (Holzmueller et al. 2024); never inf / inf."""
    z = np.minimum(np.maximum(standard, -_FARTHEST), _FARTHEST)
    return np.asarray(z / np.sqrt(1 + (z / BOUND) ** 2))


@dataclass(frozen=True)
class ScalarColumn(AmountColumn):
    """A column with one number per row: the standardized value, an unknown flag, a missing flag."""

    axis: ClassVar[Axis] = "amount"
    record: ClassVar = Record(
        {"kind": Text(), "name": Text(), "mean": Number(), "scale": Number(above=0)}
    )
    mean: float
    scale: float

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        return cls(record["name"], record["mean"], record["scale"])

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @abstractmethod
    def reader(self, mark: str) -> Callable[[Any], float | None]:
        """A function from one cell of a row to its finite number, None where it has none."""

    @property
    def line(self) -> tuple[float, float]:
        return self.mean, self.scale

    def cells_of(self, amounts: Floats) -> Cells:
        return amounts

    @property
    def input_names(self) -> tuple[str, ...]:
        return self.name, f"{self.name} unknown", f"{self.name} missing"

    @property
    def width(self) -> int:
        return 3

    @property
    def unknown(self) -> int:
        return 1

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, 3); an unknown or missing value is 0, the mean."""
        values, missing = self.amounts(cells)
        known = np.isfinite(values)
        standard = (np.where(known, values, self.mean) - self.mean) / self.scale
        return np.column_stack([clipped(standard), ~known & ~missing, missing]).astype(np.float32)


def standardizing(mean: str, scale: str) -> str:
    """How a scalar becomes inputs, in words."""
    return f"(value - {mean}) / {scale}, softly clipped, with inputs for unknown and missing"
