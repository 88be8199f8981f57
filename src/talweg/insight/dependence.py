"""How the prediction follows one column, the others left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Words
from talweg.data.columns.kinds.base import AmountColumn, Column
from talweg.data.columns.kinds.date import DAY, YEAR
from talweg.data.columns.kinds.levels import LevelColumn
from talweg.insight.encoded import EncodedRows
from talweg.insight.importance import some_of

Floats = NDArray[np.float64]

ROWS = 500  # averaged over: the standard error is then a twentieth of the predictions' spread
POINTS = 21
LEVELS = 10
INNER = (0.01, 0.99)  # the quantiles between which numbers are varied: outliers say little


@dataclass(frozen=True, eq=False)
class Dependence:
    """The mean prediction (G, K) where every row has one of G values of the column `name`.

    The values are numbers or years (G,), or levels; K counts the targets that are numbers, or the
    classes.
    """

    name: str
    values: Floats | tuple[str, ...]
    means: Floats


def dependence(rows: EncodedRows, names: Sequence[str]) -> list[Dependence]:
    """The partial dependence of the prediction on each of these columns (Friedman 2001), but for
    those that have one value in these rows, or none.
    """
    rows = some_of(rows, ROWS)
    return [each for name in names if (each := _on(rows, name))]


def _on(rows: EncodedRows, name: str) -> Dependence | None:
    column = next(each for each in rows.trained.encoder.columns if each.name == name)
    met = rows.table.columns[rows.name_of(name)]
    values, cells = _varied(column, rows.trained.encoder.as_trained(name, met))
    if len(values) < 2:
        return None
    place = rows.places()[name]
    means = [_mean_prediction(rows, place, each) for each in column.encode(cells)]
    return Dependence(name, values, np.array(means).reshape(len(cells), -1))


def _varied(column: Column, cells: Cells) -> tuple[Floats | tuple[str, ...], Cells]:
    """The values to try, for the axis and as cells."""
    if isinstance(column, AmountColumn):
        amounts = column.amounts(cells)[0]
        if column.axis == "moment":
            moments = _spread(amounts)
            return 1970 + moments / (DAY * YEAR), column.cells_of(moments)
        numbers = _numbers(amounts)
        return numbers, column.cells_of(numbers)
    assert isinstance(column, LevelColumn)
    levels = column.shown_levels(cells)
    levels = levels if column.is_closed else levels[:LEVELS]
    return levels, Words.of(levels)


def _spread(values: Floats) -> Floats:
    """Some of the values, evenly by their rank from the lowest to the highest."""
    known = np.unique(values[np.isfinite(values)])
    chosen = np.unique(np.linspace(0, len(known) - 1, POINTS).astype(int))
    return known[chosen] if len(known) else known


def _numbers(values: Floats) -> Floats:
    """Values of the column at evenly spaced quantiles, or all of them where they are few."""
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    if len(distinct) <= POINTS:
        return distinct
    values = np.unique(np.quantile(finite, np.linspace(*INNER, POINTS)))
    # of a column that is mostly one value, hardly any quantile is another one
    return (
        values if len(values) > POINTS / 2 else np.quantile(distinct, np.linspace(*INNER, POINTS))
    )


def _mean_prediction(rows: EncodedRows, place: slice, inputs: NDArray[np.float32]) -> Floats:
    x = rows.x.copy()
    x[:, place] = inputs
    return np.asarray(rows.outputs(x).mean(axis=0))
