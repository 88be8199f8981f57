"""Dealing the rows of a table into folds, at random, by groups or by time, and encoding them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.packing import Unpack
from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.model.learnable import Learnable
from talweg.data.model.recipe import FOLDS, Recipe, recipe_for
from talweg.data.model.roles import Roles, groups_in, weights_in
from talweg.data.model.target import Classification, Coding
from talweg.data.split.timeline import Timeline
from talweg.train.run.folds import Fold, dealt

Array = NDArray[Any]

_BLOCK = 2**14  # rows


@dataclass(frozen=True, eq=False)
class DealtRows:
    """Encoded rows x (N, D), targets y and weights (N,), fold after fold.

    With `unpack`, x is packed for that, and `inputs` are what it gives.

    Fold f ends before row `ends[f]`. In the order of time there are three folds, the same for all
    members: what is learned from, what stops, and what judges.
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
        """Which of the inputs (D,) are the same in all rows that may be learned from."""
        x = self.x[self.learnable]
        if self.unpack is not None:  # to unpack ten million rows would take a tenth of all time
            blocks = (x[at : at + _BLOCK] for at in range(0, len(x), _BLOCK))
            few = np.concatenate([self.unpack.telling(each) for each in blocks])
            x = self.unpack.apply({}, self.unpack.telling(few)).array
        constant: NDArray[np.bool_] = x.min(axis=0) == x.max(axis=0)
        return constant

    @property
    def learnable(self) -> slice:
        """The rows that some member may learn from."""
        return slice(int(self.ends[-2]) if self.by_time else len(self.x))

    def rows(self, fold: int) -> slice:
        """The rows of a fold, the last one being -1."""
        place = fold % len(self.ends)
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
    """Deal the rows at random or by groups, and encode them by what all rows say."""
    labels = None
    if isinstance(seen.coding, Classification):
        labels = seen.coding.encode(*seen.target_cells)
    fold = folds_of(seen.kept, seen.roles, labels, seed)
    # Fold after fold, so that training rows are one piece of what may be mapped from a file.
    order = np.argsort(fold, kind="stable")
    ends = np.cumsum(np.bincount(fold, minlength=FOLDS))
    return _encoded(seen, given, order, ends, learned=len(order))


def dealt_in_time(
    seen: Learnable, given: Mapping[str, Any], time: Timeline, blocks: int, judging: int = 0
) -> Deal:
    """The first of FOLDS `blocks` in the order of time: the last stops what the others teach, and
    the blocks behind it, `judging` of them, judge. Rows are encoded by what those before them say.
    """
    spans = np.append(0, time.ends)
    ends = spans[[blocks - 1, blocks, blocks + judging]]
    return _encoded(seen, given, time.order[: ends[-1]], ends, learned=int(ends[-2]), by_time=True)


def _encoded(
    seen: Learnable,
    given: Mapping[str, Any],
    order: NDArray[np.intp],
    ends: NDArray[np.intp],
    *,
    learned: int,
    by_time: bool = False,
) -> Deal:
    """These rows as they are dealt, encoded by what the first `learned` say."""
    roles, kept, cells = seen.roles, seen.kept, seen.target_cells
    has_classes = isinstance(seen.coding, Classification)
    past = order[:learned] if by_time else None
    encoder = TableEncoder.fit(kept, roles.no_inputs, rows=past, types=seen.types)
    coding = seen.coding
    if past is not None and not isinstance(coding, Classification):
        coding = coding.again(*(column[past] for column in cells))
    weights = None if roles.weight is None else weights_in(kept, roles.weight)[order]
    recipe = recipe_for(learned, len(encoder.inputs), given, has_classes=has_classes)
    unpack = Unpack(encoder.columns) if recipe.is_packed else None
    x, y = encoder.encode(kept, order, unpack), coding.encode(*(each[order] for each in cells))
    rows = DealtRows(x, y, weights, ends, by_time=by_time, unpack=unpack)
    return Deal(encoder, coding, recipe, rows, order)


def folds_of(table: Table, roles: Roles, labels: Array | None, seed: int) -> Array:
    """The fold of each row (N,): with whole groups, or each class alike."""
    groups = None if roles.groups is None else groups_in(table, roles.groups)
    return dealt(len(table), FOLDS, stratify=labels, groups=groups, seed=seed)
