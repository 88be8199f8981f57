"""What a network learns to predict: a column of labels, or one or more columns of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import (
    LARGEST,
    Cells,
    Floats,
    Mask,
    Moments,
    Words,
    are_numbers,
    ends,
    mean_and_scale,
    parse_numbers,
    plain,
    texts,
)
from talweg.data.columns.labels import all_alike, known_rows, left_out, refuse_missing
from talweg.data.columns.logs import Logs
from talweg.data.columns.numerals import MOST_WHOLE
from talweg.data.columns.values import Types
from talweg.data.model.classification import Classification as Classification
from talweg.errors import DataError
from talweg.lazy import cached_property
from talweg.schema import Items, Record, Tagged, Text, optional
from talweg.settings import Choice, Number, check

Task = Literal["regression", "classification"]

MISTAKEN = 0.1  # fewer cells that are no numbers among many that are: mistakes, to be named


@dataclass(frozen=True)
class Target:
    """A target column by name; rows in errors count from 1, without the header."""

    task: ClassVar[Task]
    name: str

    @staticmethod
    def fit(
        cells: Cells, *, task: Task | None = None, name: str = "target", types: Types | None = None
    ) -> Regression | Classification:
        """The target for these cells, missing ones left out; its task is inferred unless given.

        `types` says what the labels were in their source, where that has types.
        DataError: all cells missing, all alike, or, for classes, nearly all different.
        """
        allowed = Choice(("regression", "classification"), optional=True)
        task = check("Target", {"task": task}, {"task": allowed})["task"]
        if isinstance(cells, Moments) or (isinstance(cells, Words) and cells.full):
            raise DataError(_no_target(name, cells))
        if not Target.known(cells).any():
            hint = left_out(cells) or "Choose another column."
            raise DataError(f"Target {name!r}: every cell is missing. {hint}")
        if (task or _task(cells)) == "regression":
            return Regression.of(name, cells)
        return Classification.of(name, cells, types)

    @staticmethod
    def fit_all(
        cells: Sequence[Cells],
        names: Sequence[str],
        *,
        task: Task | None = None,
        types: Mapping[str, Types] | None = None,
    ) -> Coding:
        """One target, or several of numbers, each from its cells. DataError: several with classes.

        A row that lacks one of several is to be left out before.
        """
        pairs = zip(cells, names, strict=True)
        each = [
            Target.fit(column, task=task, name=name, types=(types or {}).get(name))
            for column, name in pairs
        ]
        if len(each) == 1:
            return each[0]
        numbers = tuple(target for target in each if isinstance(target, Regression))
        if len(numbers) < len(each):
            _refuse_classes(next(every for every in each if isinstance(every, Classification)))
        return Regressions(numbers)

    @staticmethod
    def from_json(record: dict[str, Any]) -> Coding:
        if record["task"] == "classification":
            return Classification.from_json(record)
        each = tuple(map(Regression.from_record, record["each"]))
        return each[0] if len(each) == 1 else Regressions(each)

    @staticmethod
    def known(*cells: Cells) -> Mask:
        """Which rows (N,) have a target, or each of several; others cannot be learnt from."""
        return known_rows(*cells)

    def labelled(self, *cells: Cells) -> Mask:
        """Which rows (N,) of any table have a target, or each of several."""
        return Target.known(*cells)

    @property
    def names(self) -> tuple[str, ...]:
        """The name, as of several targets."""
        return (self.name,)


@dataclass(frozen=True)
class Regression(Target):
    """A target of numbers, standardised for the network: themselves or their logarithms.

    Predictions and intervals stay between `lowest` and `highest`, where the range has an end.
    """

    task = "regression"
    record: ClassVar = Record(
        {
            "name": Text(),
            "mean": Number(),
            "scale": Number(above=0),
            "logs": optional(Logs.record),
            **dict.fromkeys(("lowest", "highest"), optional(Number())),
        }
    )

    mean: float
    scale: float
    logs: Logs | None = None
    lowest: float | None = None
    highest: float | None = None

    @staticmethod
    def of(name: str, cells: Cells) -> Regression:
        values = _numbers(name, cells)
        values = values[~np.isnan(values)]
        if values.min() == values.max():
            raise DataError(all_alike(name, plain(float(values[0])), cells))
        lowest, highest = ends(values)
        return Regression(name, *mean_and_scale(values), Logs.suiting(values), lowest, highest)

    @staticmethod
    def from_record(record: dict[str, Any]) -> Regression:
        logs = Logs(**record["logs"]) if record["logs"] else None
        names = ("name", "mean", "scale", "lowest", "highest")
        return Regression(**{name: record[name] for name in names}, logs=logs)

    @property
    def each(self) -> tuple[Regression, ...]:
        """Itself, as one of several."""
        return (self,)

    def again(self, cells: Cells) -> Regression:
        """With the numbers of some of its cells, the past ones, which may be all alike: logarithms
        only if all cells are above 0. An end that many rows in a row hold is none: prices may rest
        before they rise.
        """
        values = _numbers(self.name, cells)
        if values.min() == values.max():
            mean, scale = mean_and_scale(values)
            return Regression(self.name, mean, scale)
        found = Regression.of(self.name, cells)
        lowest, highest = (each if each == 0 else None for each in (found.lowest, found.highest))
        return replace(found, logs=self.logs and found.logs, lowest=lowest, highest=highest)

    def to_json(self) -> dict[str, Any]:
        return {"task": self.task, "each": [asdict(self)]}

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """The numbers (N,) as standardised targets (N, 1). DataError: a missing cell."""
        values = _numbers(self.name, cells)
        refuse_missing(self.name, Target.known(cells))
        if self.logs is not None:
            _refuse_below(self.name, values)
        return self.standardised(values).astype(np.float32)[:, None]

    def standardised(self, values: Floats) -> Floats:
        """Numbers (N,), or their logarithms, as the network learns them."""
        if self.logs is None:
            return (values - self.mean) / self.scale
        with np.errstate(divide="ignore"):  # a prediction may be 0 for want of digits
            return (np.log(values) - self.logs.mean) / self.logs.scale

    def decode(self, outputs: NDArray[Any]) -> Floats:
        """Outputs (N, 1) or (N,) of the network as numbers (N,) in the unit of the column."""
        said = np.asarray(outputs, dtype=np.float64).reshape(-1)
        if self.logs is None:
            return self._within(said * self.scale + self.mean)
        logs = said * self.logs.scale + self.logs.mean
        return self._within(np.exp(np.clip(logs, self.logs.lowest, self.logs.highest)))

    def _within(self, values: Floats) -> Floats:
        """Numbers of any shape, brought back into the range of the column."""
        if self.lowest is not None:
            values = np.maximum(values, self.lowest)
        return values if self.highest is None else np.minimum(values, self.highest)

    def errors(self, true: Floats, said: Floats) -> Floats:
        """How far off (N,) the numbers are as they are learned: themselves or their logarithms."""
        with np.errstate(invalid="ignore", over="ignore"):  # outputs of weights that ran away
            return true - said if self.logs is None else np.log(true / said)

    def around(self, said: Floats, reach: float | Floats) -> Floats:
        """The ends (N, 2) between which the truth lies where errors are at most `reach`, (N,).

        Of logarithms said / e^reach .. said e^reach, so wide where predictions are large.
        """
        if self.logs is None:
            return self._within(np.stack([said - reach, said + reach], axis=-1))
        factor = self.logs.factor(reach)
        return self._within(np.stack([said / factor, said * factor], axis=-1))


@dataclass(frozen=True)
class Regressions:
    """Several targets of numbers (T of them) that one network predicts, each standardised."""

    task: ClassVar[Task] = "regression"
    each: tuple[Regression, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.each)

    def labelled(self, *cells: Cells) -> Mask:
        return Target.known(*cells)

    @cached_property
    def scales(self) -> Floats:
        return np.array([one.scale for one in self.each])

    def again(self, *cells: Cells) -> Regressions:
        """With the numbers of some of its cells."""
        pairs = zip(self.each, cells, strict=True)
        return Regressions(tuple(one.again(column) for one, column in pairs))

    def to_json(self) -> dict[str, Any]:
        return {"task": self.task, "each": [asdict(one) for one in self.each]}

    def encode(self, *cells: Cells) -> NDArray[np.float32]:
        """The numbers of each target (N,) as standardised targets (N, T)."""
        columns = zip(self.each, cells, strict=True)
        return np.hstack([one.encode(column) for one, column in columns])

    def decode(self, outputs: NDArray[Any]) -> Floats:
        """Outputs (N, T) of the network as numbers (N, T), each in the unit of its column."""
        said = np.asarray(outputs, dtype=np.float64)
        return np.column_stack([one.decode(said[:, place]) for place, one in enumerate(self.each)])

    def standardised(self, values: Floats) -> Floats:
        """Numbers (N, T) of each target as the network learns them."""
        columns = zip(self.each, values.T, strict=True)
        return np.column_stack([one.standardised(column) for one, column in columns])

    def errors(self, true: Floats, said: Floats) -> Floats:
        """How far off (N, T) each target's numbers are as they are learned."""
        columns = zip(self.each, true.T, said.T, strict=True)
        return np.column_stack([one.errors(*column) for one, *column in columns])

    def around(self, said: Floats, reach: float | Floats) -> Floats:
        """The ends (N, T, 2) of each target by its own reach, (T,) or (N, T)."""
        columns = zip(self.each, said.T, np.broadcast_to(reach, said.shape).T, strict=True)
        return np.stack([one.around(*column) for one, *column in columns], axis=1)


