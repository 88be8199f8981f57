"""The column that a network learns to predict: numbers (regression), labels (classification)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns import (
    Cells,
    Floats,
    Mask,
    are_numbers,
    mean_and_scale,
    number,
    parse_numbers,
    plain,
    texts,
)
from talweg.errors import DataError, nearest
from talweg.settings import Choice, check

Task = Literal["regression", "classification"]

MOST_WHOLE = 10  # whole numbers with more distinct values than this are measured, not chosen
MISTAKEN = 0.1  # fewer cells that are no numbers among many that are: mistakes, to be named
FEW_CLASSES = 10  # so many classes are never too many, unless every row has its own


@dataclass(frozen=True)
class Target:
    """A target column by name; rows in errors count from 1, without the header."""

    task: ClassVar[Task]
    name: str

    @staticmethod
    def fit(
        cells: Cells, *, task: Task | None = None, name: str = "target"
    ) -> Regression | Classification:
        """The target for these cells, missing ones left out; its task is inferred unless given.

        DataError: all cells missing, all alike, or, for classes, nearly all different.
        """
        allowed = Choice(("regression", "classification"), optional=True)
        check("Target", {"task": task}, {"task": allowed})
        if not Target.known(cells).any():
            raise DataError(f"Target {name!r}: every cell is missing. Choose another column.")
        kind = Regression if (task or _task(cells)) == "regression" else Classification
        return kind.of(name, cells)

    @staticmethod
    def from_json(record: dict[str, Any]) -> Regression | Classification:
        if record["task"] == "regression":
            return Regression(record["name"], record["mean"], record["scale"])
        return Classification(record["name"], tuple(record["levels"]))

    @staticmethod
    def known(cells: Cells) -> Mask:
        """Which rows (N,) have a target; the others cannot be learnt from."""
        return ~parse_numbers(cells)[1]


@dataclass(frozen=True)
class Regression(Target):
    """A target of numbers, standardised for the network."""

    task = "regression"
    mean: float
    scale: float

    @staticmethod
    def of(name: str, cells: Cells) -> Regression:
        values = _numbers(name, cells)
        values = values[~np.isnan(values)]
        if values.min() == values.max():
            raise DataError(_all_alike(name, plain(float(values[0]))))
        return Regression(name, *mean_and_scale(values))

    def to_json(self) -> dict[str, Any]:
        return {"task": self.task, **asdict(self)}

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """The numbers (N,) as standardised targets (N, 1). DataError: a missing cell."""
        values = _numbers(self.name, cells)
        _refuse_missing(self.name, cells)
        return ((values - self.mean) / self.scale).astype(np.float32)[:, None]

    def decode(self, outputs: NDArray[Any]) -> Floats:
        """Outputs (N, 1) or (N,) of the network as numbers (N,) in the unit of the column."""
        return np.asarray(outputs, dtype=np.float64).reshape(-1) * self.scale + self.mean


@dataclass(frozen=True)
class Classification(Target):
    """A target of labels, one class a level: numbers in their order, text in the alphabet's."""

    task = "classification"
    levels: tuple[str, ...]

    @staticmethod
    def of(name: str, cells: Cells) -> Classification:
        labels = texts(cells[Target.known(cells)])
        if _all_numbers(labels):
            levels = sorted(sorted({_plain_label(label) for label in labels}), key=number)
        else:
            levels = sorted(set(labels))
        if len(levels) == 1:
            raise DataError(_all_alike(name, levels[0]))
        if len(levels) == len(labels) or len(levels) > max(FEW_CLASSES, len(labels) / 2):
            raise DataError(
                f"Target {name!r}: {len(levels)} different labels in {len(labels)} rows are too"
                " many to learn. Choose another column, or task='regression' for numbers."
            )
        return Classification(name, tuple(levels))

    def to_json(self) -> dict[str, Any]:
        return {"task": self.task, "name": self.name, "levels": list(self.levels)}

    def encode(self, cells: Cells) -> NDArray[np.int64]:
        """The labels (N,) as classes (N,). DataError: a missing cell, or a label met nowhere."""
        _refuse_missing(self.name, cells)
        items = texts(cells)
        label_of = _plain_label if _all_numbers(self.levels) else str
        class_of = {level: place for place, level in enumerate(self.levels)}
        code_of = {item: class_of.get(label_of(item), -1) for item in set(items)}
        codes = np.fromiter(map(code_of.__getitem__, items), np.int64, len(items))
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            raise DataError(
                f"Target {self.name!r}, row {row + 1}: the label {items[row]!r} is not one that"
                f" the model was trained on. {nearest(items[row], self.levels)}"
            )
        return codes

    def decode(self, classes: NDArray[np.integer[Any]]) -> Cells:
        """Classes (N,) as labels (N,)."""
        labels: Cells = np.array(self.levels, dtype=object)[classes]
        return labels


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
        raise DataError(
            f"Target {name!r}, row {row + 1}: {texts(cells)[row]!r} is not a finite number."
            " Correct it or leave the cell empty; for labels, task='classification'."
        )
    return values


def _refuse_missing(name: str, cells: Cells) -> None:
    known = Target.known(cells)
    if not known.all():
        raise DataError(
            f"Target {name!r}, row {np.argmin(known) + 1}: the cell is missing, in"
            f" {np.count_nonzero(~known)} rows in all. Keep only the rows that are `known`."
        )


def _all_numbers(labels: Iterable[str]) -> bool:
    return all(math.isfinite(number(label)) for label in set(labels))


def _plain_label(label: str) -> str:
    """A number in its plain form, so that "1", "1.0" and 1.0 are one class; else as it is."""
    value = number(label)
    return plain(value) if abs(value) < 2**53 else label


def _all_alike(name: str, value: str) -> str:
    return (
        f"Target {name!r}: every row holds {value!r}, so there is nothing to learn. Choose"
        " another column."
    )
