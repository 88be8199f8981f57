"""Turning the columns of a table into the inputs of a network.

Every column has a place for the unknown (a cell that training could not learn from) and one for
the missing, so that no cell met later is a surprise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns import (
    RARE,
    Cells,
    ColumnType,
    describe,
    is_missing,
    mean_and_scale,
    parse,
    texts,
)
from talweg.data.table import Table, are_positions
from talweg.errors import DataError, nearest

Inputs = NDArray[np.float32]

MOST_LEVELS = 100  # of one column; rarer ones count as unknown
BOUND = 3.0  # standard deviations that no encoded value reaches: outliers must not rule a network


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: standardised value, unknown flag, missing flag."""

    kind: ClassVar[str] = "number"
    name: str
    mean: float
    scale: float

    @staticmethod
    def fit(name: str, cells: Cells) -> NumberColumn:
        return NumberColumn(name, *mean_and_scale(parse(cells)[0]))

    @staticmethod
    def from_json(record: dict[str, Any]) -> NumberColumn:
        return NumberColumn(record["name"], record["mean"], record["scale"])

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @property
    def places(self) -> tuple[str, ...]:
        return self.name, f"{self.name} unknown", f"{self.name} missing"

    @property
    def width(self) -> int:
        return 3

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, 3); an unknown or missing value is 0, the mean.

        A standardised z is clipped smoothly, z / sqrt(1 + (z / 3)^2) (Holzmueller et al. 2024).
        """
        values, missing = parse(cells)
        known = np.isfinite(values)
        standard = (np.where(known, values, self.mean) - self.mean) / self.scale
        clipped = BOUND * np.sin(np.arctan(standard / BOUND))  # the same, and never inf / inf
        return np.column_stack([clipped, ~known & ~missing, missing]).astype(np.float32)


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories: one place a level, then unknown and missing."""

    kind: ClassVar[str] = "category"
    name: str
    levels: tuple[str, ...]

    @staticmethod
    def fit(name: str, cells: Cells) -> CategoryColumn:
        """The most frequent levels first; levels of one frequency in the order of the alphabet."""
        counts = Counter(texts(cells))
        ordered = sorted(counts, key=lambda level: (-counts[level], level))
        levels = [each for each in ordered if counts[each] >= RARE and not is_missing(each)]
        return CategoryColumn(name, tuple(levels[:MOST_LEVELS]))

    @staticmethod
    def from_json(record: dict[str, Any]) -> CategoryColumn:
        return CategoryColumn(record["name"], tuple(record["levels"]))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "levels": list(self.levels)}

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(f"{self.name} {each}" for each in (*self.levels, "unknown", "missing"))

    @property
    def width(self) -> int:
        return len(self.levels) + 2

    def encode(self, cells: Cells) -> Inputs:
        """The cells (N,) as inputs (N, width), a single 1 in each row."""
        place_of = {level: place for place, level in enumerate(self.levels)}
        unknown, missing = len(self.levels), len(self.levels) + 1
        items = texts(cells)
        for item in set(items) - place_of.keys():
            place_of[item] = missing if is_missing(item) else unknown
        inputs = np.zeros((len(items), self.width), np.float32)
        places = np.fromiter(map(place_of.__getitem__, items), np.intp, len(items))
        inputs[np.arange(len(items)), places] = 1
        return inputs


Column = NumberColumn | CategoryColumn

_KINDS: dict[str, type[Column]] = {each.kind: each for each in (NumberColumn, CategoryColumn)}


@dataclass(frozen=True)
class TableEncoder:
    """The input columns of a training table, and how each of them becomes inputs (N, D)."""

    names: tuple[str, ...]  # all columns of the training table, in its order
    targets: tuple[str, ...]
    columns: tuple[Column, ...]
    left_out: dict[str, str]  # name -> why

    @staticmethod
    def fit(
        table: Table,
        target: str | int | Sequence[str | int],
        *,
        rows: NDArray[Any] | None = None,
    ) -> TableEncoder:
        """Type all columns but the target or targets on the whole table; fit them on `rows`.

        Row numbers are an input only where nothing else is. DataError: no column to learn from.
        """
        chosen = [target] if isinstance(target, str | int) else target
        targets = tuple(table.find(each) for each in chosen)
        types = [describe(each, table.columns[each]) for each in table.names if each not in targets]
        used = [each for each in types if each.used]
        used = used or [each for each in types if each.kind == "identifier"]
        left_out = {each.name: each.why for each in types if each not in used}
        if not used:
            raise DataError(_nothing_left(table.source, left_out))
        seen = table if rows is None else table.take(rows)
        columns = tuple(_fit(each, seen.columns[each.name]) for each in used)
        return TableEncoder(table.names, targets, columns, left_out)

    @staticmethod
    def from_json(record: dict[str, Any]) -> TableEncoder:
        columns = tuple(_KINDS[each["kind"]].from_json(each) for each in record["columns"])
        names, targets = tuple(record["names"]), tuple(record["targets"])
        return TableEncoder(names, targets, columns, dict(record["left_out"]))

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "targets": list(self.targets),
            "columns": [column.to_json() for column in self.columns],
            "left_out": self.left_out,
        }

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the D inputs."""
        return tuple(place for column in self.columns for place in column.places)

    @property
    def positional(self) -> bool:
        """Whether the training table had no header, so that columns go by position."""
        return are_positions(self.names)

    def encode(self, table: Table) -> Inputs:
        """The table as inputs (N, D). DataError: a column of the training table is missing."""
        name_of = self._by_position(table) if self.positional else self._by_name(table)
        parts = [column.encode(table.columns[name_of[column.name]]) for column in self.columns]
        return np.concatenate(parts, axis=1)

    def _by_name(self, table: Table) -> dict[str, str]:
        needed = [column.name for column in self.columns]
        lost = [name for name in needed if name not in table.columns]
        if lost:
            hints = "; ".join(f"{name!r}: {nearest(name, table.names)}" for name in lost[:5])
            raise DataError(
                f"{table.source} lacks {len(lost)} of the {len(needed)} columns that the model"
                f" was trained on. {hints} Add them, under the names they had in training."
            )
        return {name: name for name in needed}

    def _by_position(self, table: Table) -> dict[str, str]:
        """The columns in the order of training; the targets may be absent if they came last."""
        last = len(list(takewhile(self.targets.__contains__, reversed(self.names))))
        widths = range(len(self.names) - last, len(self.names) + 1)
        if len(table.names) not in widths:
            raise DataError(
                f"{table.source} has {len(table.names)} columns, but the model was trained on"
                f" {len(self.names)} without a header, so that they go by position. Give"
                f" {' or '.join(map(str, widths))} columns in the order of training."
            )
        return dict(zip(self.names, table.names, strict=False))


def _fit(column: ColumnType, cells: Cells) -> Column:
    return (CategoryColumn if column.kind == "category" else NumberColumn).fit(column.name, cells)


def _nothing_left(source: str, left_out: dict[str, str]) -> str:
    reasons = "".join(f" Column {name!r}: {why}" for name, why in list(left_out.items())[:5])
    return (
        f"{source} has no column to learn from besides the target.{reasons} Add a column of"
        " numbers, or of values that repeat."
    )
