"""The batches of an epoch: which rows, in which order, how many at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talweg.engine.run.program import Program
from talweg.engine.run.rows import Batch, Rows, filled_up
from talweg.random import row_order


def training_batches(program: Program, rows: Rows, epoch: int) -> Iterable[Batch]:
    """The batches of one epoch; a sum over one is divided by its rows times their mean weight."""
    size, count = program.schedule.batch_size, len(rows)
    order = (
        row_order(program.schedule.seed, epoch, count)
        if program.schedule.shuffle
        else np.arange(count)
    )
    for start in range(0, count, size):
        places = order[start : start + size]
        yield filled_up(rows, places, size, len(places) * rows.mean_weight)
