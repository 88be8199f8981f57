"""Which columns a model relies on: how much worse it gets where one of them is shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import evenly
from talweg.insight.encoded import EncodedRows
from talweg.random import SHUFFLED_CELLS, generator

Floats = NDArray[np.float64]

REPEATS = 5
FEWEST_ROWS, FEWEST_REPEATS = 100, 2
ENOUGH_ROWS = 2_000  # up to which more rows say more than more repeats
# Rows x columns x repeats x weights: under a second at 10 billion a second, and the same on any
# machine, as a limit in seconds would not be.
MOST_WORK = 5e9
FEWEST_COLUMNS = 20
MOST_WORK_OF_FEWEST = 2e10  # with the fewest rows and repeats: fewer columns where it takes more


@dataclass(frozen=True, eq=False)
class Importance:
    """How far the score of `rows` rows gets worse where a column is shuffled, (C, R) for C columns.

    The score is R2, which then falls, or the log loss, which rises. The model has `of` columns:
    of very many, those are shuffled that its outputs are most correlated with.
    """

    names: tuple[str, ...]
    worse: Floats
    score: str
    rows: int
    of: int

    @property
    def mean(self) -> Floats:
        """The mean over the R repeats, (C,)."""
        return np.asarray(self.worse.mean(axis=1))

    @property
    def spread(self) -> Floats:
        """The standard deviation over the R repeats, (C,)."""
        return np.asarray(self.worse.std(axis=1))

    def order(self) -> list[str]:
        """The columns from the most important to the least."""
        return [self.names[place] for place in np.argsort(-self.mean, kind="stable")]


def importance(rows: EncodedRows, *, repeats: int = REPEATS, seed: int = 0) -> Importance:
    """Shuffle each column in turn among the rows, and see what that costs (Breiman 2001).

    score(rows) - score(rows with one column shuffled), `repeats` times a column. Large models
    and wide tables are looked at in fewer rows, and fewer times, very wide ones in fewer columns.
    """
    weights, every = rows.weights, rows.places()
    least = weights * FEWEST_ROWS * FEWEST_REPEATS
    places = _followed(rows, every, max(FEWEST_COLUMNS, int(MOST_WORK_OF_FEWEST / least)))
    work = len(places) * weights  # of one row, once
    enough = min(ENOUGH_ROWS, len(rows))
    repeats = max(FEWEST_REPEATS, min(repeats, int(MOST_WORK / (work * enough))))
    rows = some_of(rows, max(FEWEST_ROWS, int(MOST_WORK / (work * repeats))))
    before = rows.score(rows.outputs(rows.x))
    worse = [
        [
            before - _shuffled_score(rows, place, seed, index * repeats + each)
            for each in range(repeats)
        ]
        for index, place in enumerate(places.values())
    ]
    score = "log loss" if rows.classes else "R2"
    return Importance(tuple(places), np.array(worse), score, len(rows), len(every))


def _followed(rows: EncodedRows, places: dict[str, slice], most: int) -> dict[str, slice]:
    """At most so many columns: those that an output is most correlated with."""
    if len(places) <= most:
        return places
    x, said = (_standardised(each) for each in (rows.x, rows.outputs(rows.x)))
    shared = np.abs(x.T @ said.reshape(len(said), -1)).max(axis=1)
    starts = [each.start for each in places.values()]
    kept = np.argsort(-np.maximum.reduceat(shared, starts), kind="stable")[:most]
    names = list(places)
    return {names[place]: places[names[place]] for place in np.sort(kept).tolist()}


def _standardised(values: NDArray[Any]) -> Floats:
    centred = values - values.mean(axis=0)
    scale = centred.std(axis=0)
    return np.asarray(centred / np.where(scale > 0, scale, 1))


def some_of(rows: EncodedRows, most: int) -> EncodedRows:
    """At most so many of the rows, evenly from first to last."""
    if len(rows) <= most:
        return rows
    return rows.take(evenly(len(rows), most))


def _shuffled_score(rows: EncodedRows, place: slice, seed: int, index: int) -> float:
    order = generator(seed, SHUFFLED_CELLS, index).permutation(len(rows))
    x = rows.x.copy()
    x[:, place] = rows.x[order, place]
    return rows.score(rows.outputs(x))
