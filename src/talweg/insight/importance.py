"""Permutation importance: how much worse a model gets when one column is shuffled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import evenly
from talweg.insight.encoded import EncodedRows
from talweg.insight.record import Record
from talweg.random import SHUFFLED_CELLS, generator

Floats = NDArray[np.float64]

REPEATS = 5
FEWEST_ROWS, FEWEST_REPEATS = 100, 2
ENOUGH_ROWS = 2_000  # below this, more rows are more informative than more repeats
# Rows x columns x repeats x weights: under a second at 10 billion per second. A limit in seconds
# would give other results on another machine.
MOST_WORK = 5e9
FEWEST_COLUMNS = 20
MOST_WORK_OF_FEWEST = 2e10  # with the fewest rows and repeats; beyond that, fewer columns


@dataclass(frozen=True, eq=False)
class Importance(Record):
    """How much worse the score of `rows` rows gets when a column is shuffled: C columns, R times.

    `losses` (C, R) are in units of the `score`: R2, which falls, or log loss, which rises. The
    model has `total` columns; of a great many, only those that its outputs are most correlated with
    are shuffled.
    """

    derived = ("mean", "spread")
    names: tuple[str, ...]
    losses: Floats
    score: str
    rows: int
    total: int

    @property
    def mean(self) -> Floats:
        """The mean over the R repeats, (C,)."""
        return np.asarray(self.losses.mean(axis=1))

    @property
    def spread(self) -> Floats:
        """The standard deviation over the R repeats, (C,)."""
        return np.asarray(self.losses.std(axis=1))

    @property
    def repeats(self) -> int:
        """How often each column was shuffled."""
        return int(self.losses.shape[1])

    def order(self) -> list[str]:
        """The columns from the most important to the least."""
        return list(self.sorted().names)

    def sorted(self) -> Importance:
        """The same, the most important column first."""
        order = np.argsort(-self.mean, kind="stable")
        names = tuple(self.names[index] for index in order)
        return replace(self, names=names, losses=self.losses[order])


def importance(rows: EncodedRows, *, repeats: int = REPEATS, seed: int = 0) -> Importance:
    """Shuffle each column in turn among the rows, and measure the loss of score (Breiman 2001).

    score(rows) - score(rows with one column shuffled), `repeats` times per column. To bound the
    work, large models and wide tables use fewer rows and repeats, very wide tables fewer columns.
    """
    weights, slices = rows.weights, rows.slices()
    least = weights * FEWEST_ROWS * FEWEST_REPEATS
    shuffled = _most_correlated(rows, slices, max(FEWEST_COLUMNS, int(MOST_WORK_OF_FEWEST / least)))
    work = len(shuffled) * weights  # for one row, once
    enough = min(ENOUGH_ROWS, len(rows))
    repeats = max(FEWEST_REPEATS, min(repeats, int(MOST_WORK / (work * enough))))
    rows = sample(rows, max(FEWEST_ROWS, int(MOST_WORK / (work * repeats))))
    before = rows.score(rows.outputs(rows.x))
    losses = [
        [
            before - _shuffled_score(rows, columns, seed, index * repeats + repeat)
            for repeat in range(repeats)
        ]
        for index, columns in enumerate(shuffled.values())
    ]
    score = "log loss" if rows.classes else "R2"
    return Importance(tuple(shuffled), np.array(losses), score, len(rows), len(slices))


def _most_correlated(rows: EncodedRows, slices: dict[str, slice], most: int) -> dict[str, slice]:
    """At most `most` columns: those most correlated with an output."""
    if len(slices) <= most:
        return slices
    x, outputs = (_standardized(values) for values in (rows.x, rows.outputs(rows.x)))
    correlations = np.abs(x.T @ outputs.reshape(len(outputs), -1)).max(axis=1)
    starts = [columns.start for columns in slices.values()]
    kept = np.argsort(-np.maximum.reduceat(correlations, starts), kind="stable")[:most]
    names = list(slices)
    return {names[index]: slices[names[index]] for index in np.sort(kept).tolist()}


def _standardized(values: NDArray[Any]) -> Floats:
    centered = values - values.mean(axis=0)
    scale = centered.std(axis=0)
    return np.asarray(centered / np.where(scale > 0, scale, 1))


def sample(rows: EncodedRows, most: int) -> EncodedRows:
    """At most `most` of the rows, evenly spaced from the first to the last."""
    if len(rows) <= most:
        return rows
    return rows.take(evenly(len(rows), most))


def _shuffled_score(rows: EncodedRows, columns: slice, seed: int, index: int) -> float:
    order = generator(seed, SHUFFLED_CELLS, index).permutation(len(rows))
    x = rows.x.copy()
    x[:, columns] = rows.x[order, columns]
    return rows.score(rows.outputs(x))