Coding = Regression | Regressions | Classification
"""What a column, or several, are to a network: how they enter it, and how its outputs leave it."""

TARGET_RECORD = Tagged(
    "task",
    {
        "regression": Record({"task": Text(), "each": Items(Regression.record, at_least=1)}),
        "classification": Classification.record,
    },
)


def _task(cells: Cells) -> Task:
    """Regression for numbers with fractions or many values, else classification."""
    values, missing = parse_numbers(cells)
    values = values[~missing]
    distinct = np.unique(values[np.isfinite(values)])
    mistakes = np.count_nonzero(np.isnan(values))
    many = len(distinct) > MOST_WHOLE and mistakes < MISTAKEN * len(values)
    if not many and not are_numbers(values):
        return "classification"
    measured = len(distinct) > MOST_WHOLE or (distinct != np.rint(distinct)).any()
    return "regression" if measured else "classification"


def _numbers(name: str, cells: Cells) -> Floats:
    """The cells as numbers, NaN where missing; a DataError for one that is neither."""
    values, missing = parse_numbers(cells)
    odd = ~np.isfinite(values) & ~missing
    if odd.any():
        row = int(np.argmax(odd))
        cell = texts(cells)[row]
        is_huge = np.isinf(values[row]) and "inf" not in cell.lower()
        fault = f"lies beyond {LARGEST:g}, the largest" if is_huge else "is not a finite"
        raise DataError(
            f"Target {name!r}, row {row + 1}: {cell!r} {fault} number. Correct it or leave the"
            " cell empty; for labels, task='classification'."
        )
    return values


