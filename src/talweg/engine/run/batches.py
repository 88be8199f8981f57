"""The batches of a training epoch: which rows, in which order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talweg.engine.run.program import Program
from talweg.engine.run.rows import Batch, Rows, filled_up
from talweg.random import row_order


def training_batches(program: Program, rows: Rows, epoch: int) -> Iterable[Batch]:
    """The batches of an epoch. `count` is the number of rows times the mean weight of all rows."""
    size, count = program.schedule.batch_size, len(rows)
    order = (
        row_order(program.schedule.seed, epoch, count)
        if program.schedule.shuffle
        else np.arange(count)
    )
    for start in range(0, count, size):
        indices = order[start : start + size]
        yield filled_up(rows, indices, size, len(indices) * rows.mean_weight)
