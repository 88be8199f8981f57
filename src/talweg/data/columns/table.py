"""A table in memory: named columns of cells, all of the same length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.data.columns.cells import Cells, Readings, Words, as_cells
from talweg.data.columns.column_builder import Shelf
from talweg.data.columns.values import Types, UnfitError, as_array, type_of, why_unfit
from talweg.errors import DataError, counted, nearest


@dataclass(frozen=True, eq=False)
class Table:
    """Columns (N,) of cells by name: float64 with NaN for missing, or text.

    `types` are the types of the values of each column, if the source has any, unlike a CSV file.
    `numbered` are the names that are whole numbers in the source, which a data frame may have.
    `index` holds the dates of a frame's unnamed index: they are no input but may order the rows.
    """

    names: tuple[str, ...]
    columns: dict[str, Cells]
    source: str
    types: Mapping[str, Types] = field(default_factory=dict)
    numbered: frozenset[str] = frozenset()
    index: Cells | None = None

    def __len__(self) -> int:
        return len(self.columns[self.names[0]])

    @property
    def positional(self) -> bool:
        """Whether the names are positions, as in a file without a header."""
        return are_positions(self.names)

    def find(self, column: str | int) -> str:
        """The name of a column given by name or by position, from 0 or back from -1.

        A whole number that labels a column of a data frame means that column, not a position.
        DataError: no such column, or a number that names one column and is the position of another.
        """
        name = str(column)
        is_named = name in (self.columns if isinstance(column, str) else self.numbered)
        if is_named:
            return name
        try:
            position = int(name)
            name_there = self.names[position]
        except IndexError:
            last = len(self.names) - 1
            hint = f"Give a position from 0 to {last}, or -1 for the last."
        except ValueError:
            hint = nearest(name, self.names)
        else:
            if name in self.columns and name != name_there:
                raise DataError(
                    f"{self.source}: {name} is the name of one column and the position of "
                    f"another, {name_there!r}. Give the name as text: {name!r} or {name_there!r}."
                )
            if position < 0 or len(self.numbered) < len(self.names):
                return name_there
            hint = f"Its columns are named by the numbers {', '.join(self.names[:5])}."
        if name in self.columns:
            return name
        raise DataError(f"{self.source} has no column {name!r}. {hint}")

    def named(self, column: str) -> Cells:
        """The cells of the column with this name. DataError: no such column."""
        if column not in self.columns:
            hint = nearest(column, self.names)
            raise DataError(f"{self.source} has no column {column!r}. {hint}")
        return self.columns[column]

    def take(self, rows: NDArray[Any]) -> Table:
        """The table of some rows, given by indices or a mask (N,)."""
        shelf = Shelf()
        columns = {name: _kept(cells[rows], shelf) for name, cells in self.columns.items()}
        index = None if self.index is None else _kept(self.index[rows], shelf)
        return replace(self, columns=columns, index=index)

    @staticmethod
    def from_arrays(
        X: ArrayLike, names: Sequence[str] | None = None, *, source: str = "the array"
    ) -> Table:
        """A table of an array (N, D), with columns named by position unless `names` are given."""
        array = X if np.ma.isMaskedArray(X) else np.asarray(X)
        if array.ndim != 2:
            raise DataError(
                f"{source} has shape {array.shape}, but (N, D) is needed. Reshape it: a single row"
                " is [[...]], and a single column is {'name': [...]}."
            )
        names = [str(position) for position in range(array.shape[1])] if names is None else names
        if len(names) != array.shape[1]:
            raise DataError(
                f"{source} has {counted(array.shape[1], 'column')}, but"
                f" {counted(len(names), 'name')} were given. Give one name for each column."
            )
        return Table.from_columns(zip(names, array.T, strict=True), source=source)

    @staticmethod
    def from_columns(
        columns: Iterable[tuple[object, ArrayLike | Cells]], *, source: str = "the columns"
    ) -> Table:
        """A table of (name, values) pairs, where values are an array (N,) or a list of cells."""
        pairs = list(columns)
        names = tuple(str(name) for name, _ in pairs)
        check_names(names, source)
        numbered = frozenset(str(name) for name, _ in pairs if isinstance(name, Integral))
        cells: dict[str, Cells] = {}
        types: dict[str, Types] = {}
        for name, (_, values) in zip(names, pairs, strict=True):
            if isinstance(values, Words | Readings):
                cells[name] = values
            else:
                cells[name], types[name] = _read(name, values, source)
        table = Table(names, cells, source, types, numbered)
        for name, column in table.columns.items():
            if len(column) != len(table):
                raise DataError(
                    f"{source}: column {name!r} has {counted(len(column), 'row')}, but"
                    f" {names[0]!r} has {len(table)}. Give columns of the same length."
                )
        if not len(table):
            raise DataError(f"{source} has no rows. Give at least one.")
        return table


def _kept(cells: Cells, shelf: Shelf) -> Cells:
    if isinstance(cells, Words):
        return replace(cells, codes=shelf.keep(cells.codes))
    if isinstance(cells, Readings):
        return cells.map(shelf.keep)
    return shelf.keep(cells)


def evenly(rows: int, most: int) -> NDArray[np.intp]:
    """At most `most` of the rows, evenly spaced from first to last."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.intp)


def are_positions(names: Sequence[str]) -> bool:
    """Whether the names are "0", "1", "2", ..."""
    return all(name == str(position) for position, name in enumerate(names))


def check_names(names: Sequence[str], source: str) -> None:
    """DataError: a table without columns, or with two of the same name."""
    if not names:
        raise DataError(f"{source} has no columns. Give at least one.")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"{source} has {count} columns named {name!r}. Give each column its own name."
        )


def _read(name: str, values: Any, source: str) -> tuple[Cells, Types]:
    """The cells of a column, and the types of its values. DataError: not a column (N,)."""
    where = f"{source}: column {name!r}"
    if isinstance(values, Set | Mapping | Iterator | str | bytes):
        raise DataError(
            f"{where} is a {type(values).__name__}, but a list or an array with one value per row"
            " is needed."
        )
    array = as_array(values)
    is_nested = isinstance(values, list | tuple) and array.ndim == 1 and why_unfit(array)
    if array.ndim != 1 or is_nested:
        shape = np.shape(array.tolist()) if is_nested else array.shape
        raise DataError(f"{where} has shape {shape}, but (N,) is needed. Give one value per row.")
    try:
        if why := why_unfit(array):
            return Words.unfit(len(array), why), "text"
        return as_cells(array), type_of(array)
    except UnfitError as error:
        raise DataError(f"{where}, row {(error.row or 0) + 1}: {error.why}.") from None
