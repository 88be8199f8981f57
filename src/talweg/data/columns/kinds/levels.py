"""Columns whose cells are one of several levels: one input per level, or the code of the level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import (
    Cells,
    Mask,
    Words,
    as_words,
    canonical,
    indices_of,
    is_missing,
)
from talweg.data.columns.column_builder import OTHER
from talweg.data.columns.familiar import Familiar
from talweg.data.columns.kinds.base import RARE, Axis, Column, Inputs
from talweg.data.columns.labels import named_marks
from talweg.lazy import cached_property
from talweg.schema import Exactly, Items, Record, Text

MOST_CODES = 100_000  # of one column; rarer levels count as unknown
_SHOWN = 6  # levels that a sentence names


@dataclass(frozen=True)
class LevelColumn(Column):
    """A column of levels. Their codes are 0, 1, ..., then that of unknown, then that of missing."""

    axis: ClassVar[Axis] = "level"
    record: ClassVar = Record(
        {"kind": Text(), "name": Text(), "levels": Items(Text(), unique=True)},
        optional={"is_code": Exactly(True)},
    )
    _share: ClassVar[str]  # what each level has among the inputs, in words
    levels: tuple[str, ...]

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> LevelColumn:
        return cls(record["name"], tuple(record["levels"]))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "levels": list(self.levels)}

    @property
    def unknown(self) -> int:
        return len(self.levels)

    @property
    def count(self) -> int:
        """The number of codes."""
        return len(self.levels) + 2

    def codes(self, cells: Cells) -> NDArray[np.intp]:
        """The code of each cell (N,)."""
        words = as_words(cells).in_use
        code_of = self.coder()
        return np.array([code_of(level) for level in words.levels], np.intp)[words.codes]

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return indices_of(self.levels)

    def coder(self) -> Callable[[str], int]:
        """A function from a text to its code: that of the text as written, or else of its
        canonical form.
        """
        codes = self._code_of
        unknown, missing = len(self.levels), len(self.levels) + 1

        def code_of(level: str) -> int:
            code = codes.get(level)
            if code is None:
                code = missing if is_missing(level) else codes.get(canonical(level), unknown)
            return code

        return code_of

    def shown_levels(self, cells: Cells) -> tuple[str, ...]:
        """The levels that occur among the cells, in the order in which a chart shows them."""
        return tuple(by_frequency(as_words(cells)))

    def familiar(self, cells: Cells) -> Familiar:
        codes = self.codes(cells)
        counts = (np.count_nonzero(codes == self.unknown + offset) for offset in (0, 1))
        return Familiar(len(codes), *map(int, counts))

    @property
    def use(self) -> str:
        shown = ", ".join(self.levels[:_SHOWN])
        more = ", ..." if len(self.levels) > _SHOWN else ""
        levels = f"{len(self.levels):,} levels ({shown}{more})"
        return f"{self._share} for each of {levels}, unknown, missing"


@dataclass(frozen=True)
class OneHotColumn(LevelColumn):
    """A column with one input per level, then unknown, then missing."""

    _share: ClassVar[str] = "an input"

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name} {level}" for level in (*self.levels, "unknown", "missing"))

    @property
    def width(self) -> int:
        return len(self.levels) + 2

    @property
    def steps(self) -> Inputs | None:
        """The step of each code, where the levels have an order and one more input for it."""
        return None

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, width), a single 1 in each row."""
        codes = self.codes(cells)
        inputs = np.zeros((len(codes), self.width), np.float32)
        inputs[np.arange(len(codes)), codes] = 1
        return inputs


@dataclass(frozen=True)
class CodeColumn(LevelColumn):
    """A column of more categories than get an input each: one input, the code of the level.

    The network learns a vector for each code (`Embedding`).
    """

    kind: ClassVar[str] = "category"
    is_closed: ClassVar[bool] = False
    _share: ClassVar[str] = "a learned vector"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Self:
        return cls(name, tuple(learnable_levels(as_words(cells))[:MOST_CODES]))

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "is_code": True}

    @property
    def input_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def width(self) -> int:
        return 1

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, 1): float32 holds their codes exactly."""
        return self.codes(cells).astype(np.float32)[:, None]

    def flags(self, inputs: Inputs) -> tuple[Mask, Mask]:
        return inputs[:, 0] == self.unknown, inputs[:, 0] == self.unknown + 1


def by_frequency(words: Words) -> list[str]:
    """The texts that are not missing, the most frequent first, then by the alphabet."""
    counts = words.counts
    known = [level for level in counts if not is_missing(level)]
    return sorted(known, key=lambda level: (-counts[level], level))


def learnable_levels(words: Words) -> list[str]:
    """The levels of enough rows to be learned, the most frequent first, then by the alphabet."""
    counts = words.counts
    counts.pop(OTHER, None)
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    marks = named_marks(counts)
    kept = (level for level in ordered if level in marks or not is_missing(level))
    return [level for level in kept if counts[level] >= RARE]
