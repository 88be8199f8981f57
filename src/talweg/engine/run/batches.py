"""From rows to batches: in which order, how many at a time, and how the last one is filled up."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talweg.engine.run.program import Program, Rows
from talweg.gates import Array
from talweg.random import row_order

Batch = tuple[Array, Array, Array, Array]
"""x, y, row weights and count: the values of `BATCH_INPUTS`."""


def training_batches(program: Program, rows: Rows, epoch: int) -> Iterable[Batch]:
    """The batches of one epoch; a sum over one is divided by its rows times their mean weight."""
    size, count = program.batch_size, len(rows)
    order = row_order(program.seed, epoch, count) if program.shuffle else np.arange(count)
    for start in range(0, count, size):
        places = order[start : start + size]
        yield filled_up(rows, places, size, len(places) * rows.mean_weight)


def evaluation_batches(rows: Rows, size: int) -> Iterable[Batch]:
    """All rows in their order; a sum over one batch is divided by the weight of all rows."""
    total = float(rows.weights.sum())
    for start in range(0, len(rows), size):
        yield filled_up(rows, slice(start, start + size), size, total)


def filled_up(rows: Rows, places: Array | slice, size: int, count: float) -> Batch:
    """The rows at `places`, filled up to `size` with copies of the first, which weigh nothing.

    Copies, since a row of zeros could give an infinity, and 0 times that is no number.
    """
    x, y, weights = rows.x[places], rows.y[places], rows.weights[places]
    missing = size - len(x)
    if missing:
        x = np.concatenate([x, np.repeat(x[:1], missing, axis=0)])
        y = np.concatenate([y, np.repeat(y[:1], missing, axis=0)])
        weights = np.concatenate([weights, np.zeros(missing, weights.dtype)])
    return x, y, weights, np.asarray(count, dtype=weights.dtype)