def _refuse_below(name: str, values: Floats) -> None:
    if not (values > 0).all():
        row = int(np.argmin(values > 0))
        raise DataError(
            f"Target {name!r}, row {row + 1}: {plain(float(values[row]))} is not above 0, as all"
            " numbers were that the model learned the logarithms of. Leave the row out."
        )


def _refuse_classes(target: Classification) -> None:
    levels = ", ".join(map(repr, target.levels[:3]))
    more = ", ..." if len(target.levels) > 3 else ""
    raise DataError(
        f"Target {target.name!r} has {len(target.levels)} classes ({levels}{more}), and only"
        " numbers are learned several at once. Train one model a column of classes; for whole"
        " numbers that measure, task='regression'."
    )


def _no_target(name: str, cells: Words | Moments) -> str:
    """Why a column of which not all texts are kept, or only as moments, is no target."""
    if isinstance(cells, Words) and cells.why:
        return f"Target {name!r}: {cells.why} Give one value a row."
    if isinstance(cells, Moments):
        found = "it holds dates. Give numbers, such as days since the first"
    elif len(cells.levels) == 1:
        found = "it mixes many different numbers with words. Correct the words or empty their cells"
    else:
        found = f"more than {len(cells.levels) - 1:,} different labels are too many to learn"
    return f"Target {name!r}: {found}, or choose another column."
