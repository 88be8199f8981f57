"""A table in memory: named columns of cells, all of one length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.data.columns import Cells, Moments, Words, as_cells
from talweg.data.growing import Shelf
from talweg.errors import DataError, nearest


@dataclass(frozen=True, eq=False)
class Table:
    """Columns (N,) of cells by name: float64 with NaN for missing, or text."""

    names: tuple[str, ...]
    columns: dict[str, Cells]
    source: str

    def __len__(self) -> int:
        return len(self.columns[self.names[0]])

    @property
    def positional(self) -> bool:
        """Whether the columns are named by position, as in a file without a header."""
        return are_positions(self.names)

    def find(self, column: str | int) -> str:
        """The name of the column with this name or, from 0 or back from -1, at this position."""
        name = str(column)
        if isinstance(column, str) and column in self.columns:
            return column
        try:
            return self.names[int(name)]
        except IndexError:
            last = len(self.names) - 1
            hint = f"Give a position from 0 to {last}, or -1 for the last."
        except ValueError:
            hint = nearest(name, self.names)
        raise DataError(f"{self.source} has no column {name!r}. {hint}")

    def take(self, rows: NDArray[Any]) -> Table:
        """The table of these rows: indices, or a mask (N,)."""
        shelf = Shelf()
        columns = {name: _kept(cells[rows], shelf) for name, cells in self.columns.items()}
        return Table(self.names, columns, self.source)

    @staticmethod
    def from_arrays(
        X: ArrayLike, names: Sequence[str] | None = None, *, source: str = "the array"
    ) -> Table:
        """A table of an array (N, D); without `names`, columns are named by position."""
        array = np.asarray(X)
        if array.ndim != 2:
            raise DataError(f"{source} has shape {array.shape}, but (N, D) is needed: reshape it.")
        names = [str(place) for place in range(array.shape[1])] if names is None else names
        if len(names) != array.shape[1]:
            raise DataError(
                f"{source} has {array.shape[1]} columns, but {len(names)} names were given."
                " Give one name a column."
            )
        return Table.from_columns(zip(names, array.T, strict=True), source=source)

    @staticmethod
    def from_columns(
        columns: Iterable[tuple[object, ArrayLike | Words]], *, source: str = "the columns"
    ) -> Table:
        """A table of (name, values) pairs, where values are an array (N,) or a list of cells."""
        pairs = [(str(name), values) for name, values in columns]
        names = tuple(name for name, _ in pairs)
        check_names(names, source)
        table = Table(names, {name: _cells(name, each, source) for name, each in pairs}, source)
        for name, cells in table.columns.items():
            if len(cells) != len(table):
                raise DataError(
                    f"{source}: column {name!r} has {len(cells)} rows, but {names[0]!r} has"
                    f" {len(table)}. Give columns of one length."
                )
        if not len(table):
            raise DataError(f"{source} has no rows. Give at least one.")
        return table


def _kept(cells: Cells, shelf: Shelf) -> Cells:
    if isinstance(cells, Words):
        return replace(cells, codes=shelf.keep(cells.codes))
    if isinstance(cells, Moments):
        return Moments({style: shelf.keep(each) for style, each in cells.readings.items()})
    return shelf.keep(cells)


def evenly(rows: int, most: int) -> NDArray[np.intp]:
    """At most so many of the rows, evenly from first to last."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.intp)


def are_positions(names: Sequence[str]) -> bool:
    """Whether the names are "0", "1", "2", ..."""
    return all(name == str(place) for place, name in enumerate(names))


def check_names(names: Sequence[str], source: str) -> None:
    """Refuse a table without columns, or with two of one name."""
    if not names:
        raise DataError(f"{source} has no columns. Give at least one.")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{source} has {count} columns named {name!r}. Give each its own name.")


def _cells(name: str, values: ArrayLike | Words, source: str) -> Cells:
    shape = (len(values),) if isinstance(values, Words) else np.shape(values)
    if len(shape) != 1:
        raise DataError(
            f"{source}: column {name!r} has shape {shape}, but (N,) is needed. Give one value a"
            " row."
        )
    return as_cells(values)
