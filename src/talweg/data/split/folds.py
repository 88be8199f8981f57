"""Split the rows of a table into folds, at random, by class or by group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import as_words
from talweg.data.columns.table import Table
from talweg.train.run.folds import dealt

FOLDS = 8  # of a table: a network trains on six, validates on one, and is tested on the last


def folds_of(
    table: Table, groups: str | None, classes: NDArray[Any] | None, seed: int
) -> NDArray[np.intp]:
    """The fold of each row (N,): rows of one group together, each class evenly over the folds."""
    numbers = None if groups is None else groups_in(table, groups)
    return dealt(len(table), FOLDS, stratify=classes, groups=numbers, seed=seed)


def groups_in(table: Table, name: str) -> NDArray[np.int32]:
    """A number for the group of each row (N,)."""
    return as_words(table.columns[name]).codes
