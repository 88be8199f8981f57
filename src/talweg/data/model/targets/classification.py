"""A target of classes: which labels it has, and how they become numbers and labels again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Mask, as_words, canonical, indices_of, is_missing
from talweg.data.columns.detection import unit_hint
from talweg.data.columns.labels import (
    all_alike,
    classes_of,
    known_rows,
    left_out,
    refuse_missing,
    types_of,
    values_of,
)
from talweg.data.columns.values import Types, ValueType
from talweg.data.model.scores import Score, classification_scores
from talweg.data.model.targets.base import Array, Kind, Predicted, Target, held_out_arrays
from talweg.errors import DataError, nearest
from talweg.lazy import cached_property
from talweg.numerics import exp
from talweg.schema import Items, Record, Text
from talweg.settings import Choice

FEW_CLASSES = 10  # this many classes are never too many, unless every row has its own


@dataclass(frozen=True)
class Classification(Target):
    """A target of labels, one class for each level: numbers in order, text in alphabetical order.

    `types` are the types of the levels, () if all are text: predictions have the type that the
    labels had.
    """

    record: ClassVar = Record(
        {
            "task": Text(),
            "name": Text(),
            "levels": Items(Text(), at_least=2, unique=True),
            "types": Items(Choice(get_args(ValueType))),
        }
    )

    task = "classification"
    has_classes = True
    loss = "cross_entropy"

    name: str
    levels: tuple[str, ...]
    types: tuple[ValueType, ...] = ()

    @classmethod
    def fit(cls, name: str, cells: Cells, types: Types | None = None) -> Classification:
        """The target for the cells of a column. DataError: one label, or nearly as many as rows."""
        counts = as_words(cells[known_rows(cells)]).counts
        levels, rows = classes_of(counts), sum(counts.values())
        if len(levels) == 1:
            raise DataError(all_alike(name, levels[0], cells))
        if len(levels) == rows or len(levels) > max(FEW_CLASSES, rows / 2):
            raise DataError(
                f"Target {name!r}: {len(levels)} different labels in {rows} rows are too"
                " many to learn. Choose another column, or task='regression' for numbers."
                f"{unit_hint(name, cells)}"
            )
        return cls(name, levels, types_of(levels, types))

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Classification:
        """ValueError: a level that is not a value of its type."""
        target = cls(record["name"], tuple(record["levels"]), tuple(record["types"]))
        _ = target.classes
        return target

    def to_json(self) -> dict[str, Any]:
        levels, types = list(self.levels), list(self.types)
        return {"task": self.task, "name": self.name, "levels": levels, "types": types}

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def outputs(self) -> int:
        return len(self.levels)

    @property
    def metrics(self) -> list[str]:
        return ["accuracy"]

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The K levels in order, as values of the types that they had in training."""
        return values_of(self.levels, self.types)

    @property
    def marks(self) -> list[str]:
        """Levels such as "NA", which elsewhere mark a missing cell."""
        return [level for level in self.levels if is_missing(level)]

    def known(self, *cells: Cells) -> Mask:
        words = as_words(cells[0])
        is_known = [not is_missing(level) or level in self.levels for level in words.levels]
        return np.array(is_known, bool)[words.codes]

    def encode(self, *cells: Cells) -> NDArray[np.int64]:
        """The labels (N,) as classes (N,). DataError: a missing cell, or an unknown label."""
        (column,) = cells
        refuse_missing(self.name, self.known(column))
        words = as_words(column)
        codes = np.array([self._class_of(level) for level in words.levels], np.int64)[words.codes]
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            label = words.levels[words.codes[row]]
            raise DataError(
                f"Target {self.name!r}, row {row + 1}: the label {label!r} is not one that"
                f" the model was trained on. {nearest(label, self.levels)}"
            )
        return codes

    def _class_of(self, label: str) -> int:
        index = self._indices.get(label)
        return self._indices.get(canonical(label), -1) if index is None else index

    @cached_property
    def _indices(self) -> dict[str, int]:
        return indices_of(self.levels)

    def decode(self, outputs: Array) -> Array:
        """Logits (N, K) of the network as probabilities (N, K)."""
        logits = outputs.astype(np.float64)
        with np.errstate(invalid="ignore"):  # weights that diverged give NaN, not a warning
            logits -= np.maximum.reduce(logits, axis=1, keepdims=True)  # `max` takes 1 us more
            odds = exp(logits)
            odds /= np.add.reduce(odds, axis=1, keepdims=True)
            return odds

    def decode_mean(self, outputs: Sequence[Array]) -> Array:
        return np.asarray(np.mean([self.decode(logits) for logits in outputs], axis=0))

    def truth(self, encoded: Array) -> Array:
        return encoded

    def stratify(self, *cells: Cells) -> Array:
        return self.encode(*cells)

    def note(self, cells: Cells) -> str:
        if not self.marks:
            return left_out(cells)
        others = [level for level in self.levels if level not in self.marks]
        return (
            f"{self.marks[0]!r} is read as a class, since it is written like {others[0]!r} and"
            f" {others[1]!r}. If it marks a missing label, empty these cells."
        )

    def prior(self, encoded: Array) -> Array:
        return np.asarray(np.bincount(encoded, minlength=len(self.levels)) / len(encoded))

    def recent_prior(self, encoded: Array) -> Array:
        """With one more row of each class, so that none is impossible."""
        counts = np.bincount(encoded, minlength=len(self.levels)) + 1
        return np.asarray(counts / (len(encoded) + len(self.levels)))

    def scores(self, rows: Predicted) -> list[Score]:
        return classification_scores(
            rows.true, rows.outputs, rows.prior, rows.weights, rows.decision
        )

    def held_out_arrays(self, rows: int) -> dict[str, Kind]:
        count = len(self.levels)
        return held_out_arrays((np.int64, (rows,)), (np.float64, (rows, count)), count, rows)

    def held_out_fault(self, arrays: Mapping[str, Array]) -> str | None:
        if fault := super().held_out_fault(arrays):
            return fault
        true, outputs = arrays["true"], arrays["outputs"]
        if not 0 <= true.min() <= true.max() < len(self.levels):
            return f"the held-out classes are not below {len(self.levels)}"
        if ((outputs < 0) | (outputs > 1 + 1e-6)).any():  # a mean may round up; NaN is allowed
            return "the held-out probabilities are not from 0 to 1"
        return None
