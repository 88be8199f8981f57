"""Tables in memory: named columns, data frames, records, rows and arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from talweg.data.columns.cells import Cells
from talweg.data.columns.row_sources import as_row, row_of
from talweg.data.columns.table import Table, check_names
from talweg.errors import DataError, counted

_NAMELESS = re.compile(r"__index_level_\d+__")  # pandas' name for an unnamed index
_MOST_DENSE = 2**27  # cells of a sparse matrix, one gigabyte


def table_in_memory(source: Any) -> Table:
    """The table of any source except a file. DataError: not a table, or cells that do not fit."""
    if isinstance(source, Mapping) or _is_series(source):
        return _of_names(source)
    if hasattr(source, "collect") and hasattr(source, "lazy"):  # a lazy frame of polars
        source = source.collect()
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        return _of_frame(source)
    if hasattr(source, "toarray") and hasattr(source, "nnz"):
        return _of_sparse(source)
    if isinstance(source, list | tuple):
        return _of_rows(source)
    if hasattr(source, "__array__") or hasattr(source, "detach"):
        return _of_array(source)
    raise DataError(_no_table(source))


def named_columns(schema: Any) -> list[str]:
    """The columns of a pyarrow schema in the order in which pandas would write them.

    A named index comes first, as in a CSV file; an unnamed one only numbers the rows, and is left
    out.
    """
    index = (getattr(schema, "pandas_metadata", None) or {}).get("index_columns", [])
    names = [name for name in schema.names if not _NAMELESS.fullmatch(name)]
    levels = [name for name in index if isinstance(name, str) and name in names]
    return [*levels, *(name for name in names if name not in levels)]


def _is_series(source: Any) -> bool:
    """Whether it is a pandas Series, which is read as one row by name. So is a column, for which an
    error then lists the missing names.
    """
    return hasattr(type(source), "iat") and not hasattr(type(source), "columns")


def _of_names(source: Any) -> Table:
    row = row_of(source)
    columns = source if row is None else {name: as_row(cell) for name, cell in row.items()}
    called = "the Series, read as one row," if _is_series(source) else "the columns"
    return Table.from_columns(columns.items(), source=called)


def _of_frame(frame: Any) -> Table:
    """The table of anything with named columns: frames of pandas and polars, pyarrow tables."""
    source = "the data frame"
    given = list(getattr(frame, "column_names", frame.columns))
    check_names([str(name) for name in given], source)
    if hasattr(frame, "schema") and hasattr(frame.schema, "pandas_metadata"):
        given = named_columns(frame.schema)
    levels = _index_levels(frame, given)
    kept = [name for name in given if not _NAMELESS.fullmatch(str(name))]
    pairs = [*levels, *((name, frame[name]) for name in kept)]
    return replace(Table.from_columns(pairs, source=source), index=_dates_of_index(frame))


def _dates_of_index(frame: Any) -> Cells | None:
    """The dates in an unnamed index of a pandas frame."""
    index: Any = getattr(frame, "index", None)
    if getattr(index, "name", None) is not None or not hasattr(index, "get_level_values"):
        return None
    labels = index.to_timestamp() if hasattr(index, "to_timestamp") else index  # periods
    if getattr(labels.dtype, "kind", "") != "M":
        return None
    return Table.from_columns([("index", labels)]).columns["index"]


def _index_levels(frame: Any, columns: Sequence[object]) -> list[tuple[object, Any]]:
    """The named levels of a pandas index, which become columns."""
    index: Any = getattr(frame, "index", None)
    if not hasattr(index, "get_level_values"):
        return []
    names = [name for name in index.names if name is not None and name not in columns]
    return [(name, index.get_level_values(name)) for name in names]


def _of_sparse(matrix: Any) -> Table:
    rows, columns = matrix.shape
    if rows * columns > _MOST_DENSE:
        raise DataError(
            f"A {type(matrix).__name__} of shape {matrix.shape} is too large for a table, which "
            "stores every cell. Select columns, or reduce their number, for example with "
            "scikit-learn's TruncatedSVD."
        )
    return Table.from_arrays(matrix.toarray(), source="the sparse matrix")


def _of_array(source: Any) -> Table:
    kind = type(source).__name__
    array = source.detach().cpu().numpy() if hasattr(source, "detach") else np.asanyarray(source)
    if array.dtype.names is not None:
        pairs = [(name, array[name]) for name in array.dtype.names]
        return Table.from_columns(pairs, source="the structured array")
    return Table.from_arrays(array, source="the array" if kind == "ndarray" else f"the {kind}")


def _of_rows(rows: Sequence[Any]) -> Table:
    """The table of a list of rows or of records, whose cells keep their types."""
    if not rows:
        raise DataError("The list has no rows. Give at least one row.")
    fields_of = _record(rows[0])
    if fields_of is not None:
        return _of_records([fields_of(row) for row in rows])
    widths = {len(row) if isinstance(row, list | tuple) else -1 for row in rows}
    shapes = {np.shape(row) for row in rows} if widths == {-1} else set()
    if len(shapes) == 1 and () not in shapes:
        return _of_array(np.array(rows))
    if shapes and all(len(shape) == 1 for shape in shapes):
        raise DataError(_width_error(rows))
    if -1 in widths:
        odd = next(row for row in rows if not isinstance(row, list | tuple))
        raise DataError(
            f"A {type(rows).__name__} with a value of the type {type(odd).__name__} was given. Give"
            " a list of rows, each a list of cells; a list of dicts; or a dict of columns."
        )
    if len(widths) > 1:
        raise DataError(_width_error(rows))
    return Table.from_columns(enumerate(zip(*rows, strict=True)), source="the list")


def _record(first: Any) -> Callable[[Any], Mapping[str, Any]] | None:
    """A function that gives the cells of such a row by name; None if they have no names."""
    if isinstance(first, Mapping):
        return dict
    if hasattr(first, "_asdict"):  # a named tuple
        return lambda row: row._asdict()
    if is_dataclass(first):
        return lambda row: {field.name: getattr(row, field.name) for field in fields(row)}
    return None


def _of_records(records: Sequence[Mapping[str, Any]]) -> Table:
    """The table of records; a cell that a record lacks is missing."""
    names: Iterable[str] = dict.fromkeys(name for record in records for name in record)
    columns: Iterable[tuple[str, Any]] = (
        (name, [record.get(name) for record in records]) for name in names
    )
    return Table.from_columns(columns, source="the list of records")


def _width_error(rows: Sequence[Any]) -> str:
    width = len(rows[0])
    row = next(index for index, cells in enumerate(rows) if len(cells) != width)
    cells = counted(len(rows[row]), "cell")
    return (
        f"The list: row {row + 1} has {cells}, but row 1 has {width}. Give all rows the same number"
        " of cells, with None for missing ones."
    )


def _no_table(source: Any) -> str:
    hint = " Make a list of it first." if hasattr(source, "__iter__") else ""
    if isinstance(source, bytes | bytearray):
        hint = " If it is the content of a file, wrap it in io.BytesIO."
    return (
        f"A {type(source).__name__} was given, but a table is needed: the path of a CSV or Parquet"
        " file, a data frame, a dict of columns, a list of rows or of dicts, or an array (N, D)."
        f"{hint}"
    )
