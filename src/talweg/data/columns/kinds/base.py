"""The base of all kinds: the evidence on a column, the type of a column, a fitted column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Mask,
    Moments,
    Words,
    are_numbers,
    as_words,
    is_missing,
    mark_of,
    parse_numbers,
)
from talweg.data.columns.familiar import Familiar
from talweg.lazy import cached_property
from talweg.schema import Record

RARE = 3  # levels seen in fewer rows count as unknown, which trains the input for unknown cells


class Evidence:
    """A column whose kind is to be detected. Its views are computed on first use."""

    def __init__(self, name: str, cells: Cells) -> None:
        self.name, self.cells = name, cells

    @cached_property
    def _parsed(self) -> tuple[Floats, Mask]:
        return parse_numbers(self.cells)

    @property
    def values(self) -> Floats:
        """The cells as numbers (N,), NaN for cells that are not numbers."""
        return self._parsed[0]

    @property
    def missing(self) -> Mask:
        """Which cells (N,) are missing."""
        return self._parsed[1]

    @cached_property
    def present(self) -> Cells:
        """The cells that are not missing."""
        return self.cells[~self.missing]

    @cached_property
    def is_numeric(self) -> bool:
        """Whether nearly all present cells are numbers."""
        return are_numbers(self.values[~self.missing])

    @cached_property
    def is_text(self) -> bool:
        """Whether the cells are neither numbers nor dates that are parsed already."""
        return not self.is_numeric and not isinstance(self.cells, Moments)

    @cached_property
    def words(self) -> Words:
        """The present cells as words."""
        return as_words(self.present)

    @cached_property
    def texts(self) -> Mapping[str, int]:
        """How often each text occurs, words such as "none" left out; empty for plain numbers."""
        if self.is_numeric and not isinstance(self.cells, Words):
            return {}
        return present_texts(self.words)


def present_texts(words: Words) -> dict[str, int]:
    """How often each text occurs, without those that mark a missing cell."""
    return {text: count for text, count in words.counts.items() if not is_missing(text, vague=True)}


Inputs = NDArray[np.float32]
Axis = Literal["amount", "moment", "level"]
"""What the values of a column are on the axis of a chart."""


@dataclass(frozen=True)
class ColumnType:
    """The kind of a column of a table, before anything is fitted.

    `why` says why a network cannot use the column; it is empty if it can. `note` is a doubt that
    the user should check. `detail` is what the kind needs besides the cells: the style of dates, a
    decimal mark that was asked for, the words of a scale in order. `missing` counts the missing
    cells.
    """

    name: str
    kind: str
    why: str = ""
    note: str = ""
    detail: tuple[str, ...] = ()
    missing: int = field(default=0, compare=False)

    @property
    def used(self) -> bool:
        """Whether the column becomes inputs."""
        return not self.why


@dataclass(frozen=True)
class Column(ABC):
    """A column fitted to the cells of training, which encodes any cells as inputs.

    Every column has an input for "unknown" (a cell that training could not learn from) and one
    for "missing", so that it can encode any cell later.
    """

    kind: ClassVar[str]
    record: ClassVar[Record]
    axis: ClassVar[Axis]
    unit: ClassVar[str] = ""  # of amounts, on the axis of a chart
    unknown_word: ClassVar[str] = "unknown"  # what messages call an unknown cell
    is_closed: ClassVar[bool] = True  # whether a clean column has no unknown cells at all
    name: str

    @classmethod
    @abstractmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Column:
        """The column of these cells; `detail` is that of its type."""

    @classmethod
    @abstractmethod
    def from_json(cls, record: dict[str, Any]) -> Column:
        """The column that `to_json` stored in a model file, after `record` has checked it."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The record of the column in a model file."""

    @property
    @abstractmethod
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The number of inputs."""

    @property
    @abstractmethod
    def unknown(self) -> int:
        """Which input or code stands for unknown cells; the next one stands for missing cells."""

    @property
    @abstractmethod
    def use(self) -> str:
        """How the column becomes inputs, in words."""

    @property
    def reads_numbers(self) -> bool:
        """Whether a file to predict is read with this column as plain numbers."""
        return False

    @abstractmethod
    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, width)."""

    @abstractmethod
    def familiar(self, cells: Cells) -> Familiar:
        """The counts and the range of the cells (N,) of training."""

    def flags(self, inputs: Inputs) -> tuple[Mask, Mask]:
        """Which rows of inputs (N, width) are unknown, and which are missing."""
        return inputs[:, self.unknown] == 1, inputs[:, self.unknown + 1] == 1


@dataclass(frozen=True)
class AmountColumn(Column):
    """A column whose cells lie on a line: numbers, durations, dates."""

    @abstractmethod
    def amounts(self, cells: Cells) -> tuple[Floats, Mask]:
        """The cells as numbers (N,), finite where a cell is known, and which are missing (N,)."""

    @abstractmethod
    def cells_of(self, amounts: Floats) -> Cells:
        """Cells that `amounts` reads as these numbers (N,)."""

    @abstractmethod
    def text_of(self, amount: float) -> str:
        """An amount in the words of the column. OverflowError: there is no such date."""

    @property
    @abstractmethod
    def line(self) -> tuple[float, float] | None:
        """Mean and scale by which the first input standardizes an amount; None if it does not
        depend on the amount.
        """

    def familiar(self, cells: Cells) -> Familiar:
        return Familiar.of_amounts(*self.amounts(cells))


def _never(evidence: Evidence) -> None:
    """Recognizes no column."""


def _no_detail(name: str, cells: Cells, asked: str) -> tuple[str, ...] | None:
    return ()


def _no_hint(evidence: Evidence) -> str:
    return ""


def _read_mark(column: ColumnType, cells: Cells) -> str:
    return mark_of(cells)


@dataclass(frozen=True)
class Kind:
    """One row of the table of kinds.

    A column is of the first kind whose `recognize` returns a type for it. `column` is the class of
    its fitted columns, None where a network cannot use the kind.

    Users ask for a kind by its name or by one of its `options`; `ask` then returns the detail of
    the type, or None if the cells are not of the kind, and `why_not` says why.
    """

    name: str
    recognize: Callable[[Evidence], ColumnType | None] = _never
    column: type[Column] | None = None
    options: tuple[str, ...] = ()
    ask: Callable[[str, Cells, str], tuple[str, ...] | None] = _no_detail
    why_not: Callable[[str], str] = str
    mark: Callable[[ColumnType, Cells], str] = _read_mark  # the decimal mark to read cells by
    hint: Callable[[Evidence], str] = _no_hint  # to the user, on text that is nearly of the kind
    needs_text: bool = False  # whether numbers and parsed dates are never of the kind
    vague_is_missing: bool = True  # whether words such as "none" and "-" are missing cells
    may_count_rows: bool = False  # whether all rows of a table may show that it numbers them
    is_fallback: bool = False  # whether columns that nearly are of another kind end here
    by_choice: bool = False  # whether the user chose it, whatever the cells
    last_resort: str = ""  # the kind to use instead if there is nothing else to learn from

    @property
    def names(self) -> tuple[str, ...]:
        """All names by which the kind may be asked for."""
        return self.name, *self.options
