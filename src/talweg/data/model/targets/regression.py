"""A target of numbers, which the network learns standardized, or as their logarithms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import (
    LARGEST,
    Cells,
    Floats,
    ends,
    mark_of,
    mean_and_scale,
    parse_numbers,
    plain,
    texts,
)
from talweg.data.columns.detection import unit_hint
from talweg.data.columns.kinds.number import doubts_about
from talweg.data.columns.labels import all_alike, known_rows, refuse_missing
from talweg.data.columns.logs import Logs
from talweg.data.columns.values import Types
from talweg.data.model.scores import Score, regression_scores
from talweg.data.model.targets.base import Array, Kind, Predicted, Target, held_out_arrays
from talweg.errors import DataError
from talweg.numerics import exp, log
from talweg.schema import Items, Record, Text, optional
from talweg.settings import Number


class NumericTarget(Target):
    """A target of one or several columns of numbers, which has prediction intervals."""

    task = "regression"
    loss = "mse"

    @property
    @abstractmethod
    def columns(self) -> tuple[Regression, ...]:
        """The target of each column."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def outputs(self) -> int:
        return len(self.columns)

    def to_json(self) -> dict[str, Any]:
        return {"task": self.task, "each": [asdict(column) for column in self.columns]}

    def doubts(self, cells: Sequence[Cells]) -> dict[str, str]:
        doubts = {
            name: doubts_about(column, mark_of(column))
            for name, column in zip(self.names, cells, strict=True)
        }
        return {name: words for name, words in doubts.items() if words}

    def truth(self, encoded: Array) -> Array:
        return self.decode(encoded)

    def prior(self, encoded: Array) -> Array:
        return np.array([column.mean for column in self.columns])

    def recent_prior(self, encoded: Array) -> Array:
        return np.atleast_1d(self.decode(encoded).mean(axis=0))

    @abstractmethod
    def standardized(self, values: Floats) -> Floats:
        """Numbers (N,) or (N, T), or their logarithms, as the network learns them."""

    @abstractmethod
    def errors(self, true: Floats, predicted: Floats) -> Floats:
        """The errors of numbers (N,) or (N, T), or of their logarithms where these are learned."""

    @abstractmethod
    def around(self, predicted: Floats, reach: float | Floats) -> Floats:
        """The ends (N, 2) or (N, T, 2) of the true values if errors are at most `reach`."""


