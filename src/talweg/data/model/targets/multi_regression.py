"""Several columns of numbers that one network predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Floats
from talweg.data.model.scores import Score, several_scores
from talweg.data.model.targets.base import Array, Kind, Predicted, held_out_arrays
from talweg.data.model.targets.regression import NumericTarget, Regression
from talweg.lazy import cached_property


@dataclass(frozen=True)
class MultiRegression(NumericTarget):
    """Several columns of numbers (T of them), each standardized."""

    targets: tuple[Regression, ...]

    @property
    def columns(self) -> tuple[Regression, ...]:
        return self.targets

    @property
    def metrics(self) -> list[str]:
        return []  # errors of several columns have no unit in common

    @cached_property
    def scales(self) -> Floats:
        return np.array([column.scale for column in self.targets])

    def refit(self, *cells: Cells) -> MultiRegression:
        pairs = zip(self.targets, cells, strict=True)
        return MultiRegression(tuple(target.refit(column) for target, column in pairs))

    def encode(self, *cells: Cells) -> NDArray[np.float32]:
        """The numbers (N,) of each column as standardized targets (N, T)."""
        pairs = zip(self.targets, cells, strict=True)
        return np.hstack([target.encode(column) for target, column in pairs])

    def decode(self, outputs: Array) -> Floats:
        """Outputs (N, T) of the network as numbers (N, T), each in the unit of its column."""
        z = np.asarray(outputs, dtype=np.float64)
        return np.column_stack([target.decode(z[:, i]) for i, target in enumerate(self.targets)])

    def standardized(self, values: Floats) -> Floats:
        pairs = zip(self.targets, values.T, strict=True)
        return np.column_stack([target.standardized(column) for target, column in pairs])

    def errors(self, true: Floats, predicted: Floats) -> Floats:
        columns = zip(self.targets, true.T, predicted.T, strict=True)
        return np.column_stack([target.errors(*pair) for target, *pair in columns])

    def around(self, predicted: Floats, reach: float | Floats) -> Floats:
        """Each column has its own reach, (T,) or (N, T)."""
        reaches = np.broadcast_to(reach, predicted.shape)
        columns = zip(self.targets, predicted.T, reaches.T, strict=True)
        return np.stack([target.around(*pair) for target, *pair in columns], axis=1)

    def scores(self, rows: Predicted) -> list[Score]:
        return several_scores(
            rows.true, rows.outputs, rows.prior, rows.names or self.names, rows.weights
        )

    def held_out_arrays(self, rows: int) -> dict[str, Kind]:
        numbers: Kind = np.float64, (rows, len(self.targets))
        return held_out_arrays(numbers, numbers, len(self.targets), rows)


def regression_from_json(record: dict[str, Any]) -> NumericTarget:
    """The target of one or several columns that `to_json` described."""
    columns = tuple(map(Regression.from_record, record["each"]))
    return columns[0] if len(columns) == 1 else MultiRegression(columns)
