"""Warns of cells in rows to predict that are unknown, missing or far outside the range of training.

Training has such cells, too, so counts are compared: a rare word or a new largest number in one
part of a split table is ordinary. A warning names cells that

- no clean column has (text among numbers, a third boolean, a number ten times as far from the mean
  as any of training), if training had none;
- fill a tenth of the rows, if they filled less than a hundredth of the rows of training, or none
  in the case of missing cells;
- are more frequent than in training, by more than chance allows once in a thousand times.

A number is far outside if it is twice as far from the mean as any of training on its side.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from talweg.data.columns.cells import Cells, Mask, Numbers, Words, texts
from talweg.data.columns.familiar import FAR, Familiar, Fault
from talweg.data.columns.kinds.base import AmountColumn, Column, Inputs
from talweg.data.columns.kinds.scalar import clipped
from talweg.data.columns.values import shown
from talweg.errors import DataWarning, user_level

_LARGE, _SMALL = 0.1, 0.01  # shares of the rows to predict, and of those of training
_CHANCE = 1e-3
_MOST_NAMED = 5  # columns in a sentence
_CLOSE = 1 - 1e-5  # float32 may round an input to just inside of a bound

_FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass
class Unfamiliar:
    """Counts, over one or more tables, the cells that training did not have.

    `faults` has, for each column and fault, the count and the first cell.
    """

    columns: Sequence[Column]
    familiar: Mapping[str, Familiar]
    rows: int = 0
    faults: dict[tuple[str, Fault], tuple[int, str]] = field(default_factory=dict)

    def note(self, column: str, fault: Fault, count: int, example: str) -> None:
        """Add `count` cells of a column with this fault."""
        so_far, first = self.faults.get((column, fault), (0, example))
        self.faults[column, fault] = so_far + count, first

    def look(self, column: Column, cells: Cells, inputs: Inputs) -> None:
        """Count the faults of the cells (N,) of a column, given their inputs (N, width)."""
        familiar = self.familiar.get(column.name)
        if familiar is None or not len(inputs):
            return
        unknown, missing = column.flags(inputs)
        self._note_rows(column.name, "unknown", unknown, cells)
        self._note_rows(column.name, "missing", missing, cells)
        if isinstance(column, AmountColumn):
            self._look_far(column, familiar, cells, inputs)

    def _look_far(
        self, column: AmountColumn, familiar: Familiar, cells: Cells, inputs: Inputs
    ) -> None:
        if column.line is None:
            return
        mean, scale = column.line
        low, high = familiar.bounds(FAR)
        ends = clipped((np.array([low, high]) - mean) / scale) * _CLOSE
        rows = np.flatnonzero((inputs[:, 0] <= ends[0]) | (inputs[:, 0] >= ends[1]))
        if not len(rows):
            return
        values, _ = column.amounts(_in_use(cells[rows]))
        faults = [familiar.fault_of(value) for value in values.tolist()]
        for fault in _FAULTS:
            has_fault = np.array([other == fault for other in faults])
            self._note_rows(column.name, fault, has_fault, cells[rows])

    def _note_rows(self, column: str, fault: Fault, has_fault: Mask, cells: Cells) -> None:
        count = int(np.count_nonzero(has_fault))
        if count:
            self.note(column, fault, count, _example(cells, int(np.argmax(has_fault))))

    # The warning --------------------------------------------------------------------------------

    def warn(self, source: str) -> None:
        """A DataWarning if anything is out of the ordinary."""
        if self.faults and (message := self.message(source)):
            warnings.warn(message, DataWarning, stacklevel=user_level())

    def message(self, source: str) -> str:
        """The unusual cells, column by column; "" if there are none."""
        parts = [part for column in self.columns if (part := self._part(column))]
        if not parts:
            return ""
        more = len(parts) - _MOST_NAMED
        shown_parts = parts[:_MOST_NAMED] + [f"{more} more columns"] * (more > 0)
        rows = "row to predict has" if self.rows == 1 else f"{self.rows:,} rows to predict have"
        return (
            f"{source}: the {rows} cells unlike the training data. {'; '.join(shown_parts)}."
            " The network treats unknown and missing cells as such, and pulls values far outside"
            " the training range toward it. Check that these columns mean the same as in training."
        )

    def _part(self, column: Column) -> str:
        """The part of the message about a column."""
        familiar = self.familiar.get(column.name)
        words: dict[Fault, str] = {}
        for fault in _FAULTS:
            count, example = self.faults.get((column.name, fault), (0, ""))
            if familiar and count and self._is_news(column, fault, count, familiar):
                words[fault] = _words(column, fault, count, example, familiar)
        if "farther" in words:
            words.pop("far", None)
        return f"{column.name!r}: {', '.join(words.values())}" if words else ""

    def _is_news(self, column: Column, fault: Fault, count: int, familiar: Familiar) -> bool:
        """Apply the rules in the module docstring."""
        before = {"unknown": familiar.unknown, "missing": familiar.missing}.get(fault, 0)
        never = fault == "farther" or (fault == "unknown" and column.is_closed)
        if before == 0 and never:
            return True
        few = 1 if fault == "missing" else _SMALL * familiar.rows
        if count >= _LARGE * self.rows and before < max(few, 1):
            return True
        return chance(count, self.rows, before, familiar.rows) < _CHANCE


def chance(count: int, rows: int, before: int, rows_before: int) -> float:
    """An upper bound (Chernoff) on the probability that this many of all such cells fall among the
    `rows`, if all rows are alike.

    >>> round(chance(2, 100, 0, 300), 4), chance(1, 100, 3, 300)
    (0.0625, 1.0)
    """
    share, expected = count / (count + before), rows / (rows + rows_before)
    if share <= expected or not rows_before:
        return 1.0
    gap = share * math.log(share / expected)
    if share < 1:
        gap += (1 - share) * math.log((1 - share) / (1 - expected))
    return math.exp(-(count + before) * gap)


def _in_use(cells: Cells) -> Cells:
    return cells.in_use if isinstance(cells, Words) else cells


def _example(cells: Cells, row: int) -> str:
    """The text of a cell; of a number that was not kept, one of the texts that are not numbers."""
    if isinstance(cells, Numbers) and cells.tally.odd:
        return next(iter(cells.tally.odd))
    return texts(_in_use(cells[np.array([row])]))[0]


def _words(column: Column, fault: Fault, count: int, example: str, familiar: Familiar) -> str:
    """The text for one fault of a column."""
    if fault == "missing":
        return f"{count:,} missing"
    if fault == "unknown":
        return f"{count:,} {column.unknown_word} (such as {shown(example)})"
    assert isinstance(column, AmountColumn) and familiar.low is not None
    assert familiar.high is not None
    low, high = column.text_of(familiar.low), column.text_of(familiar.high)
    return f"{count:,} far outside {low} to {high} (such as {example})"