@dataclass(frozen=True)
class Regression(NumericTarget):
    """A target of numbers; the network learns them, or their logarithms, standardized.

    Predictions and intervals stay between `lowest` and `highest`, where these are given.
    """

    record: ClassVar = Record(
        {
            "name": Text(),
            "mean": Number(),
            "scale": Number(above=0),
            "logs": optional(Logs.record),
            **dict.fromkeys(("lowest", "highest"), optional(Number())),
        }
    )

    name: str
    mean: float
    scale: float
    logs: Logs | None = None
    lowest: float | None = None
    highest: float | None = None

    @classmethod
    def fit(cls, name: str, cells: Cells, types: Types | None = None) -> Regression:
        """The target for the cells of a column. DataError: a cell that is not a number, or all
        numbers alike.
        """
        values = _numbers(name, cells)
        values = values[~np.isnan(values)]
        if values.min() == values.max():
            raise DataError(all_alike(name, plain(float(values[0])), cells))
        lowest, highest = ends(values)
        return cls(name, *mean_and_scale(values), Logs.suiting(values), lowest, highest)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Regression:
        """The target of one column, an entry of "each" in `to_json`."""
        logs = Logs(**record["logs"]) if record["logs"] else None
        names = ("name", "mean", "scale", "lowest", "highest")
        return cls(**{name: record[name] for name in names}, logs=logs)

    @property
    def columns(self) -> tuple[Regression, ...]:
        return (self,)

    @property
    def metrics(self) -> list[str]:
        return [] if self.logs else ["mae"]

    @property
    def unit(self) -> float:
        return self.scale

    def refit(self, *cells: Cells) -> Regression:
        """The target fitted to the past cells, which may be all alike.

        Logarithms are kept only if all of these are above 0, and an end of the range only if it is
        0: many successive rows may hold one number, as prices rest before they rise.
        """
        (column,) = cells
        values = _numbers(self.name, column)
        if values.min() == values.max():
            return Regression(self.name, *mean_and_scale(values))
        past = Regression.fit(self.name, column)
        lowest, highest = (end if end == 0 else None for end in (past.lowest, past.highest))
        return replace(past, logs=self.logs and past.logs, lowest=lowest, highest=highest)

    def encode(self, *cells: Cells) -> NDArray[np.float32]:
        """The numbers (N,) as standardized targets (N, 1). DataError: a missing cell."""
        (column,) = cells
        values = _numbers(self.name, column)
        refuse_missing(self.name, known_rows(column))
        if self.logs is not None:
            _refuse_not_positive(self.name, values)
        return self.standardized(values).astype(np.float32)[:, None]

    def standardized(self, values: Floats) -> Floats:
        if self.logs is None:
            return (values - self.mean) / self.scale
        with np.errstate(divide="ignore"):  # a prediction may underflow to 0
            return (log(values) - self.logs.mean) / self.logs.scale

    def decode(self, outputs: Array) -> Floats:
        """Outputs (N, 1) or (N,) of the network as numbers (N,) in the unit of the column."""
        z = np.asarray(outputs, dtype=np.float64).reshape(-1)
        if self.logs is None:
            return self._within(z * self.scale + self.mean)
        logs = z * self.logs.scale + self.logs.mean
        return self._within(exp(np.clip(logs, self.logs.lowest, self.logs.highest)))

    def _within(self, values: Floats) -> Floats:
        """Numbers of any shape, brought back into the range of the column."""
        if self.lowest is not None:
            values = np.maximum(values, self.lowest)
        return values if self.highest is None else np.minimum(values, self.highest)

    def errors(self, true: Floats, predicted: Floats) -> Floats:
        with np.errstate(invalid="ignore", over="ignore"):  # outputs of weights that diverged
            return true - predicted if self.logs is None else log(true / predicted)

    def around(self, predicted: Floats, reach: float | Floats) -> Floats:
        """Of logarithms, p / e^reach and p e^reach, so the interval is wide where p is large."""
        if self.logs is None:
            return self._within(np.stack([predicted - reach, predicted + reach], axis=-1))
        factor = self.logs.factor(reach)
        return self._within(np.stack([predicted / factor, predicted * factor], axis=-1))

    def scores(self, rows: Predicted) -> list[Score]:
        return regression_scores(rows.true, rows.outputs, float(rows.prior[0]), rows.weights)

    def held_out_arrays(self, rows: int) -> dict[str, Kind]:
        numbers: Kind = np.float64, (rows,)
        return held_out_arrays(numbers, numbers, 1, rows)


REGRESSION_RECORD = Record({"task": Text(), "each": Items(Regression.record, at_least=1)})
"""What a model file holds of one or several columns of numbers."""


def _numbers(name: str, cells: Cells) -> Floats:
    """The cells as numbers, NaN where missing. DataError: a cell that is neither."""
    values, missing = parse_numbers(cells)
    odd = ~np.isfinite(values) & ~missing
    if odd.any():
        row = int(np.argmax(odd))
        cell = texts(cells)[row]
        is_huge = np.isinf(values[row]) and "inf" not in cell.lower()
        fault = f"lies beyond {LARGEST:g}, the largest" if is_huge else "is not a finite"
        raise DataError(
            f"Target {name!r}, row {row + 1}: {cell!r} {fault} number. Correct it or leave the"
            f" cell empty; for labels, task='classification'.{unit_hint(name, cells)}"
        )
    return values


def _refuse_not_positive(name: str, values: Floats) -> None:
    if not (values > 0).all():
        row = int(np.argmin(values > 0))
        raise DataError(
            f"Target {name!r}, row {row + 1}: {plain(float(values[row]))} is not above 0, but "
            "the model learned the logarithm of the target, since all training values were "
            "above 0. Leave the row out."
        )
