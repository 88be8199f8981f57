"""Decides whether numbers go through bins, by training a few networks with and without them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.model.recipe import BINS, FEWEST_BINS
from talweg.data.split.split_rows import SplitRows
from talweg.nn.bins import Bins
from talweg.train.run.run import Run

_MOST_INPUTS = 512  # of the bins of all columns together; more cost more than they gain
_MOST_BINNED = 512  # columns; in more, even a few bins each need more weights than rows can train
_ROWS = 100_000  # from which the edges of bins are computed


def bins_of(rows: SplitRows, codes: Sequence[int], bins: int) -> Bins | None:
    """Bins of the inputs other than `codes`, from about 100,000 training rows at most."""
    count = rows.trainable.stop
    x = rows.inputs(slice(0, count, 1 + count // _ROWS))
    if codes:  # which have no order; constant columns get no bins
        x = x.copy()
        x[:, list(codes)] = 0
    return bins_for(x, bins)


def bins_for(rows: NDArray[Any], bins: int) -> Bins | None:
    """Bins of the columns with more than two values; None if there are none, or too many."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    varies = ((rows != low) & (rows != high)).any(axis=0)
    if not 0 < np.count_nonzero(varies) <= _MOST_BINNED:
        return None
    return Bins.from_rows(rows, bins)


def most_bins(columns: int) -> int:
    """The number of bins to try per column, for this many columns."""
    return min(BINS, max(FEWEST_BINS, _MOST_INPUTS // columns))


def is_better(binned: Mapping[int, Run], plain: Mapping[int, Run], rows: int) -> bool:
    """Whether networks with bins have clearly the lower loss on `rows` validation rows.

    After Ctrl-C, whether more networks with bins than without had started.
    """
    if len(plain) != len(binned):
        return len(binned) > len(plain)
    return validation_loss(binned) < (1 - _chance(rows)) * validation_loss(plain)


def _chance(rows: int) -> float:
    """The share of the loss on this many rows that may be due to chance.

    >>> _chance(800), _chance(10_000)
    (0.05, 0.02)
    """
    return min(0.05, 2 / math.sqrt(rows))


def validation_loss(runs: Mapping[int, Run]) -> float:
    """The mean validation loss at the best epochs; infinite if a run has none."""
    losses = [
        run.history["val_loss"][run.best_epoch - 1] for run in runs.values() if run.best_epoch
    ]
    return float(np.mean(losses)) if losses and len(losses) == len(runs) else np.inf
