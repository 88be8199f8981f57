"""A Parquet file, read by pyarrow as blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from talweg.data.columns.column_builder import Block
from talweg.data.columns.table import check_names
from talweg.data.columns.values import EXACT, Floats, ValueType, as_numbers_or_texts, as_text
from talweg.data.io.files import Source
from talweg.data.io.sources import named_columns
from talweg.errors import DataError

BLOCK = 2**18  # cells read at a time

_TYPES: Mapping[str, ValueType] = {
    "bool": "truth",
    "int": "whole",
    "uint": "whole",
    "float": "number",
    "double": "number",
    "halffloat": "number",
    "decimal": "number",
    "duration": "number",
    "timestamp": "moment",
    "date": "day",
}


class ParquetFile:
    """A Parquet file whose columns are known.

    `types` are the types of their values, `unfit` says why some columns cannot be used.
    """

    delimiter = ""  # nothing separates the cells

    def __init__(self, file: Source) -> None:
        reader = _reader(file)
        schema = reader.schema_arrow
        check_names(schema.names, str(file))
        self.file = file
        self.names: tuple[str, ...] = tuple(named_columns(schema))
        self.no_rows = f"{file} has columns but no rows. Give at least one."
        arrow_types = {name: schema.field(name).type for name in self.names}
        self.types = {name: _type_of(arrow_type) for name, arrow_type in arrow_types.items()}
        self.unfit = {
            name: f"Its cells are of the type {arrow_type}, not single values."
            for name, arrow_type in arrow_types.items()
            if arrow_type.num_fields
        }
        self._long = _long_columns(reader) & {*self.names}
        check_names(self.names, str(file))

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows, as columns. DataError: a damaged file."""
        reader, size = _reader(self.file), max(BLOCK // len(self.names), 1)
        wanted = [name for name in self.names if name not in self.unfit]
        chosen = wanted if self.unfit else None
        try:
            for group in range(reader.num_row_groups):  # read as one, pyarrow keeps all groups
                for batch in reader.iter_batches(size, row_groups=[group], columns=chosen):
                    yield [self._cells(name, batch) for name in self.names]
        except OSError as error:
            raise _damage_error(self.file, error) from None

    def _cells(self, name: str, batch: Any) -> list[str] | Floats:
        if name in self.unfit:
            return [""] * batch.num_rows
        cells = batch.column(name)
        if name in self._long:
            return [as_text(cell) for cell in cells.to_pylist()]
        return as_numbers_or_texts(cells)


def _type_of(arrow_type: Any) -> ValueType:
    """The type of the values of an Arrow type."""
    text = str(getattr(arrow_type, "value_type", arrow_type))  # a dictionary has that of its values
    if "tz=" in text:  # the text of such a moment has its time zone
        return "text"
    return next((known for name, known in _TYPES.items() if text.startswith(name)), "text")


def _long_columns(reader: Any) -> set[str]:
    """Columns of whole numbers too large for float64, by the statistics of the file."""
    long = set()
    for group in range(reader.metadata.num_row_groups):
        part = reader.metadata.row_group(group)
        for column in map(part.column, range(part.num_columns)):
            known = column.statistics if column.physical_type == "INT64" else None
            ends = (known.min, known.max) if known and known.has_min_max else ()
            if any(isinstance(end, int) and abs(end) >= EXACT for end in ends):
                long.add(column.path_in_schema)
    return long


def _reader(file: Source) -> Any:
    """pyarrow's reader of the file. DataError: pyarrow is not installed, or a damaged file."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise DataError(
            f"{file} is a Parquet file. Reading it needs pyarrow, which is not installed: run"
            " pip install 'talweg[tables]', or save the table as CSV."
        ) from None
    try:
        return parquet.ParquetFile(file.file if isinstance(file.file, Path) else file.open())
    except (ArrowException, OSError) as error:
        raise _damage_error(file, error) from None


def _damage_error(file: Source, error: Exception) -> DataError:
    return DataError(
        f"{file} cannot be read as Parquet ({error}). It is damaged or cut short: copy it again."
    )
