"""Dealing the rows of a table into folds, at random, by groups or by time, and encoding them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.encode import TableEncoder
from talweg.data.learnable import Learnable
from talweg.data.packing import Unpack
from talweg.data.recipe import FOLDS, Recipe, recipe_for
from talweg.data.roles import Roles, groups_in, order_in_time, weights_in
from talweg.data.table import Table
from talweg.data.target import Classification, Coding
from talweg.train.folds import Fold, dealt

Array = NDArray[Any]

_BLOCK = 2**14  # rows


@dataclass(frozen=True, eq=False)
class DealtRows:
    """Encoded rows x (N, D), targets y and weights (N,), fold after fold.

    With `unpack`, x is packed for that, and `inputs` are what it gives.

    Fold f ends before row `ends[f]`. Folds in the order of time are the same for all members: the
    last judges, the one before stops, so that nothing is learned from what comes later.
    """

    x: Array
    y: Array
    weights: Array | None
    ends: NDArray[np.intp]
    by_time: bool = False
    unpack: Unpack | None = None

    def inputs(self, rows: slice | NDArray[np.intp]) -> Array:
        """Some of the rows as inputs (N, D)."""
        x = self.x[rows]
        return x if self.unpack is None else self.unpack.apply({}, x).array

    def is_constant(self) -> NDArray[np.bool_]:
        """Which of the inputs (D,) are the same in all rows."""
        x = self.x
        if self.unpack is not None:  # to unpack ten million rows would take a tenth of all time
            blocks = (x[at : at + _BLOCK] for at in range(0, len(x), _BLOCK))
            few = np.concatenate([self.unpack.telling(each) for each in blocks])
            x = self.unpack.apply({}, self.unpack.telling(few)).array
        constant: NDArray[np.bool_] = x.min(axis=0) == x.max(axis=0)
        return constant

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
        return Fold(stop, judge, f"member {member + 1}", int(np.diff(self.ends, prepend=0).max()))


@dataclass(frozen=True, eq=False)
class Deal:
    """A table that is ready to be learned: encoded and dealt, and what it is learned with.

    `order` are the rows of the table in the order of the dealt ones.
    """

    encoder: TableEncoder
    coding: Coding
    recipe: Recipe
    rows: DealtRows
    order: NDArray[np.intp]


def dealt_table(seen: Learnable, given: Mapping[str, Any], seed: int) -> Deal:
    """Deal the rows, and encode them by what all rows say; in the order of time, the past ones."""
    roles, coding, kept, cells = seen.roles, seen.coding, seen.kept, seen.target_cells
    has_classes = isinstance(coding, Classification)
    labels = coding.encode(*cells) if has_classes else None
    fold = folds_of(kept, roles, dict(given["columns"]), labels, seed)
    # Fold after fold, so that training rows are one piece of what may be mapped from a file.
    order = np.argsort(fold, kind="stable")
    ends = np.cumsum(np.bincount(fold, minlength=FOLDS))
    past = order[: ends[-3]] if roles.time else None
    encoder = TableEncoder.fit(kept, roles.no_inputs, rows=past, types=seen.types)
    if past is not None and not isinstance(coding, Classification):
        coding = coding.again(*(column[past] for column in cells))
    weights = None if roles.weight is None else weights_in(kept, roles.weight)[order]
    recipe = recipe_for(len(kept), len(encoder.inputs), given, has_classes=has_classes)
    unpack = Unpack(encoder.columns) if recipe.is_packed else None
    x, y = encoder.encode(kept, order, unpack), coding.encode(*cells)[order]
    rows = DealtRows(x, y, weights, ends, by_time=roles.time is not None, unpack=unpack)
    return Deal(encoder, coding, recipe, rows, order)


def folds_of(table: Table, roles: Roles, asked: Any, labels: Array | None, seed: int) -> Array:
    """The fold of each row (N,): in the order of time, with whole groups, or each class alike."""
    if roles.time is not None:
        order = order_in_time(table, roles.time, asked.get(roles.time))
        fold = np.empty(len(order), dtype=np.intp)
        fold[order] = np.arange(len(order)) * FOLDS // len(order)
        return fold
    groups = None if roles.groups is None else groups_in(table, roles.groups)
    return dealt(len(table), FOLDS, labels=labels, groups=groups, seed=seed)
