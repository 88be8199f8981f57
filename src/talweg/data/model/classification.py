"""A target of classes: which labels it has, and how they become numbers and labels again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Mask, as_words, canonical, is_missing, places_of
from talweg.data.columns.labels import (
    all_alike,
    classes_of,
    known_rows,
    refuse_missing,
    types_of,
    values_of,
)
from talweg.data.columns.values import Types, ValueType
from talweg.errors import DataError, nearest
from talweg.lazy import cached_property
from talweg.schema import Items, Record, Text
from talweg.settings import Choice

FEW_CLASSES = 10  # so many classes are never too many, unless every row has its own


@dataclass(frozen=True)
class Classification:
    """A target of labels, one class a level: numbers in their order, text in the alphabet's.

    `types` are those of the levels, () if all are text: predictions are what the labels were.
    """

    record: ClassVar = Record(
        {
            "task": Text(),
            "name": Text(),
            "levels": Items(Text(), at_least=2, unique=True),
            "types": Items(Choice(get_args(ValueType))),
        }
    )

    task: ClassVar[Literal["classification"]] = "classification"
    name: str
    levels: tuple[str, ...]
    types: tuple[ValueType, ...] = ()

    @staticmethod
    def of(name: str, cells: Cells, types: Types | None = None) -> Classification:
        counts = as_words(cells[known_rows(cells)]).counts
        levels, rows = classes_of(counts), sum(counts.values())
        if len(levels) == 1:
            raise DataError(all_alike(name, levels[0], cells))
        if len(levels) == rows or len(levels) > max(FEW_CLASSES, rows / 2):
            raise DataError(
                f"Target {name!r}: {len(levels)} different labels in {rows} rows are too"
                " many to learn. Choose another column, or task='regression' for numbers."
            )
        return Classification(name, levels, types_of(levels, types))

    @staticmethod
    def from_json(record: dict[str, Any]) -> Classification:
        """ValueError: a level that is no value of its type."""
        found = Classification(record["name"], tuple(record["levels"]), tuple(record["types"]))
        _ = found.classes
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The name, as of several targets."""
        return (self.name,)

    def to_json(self) -> dict[str, Any]:
        levels, types = list(self.levels), list(self.types)
        return {"task": self.task, "name": self.name, "levels": levels, "types": types}

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The K levels in order, as values of the types that they had in training."""
        return values_of(self.levels, self.types)

    @property
    def marks(self) -> list[str]:
        """Levels such as "NA", which would elsewhere say that a cell is missing."""
        return [level for level in self.levels if is_missing(level)]

    def labelled(self, *cells: Cells) -> Mask:
        words = as_words(cells[0])
        known = [not is_missing(each) or each in self.levels for each in words.levels]
        return np.array(known, bool)[words.codes]

    def encode(self, cells: Cells) -> NDArray[np.int64]:
        """The labels (N,) as classes (N,). DataError: a missing cell, or a label met nowhere."""
        refuse_missing(self.name, self.labelled(cells))
        words = as_words(cells)
        codes = np.array([self._class_of(each) for each in words.levels], np.int64)[words.codes]
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            label = words.levels[words.codes[row]]
            raise DataError(
                f"Target {self.name!r}, row {row + 1}: the label {label!r} is not one that"
                f" the model was trained on. {nearest(label, self.levels)}"
            )
        return codes

    def _class_of(self, label: str) -> int:
        place = self._places.get(label)
        return self._places.get(canonical(label), -1) if place is None else place

    @cached_property
    def _places(self) -> dict[str, int]:
        return places_of(self.levels)

    def decode(self, classes: NDArray[np.integer[Any]]) -> Cells:
        """Classes (N,) as the texts of labels (N,)."""
        labels: Cells = np.array(self.levels, dtype=object)[classes]
        return labels
