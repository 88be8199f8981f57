"""A table that is ready to train on: split into folds, encoded, and with a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.packing import Unpack
from talweg.data.columns.roles import weights_in
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.model.inspected import InspectedTable
from talweg.data.model.recipe import Recipe, recipe_for
from talweg.data.model.targets.base import Target
from talweg.data.split.folds import FOLDS, folds_of
from talweg.data.split.split_rows import SplitRows
from talweg.data.split.timeline import Timeline


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Encoded rows with the encoder and the target that made them, and the recipe to train with.

    `order` holds the row of the table that each of `rows` comes from.
    """

    encoder: TableEncoder
    target: Target
    recipe: Recipe
    rows: SplitRows
    order: NDArray[np.intp]


def split_at_random(inspected: InspectedTable, given: Mapping[str, Any], seed: int) -> TrainingData:
    """Split the rows at random or by groups; the encoder is fitted to all rows."""
    classes = inspected.target.stratify(*inspected.target_cells)
    fold = folds_of(inspected.kept, inspected.roles.groups, classes, seed)
    # Fold after fold, so that the training rows are one slice of an array that may be mapped.
    order = np.argsort(fold, kind="stable")
    ends = np.cumsum(np.bincount(fold, minlength=FOLDS))
    return _encode(inspected, given, order, ends, learned=len(order))


def split_in_time(
    inspected: InspectedTable,
    given: Mapping[str, Any],
    timeline: Timeline,
    blocks: int,
    test_blocks: int = 0,
) -> TrainingData:
    """The first `blocks` of FOLDS blocks in chronological order.

    The last of them is for validation, and the `test_blocks` after them are for the test. The
    encoder is fitted to the rows before the test.
    """
    spans = np.append(0, timeline.ends)
    ends = spans[[blocks - 1, blocks, blocks + test_blocks]]
    order, learned = timeline.order[: ends[-1]], int(ends[-2])
    return _encode(inspected, given, order, ends, learned=learned, by_time=True)


def _encode(
    inspected: InspectedTable,
    given: Mapping[str, Any],
    order: NDArray[np.intp],
    ends: NDArray[np.intp],
    *,
    learned: int,
    by_time: bool = False,
) -> TrainingData:
    """These rows, encoded by an encoder fitted to the first `learned` of them."""
    roles, kept, cells = inspected.roles, inspected.kept, inspected.target_cells
    past = order[:learned] if by_time else None
    encoder = TableEncoder.fit(kept, roles.no_inputs, rows=past, types=inspected.types)
    target = inspected.target
    if past is not None and not target.has_classes:
        target = target.refit(*(column[past] for column in cells))
    weights = None if roles.weight is None else weights_in(kept, roles.weight)[order]
    inputs = len(encoder.inputs)
    recipe = recipe_for(learned, inputs, given, has_classes=target.has_classes)
    unpack = Unpack(encoder.columns) if recipe.is_packed else None
    x = encoder.encode(kept, order, unpack)
    y = target.encode(*(column[order] for column in cells))
    rows = SplitRows(x, y, weights, ends, by_time=by_time, unpack=unpack)
    return TrainingData(encoder, target, recipe, rows, order)
