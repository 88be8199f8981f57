"""Dealing the rows of a table into folds: at random, by groups or by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.recipe import FOLDS
from talweg.data.roles import Roles, groups_in, order_in_time
from talweg.data.table import Table
from talweg.train.folds import Fold, dealt

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class DealtRows:
    """Encoded rows x (N, D), targets y and weights (N,), fold after fold.

    Fold f ends before row `ends[f]`. Folds in the order of time are the same for all members: the
    last judges, the one before stops, so that nothing is learned from what comes later.
    """

    x: Array
    y: Array
    weights: Array | None
    ends: NDArray[np.intp]
    by_time: bool = False

    def rows(self, fold: int) -> slice:
        """The rows of a fold, the last one being -1."""
        place = fold % FOLDS
        return slice(int(self.ends[place - 1]) if place else 0, int(self.ends[place]))

    def judging(self, member: int) -> slice:
        """The rows that a member is judged on."""
        return self.rows(-1 if self.by_time else -1 - member)

    def stopping(self, member: int) -> slice:
        """The rows that a member stops by."""
        return self.rows(-2 if self.by_time else -2 - member)

    def fold(self, member: int) -> Fold:
        """The rows that a member does not learn from."""
        count = np.arange(len(self.x))
        stop, judge = count[self.stopping(member)], count[self.judging(member)]
        return Fold(stop, judge, f"member {member + 1}")


def folds_of(table: Table, roles: Roles, asked: Any, labels: Array | None, seed: int) -> Array:
    """The fold of each row (N,): in the order of time, with whole groups, or each class alike."""
    if roles.time is not None:
        order = order_in_time(table, roles.time, asked.get(roles.time))
        fold = np.empty(len(order), dtype=np.intp)
        fold[order] = np.arange(len(order)) * FOLDS // len(order)
        return fold
    groups = None if roles.groups is None else groups_in(table, roles.groups)
    return dealt(len(table), FOLDS, labels=labels, groups=groups, seed=seed)
