"""Columns of words that have an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from talweg.data.columns.cells import Cells, as_words
from talweg.data.columns.kinds.base import ColumnType, Evidence, Inputs, Kind, present_texts
from talweg.data.columns.kinds.levels import OneHotColumn
from talweg.data.columns.scales import scale_of


@dataclass(frozen=True)
class OrdinalColumn(OneHotColumn):
    """A column of ordered words: one-hot, and one more input for the step of the scale.

    The step runs from -1 to 1; where it is not known it is 0, the middle.
    """

    kind: ClassVar[str] = "ordinal"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Self:
        return cls(name, tuple(detail))

    @property
    def input_names(self) -> tuple[str, ...]:
        return *super().input_names, f"{self.name} step"

    @property
    def width(self) -> int:
        return super().width + 1

    @property
    def steps(self) -> Inputs:
        """The step of each code, (width - 1,)."""
        steps = np.linspace(-1, 1, len(self.levels)) if len(self.levels) > 1 else [0.0]
        return np.array([*steps, 0, 0], np.float32)

    @property
    def use(self) -> str:
        return f"{super().use}, and its step"

    def encode(self, cells: Cells) -> Inputs:
        inputs = super().encode(cells)
        inputs[:, -1] = inputs[:, :-1] @ self.steps
        return inputs

    def shown_levels(self, cells: Cells) -> tuple[str, ...]:
        """All levels, in their order."""
        return self.levels


def _recognize(column: Evidence) -> ColumnType | None:
    order = scale_of(column.words.counts) or scale_of(column.texts)
    return ColumnType(column.name, ORDINAL.name, detail=order) if order else None


def _ask(name: str, cells: Cells, asked: str) -> tuple[str, ...] | None:
    return scale_of(present_texts(as_words(cells)))


ORDINAL = Kind(
    "ordinal",
    _recognize,
    OrdinalColumn,
    needs_text=True,
    ask=_ask,
    why_not=lambda asked: (
        "no known scale has its words. Give them in order, as in ['low', 'high']."
    ),
)
