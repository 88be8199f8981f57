"""Partial dependence: the mean prediction as a function of one column, all else unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Words
from talweg.data.columns.kinds.base import AmountColumn, Column
from talweg.data.columns.kinds.levels import LevelColumn
from talweg.data.model.targets.base import Target
from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.multi_regression import MultiRegression
from talweg.data.model.trained_table import TrainedTable
from talweg.insight.encoded import EncodedRows
from talweg.insight.importance import sample
from talweg.insight.predictions import shown_classes, shown_targets
from talweg.insight.record import Record
from talweg.insight.result_sentences import target_name

Floats = NDArray[np.float64]
Values = Floats | NDArray[np.datetime64] | tuple[str, ...]

ROWS = 500  # averaged over: the standard error is a twentieth of the predictions' spread
POINTS = 21
LEVELS = 10
INNER = (0.01, 0.99)  # the quantiles between which numbers vary, without outliers


@dataclass(frozen=True, eq=False)
class Dependence(Record):
    """The mean prediction when every row has one of G values in the column `name`.

    `predicted` names the quantity that is averaged. The values are numbers, dates or levels, (G,).
    There is a line (G,) for each target that is shown, or the probability of each class that is
    shown. Lines of several targets are in standard deviations from the mean. `unit` is that of the
    values.
    """

    name: str
    values: Values
    lines: Mapping[str, Floats]
    predicted: str
    unit: str = ""

    @property
    def widest(self) -> str:
        """The name of the line that varies most."""
        return max(self.lines, key=lambda name: float(np.ptp(self.lines[name])))


def dependence(
    rows: EncodedRows, names: Sequence[str], coding: Target | None = None
) -> list[Dependence]:
    """The partial dependence of the prediction on each of these columns (Friedman 2001).

    Columns that hold fewer than two values in these rows are left out. Lines of several targets
    are standardized as in `coding`, by default that of the rows.
    """
    rows, coding = sample(rows, ROWS), coding or rows.trained.target
    return [curve for name in names if (curve := _dependence(rows, name, coding))]


def _dependence(rows: EncodedRows, name: str, coding: Target) -> Dependence | None:
    trained = rows.trained
    column = next(column for column in trained.encoder.columns if column.name == name)
    held = rows.table.columns[rows.name_of(name)]
    values, cells = _varied(column, trained.encoder.as_trained(name, held))
    if len(values) < 2:
        return None
    columns = rows.slices()[name]
    means = [_mean_prediction(rows, columns, inputs) for inputs in column.encode(cells)]
    lines = _lines(trained, coding, np.array(means).reshape(len(cells), -1))
    predicted = predicted_name(trained)
    return Dependence(trained.called(name), values, lines, predicted, column.unit)


def _lines(trained: TrainedTable, coding: Target, means: Floats) -> dict[str, Floats]:
    """The mean predictions (G, K) by the name of what is predicted."""
    if isinstance(coding, Classification):
        shown = shown_classes(trained.held_out, coding.levels)
        return {coding.levels[k]: means[:, k] for k in shown}
    if isinstance(coding, MultiRegression):
        columns = zip(coding.columns, means.T, shown_targets(trained), strict=False)
        return {name: (mean - one.mean) / one.scale for one, mean, name in columns}
    return {target_name(trained): means[:, 0]}


def predicted_name(trained: TrainedTable) -> str:
    """The quantity that is averaged, in words."""
    coding = trained.target
    if isinstance(coding, MultiRegression):
        return "each target, in standard deviations from its mean"
    if not isinstance(coding, Classification):
        return target_name(trained)
    if len(coding.levels) > 2:
        return "the probability of each class"
    (shown,) = shown_classes(trained.held_out, coding.levels)
    return f"the probability of {coding.levels[shown]}"


def _varied(column: Column, cells: Cells) -> tuple[Values, Cells]:
    """The values to try, for the axis and as cells."""
    if isinstance(column, AmountColumn):
        amounts = column.amounts(cells)[0]
        if column.axis == "moment":
            seconds = _spread(amounts)
            return np.rint(seconds).astype("datetime64[s]"), column.cells_of(seconds)
        numbers = _numbers(amounts)
        return numbers, column.cells_of(numbers)
    assert isinstance(column, LevelColumn)
    levels = column.shown_levels(cells)
    levels = levels if column.is_closed else levels[:LEVELS]
    return levels, Words.of(levels)


def _spread(values: Floats) -> Floats:
    """Some of the distinct values, evenly spaced by rank from the lowest to the highest."""
    known = np.unique(values[np.isfinite(values)])
    chosen = np.unique(np.linspace(0, len(known) - 1, POINTS).astype(int))
    return known[chosen] if len(known) else known


def _numbers(values: Floats) -> Floats:
    """The column's values at evenly spaced quantiles, or all distinct ones if they are few."""
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    if len(distinct) <= POINTS:
        return distinct
    values = np.unique(np.quantile(finite, np.linspace(*INNER, POINTS)))
    # In a column that mostly holds one value, hardly any quantile is another one.
    return (
        values if len(values) > POINTS / 2 else np.quantile(distinct, np.linspace(*INNER, POINTS))
    )


def _mean_prediction(rows: EncodedRows, columns: slice, inputs: NDArray[np.float32]) -> Floats:
    x = rows.x.copy()
    x[:, columns] = inputs
    return np.asarray(rows.outputs(x).mean(axis=0))
