"""Rows of data, and the batches that they form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from talweg.gates import Array
from talweg.lazy import cached_property

BATCH_INPUTS = ("x", "y", "row_weights", "count")
"""The inputs of a step and of an evaluation that hold a batch, last in their graphs.

`row_weights` (N) is 0 for rows that only fill up the batch. A weighted sum over rows divided by
`count` is a mean.
"""
Batch = tuple[Array, Array, Array, Array]
"""x, y, row weights and count: the values of `BATCH_INPUTS`."""


@dataclass(frozen=True)
class Rows:
    """Training or validation rows: inputs (N, ...), targets (N, ...) and weights (N)."""

    x: Array
    y: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def mean_weight(self) -> float:
        return float(self.weights.mean(dtype=np.float64))


def evaluation_batches(rows: Rows, size: int) -> Iterable[Batch]:
    """All rows in order. `count` is the weight of all rows, so that the means of batches add up."""
    total = float(rows.weights.sum())
    for start in range(0, len(rows), size):
        yield filled_up(rows, slice(start, start + size), size, total)


def filled_up(rows: Rows, indices: Array | slice, size: int, count: float) -> Batch:
    """The rows at `indices`, filled up to `size` with copies of the first row of weight 0.

    A row of zeros could give an infinity instead, and 0 times infinity is NaN.
    """
    x, y, weights = rows.x[indices], rows.y[indices], rows.weights[indices]
    missing = size - len(x)
    if missing:
        x = np.concatenate([x, np.repeat(x[:1], missing, axis=0)])
        y = np.concatenate([y, np.repeat(y[:1], missing, axis=0)])
        weights = np.concatenate([weights, np.zeros(missing, weights.dtype)])
    return x, y, weights, np.asarray(count, dtype=weights.dtype)


def whole_batch(rows: Rows) -> Batch:
    """All rows, in order, as one batch."""
    return filled_up(rows, slice(None), len(rows), len(rows) * rows.mean_weight)
