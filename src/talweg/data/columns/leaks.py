"""Columns that repeat another one, or that all but tell the target."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple, Self

import numpy as np

from talweg.data.columns.cells import Cells, Floats, Mask, Readings, Words, as_words, parse_numbers
from talweg.data.columns.counters import FEWEST_COUNTED

NEARLY = 0.999  # a correlation, or a share of rows, from which a column all but tells the target


class LearnedTarget(NamedTuple):
    """The cells of a target, parsed once for all columns: as numbers (N,), which of them are
    finite, and which are missing.
    """

    cells: Cells
    values: Floats
    finite: Mask
    missing: Mask

    @classmethod
    def of(cls, cells: Cells) -> Self:
        values, missing = parse_numbers(cells)
        return cls(cells, values, np.isfinite(values), missing)


def digest_of(cells: Cells) -> bytes:
    """The same bytes for columns that are equal cell by cell."""
    if isinstance(cells, Words):
        return blake2b(cells.codes.tobytes(), key=_key(repr(cells.levels).encode())).digest()
    values = cells.values if isinstance(cells, Readings) else cells
    return blake2b(values.tobytes()).digest()


def _key(raw: bytes) -> bytes:
    return blake2b(raw).digest()


def tells(cells: Cells, target: LearnedTarget) -> bool:
    """Whether the column alone nearly gives the target, in the rows that have both."""
    values, missing = parse_numbers(cells)
    both = np.isfinite(values) & target.finite
    column_values, target_values = values[both], target.values[both]
    is_half = len(column_values) > len(values) / 2
    if is_half and len(np.unique(target_values[:10_000])) > 10:
        return _correlation(column_values, target_values) >= NEARLY
    if _has_many_values(cells) or _has_many_values(target.cells):
        return False
    rows = ~missing & ~target.missing
    return _share_told(as_words(cells)[rows], as_words(target.cells)[rows]) >= NEARLY


def _has_many_values(cells: Cells) -> bool:
    """Whether numbers are too many to be groups: as words, ten million would be as many texts."""
    if isinstance(cells, Readings):
        return True
    return not isinstance(cells, Words) and len(np.unique(cells[:10_000])) > 200


def _correlation(a: Floats, b: Floats) -> float:
    """|r| of numbers (N,). Overwrites both with their distances from the mean."""
    a -= a.mean()
    b -= b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / spread if spread > 0 else 0.0


def _share_told(words: Words, labels: Words) -> float:
    """The share of rows whose label is the most frequent one of their word; 0 where words or
    labels rarely repeat, so that each word would name its own row.
    """
    few = len(labels.levels) <= 100 and 2 <= len(words.counts) <= max(2 * len(labels.counts), 10)
    few = few and 2 * len(words.counts) <= len(words)
    if not few or len(labels.counts) < 2 or len(words) < FEWEST_COUNTED:
        return 0.0
    pairs = words.codes.astype(np.int64) * len(labels.levels) + labels.codes
    table = np.bincount(pairs, minlength=len(words.levels) * len(labels.levels))
    table = table.reshape(len(words.levels), len(labels.levels))
    best = table.max(axis=1).sum() / table.sum()
    trivial = table.sum(axis=0).max() / table.sum()
    return float(best) if trivial < NEARLY else 0.0
