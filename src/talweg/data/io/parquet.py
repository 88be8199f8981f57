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

BLOCK = 2**18  # cells that are read at a time

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

    `types` says what their values are, `unfit` why those of some cannot be cells.
    """

    delimiter = ""  # nothing parts the cells

    def __init__(self, file: Source) -> None:
        reader = _reader(file)
        schema = reader.schema_arrow
        check_names(schema.names, str(file))
        self.file = file
        self.names: tuple[str, ...] = tuple(named_columns(schema))
        self.no_rows = f"{file} has columns but no rows. Give at least one."
        kinds = {name: schema.field(name).type for name in self.names}
        self.types = {name: _type_of(kind) for name, kind in kinds.items()}
        self.unfit = {
            name: f"Its cells are not single values, but of the type {kind}."
            for name, kind in kinds.items()
            if kind.num_fields
        }
        self._long = _long_columns(reader) & {*self.names}
        check_names(self.names, str(file))

    def blocks(self) -> Iterator[Block]:
        """The rows, so many at a time, as columns. DataError: a damaged file."""
        reader, size = _reader(self.file), max(BLOCK // len(self.names), 1)
        wanted = [name for name in self.names if name not in self.unfit]
        chosen = wanted if self.unfit else None
        try:
            for group in range(reader.num_row_groups):  # of all at once, pyarrow keeps what it read
                for batch in reader.iter_batches(size, row_groups=[group], columns=chosen):
                    yield [self._cells(name, batch) for name in self.names]
        except OSError as error:
            raise _damaged(self.file, error) from None

    def _cells(self, name: str, batch: Any) -> list[str] | Floats:
        if name in self.unfit:
            return [""] * batch.num_rows
        cells = batch.column(name)
        if name in self._long:
            return [as_text(each) for each in cells.to_pylist()]
        return as_numbers_or_texts(cells)


def _type_of(kind: Any) -> ValueType:
    """What the values of an Arrow type are."""
    text = str(getattr(kind, "value_type", kind))  # of a dictionary, that of its words
    if "tz=" in text:  # which the text of a moment names
        return "text"
    return next((found for name, found in _TYPES.items() if text.startswith(name)), "text")


def _long_columns(reader: Any) -> set[str]:
    """Columns of whole numbers beyond what float64 tells apart, by the statistics of the file."""
    found = set()
    for group in range(reader.metadata.num_row_groups):
        part = reader.metadata.row_group(group)
        for column in map(part.column, range(part.num_columns)):
            known = column.statistics if column.physical_type == "INT64" else None
            ends = (known.min, known.max) if known and known.has_min_max else ()
            if any(isinstance(end, int) and abs(end) >= EXACT for end in ends):
                found.add(column.path_in_schema)
    return found


def _reader(file: Source) -> Any:
    """pyarrow's reader of the file. DataError: no pyarrow, or a damaged file."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise DataError(
            f"{file} is a Parquet file, which pyarrow reads, and pyarrow is not installed. Run"
            " pip install 'talweg[tables]', or save the table as CSV."
        ) from None
    try:
        return parquet.ParquetFile(file.file if isinstance(file.file, Path) else file.open())
    except (ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Source, error: Exception) -> DataError:
    return DataError(
        f"{file} cannot be read as Parquet ({error}). It is damaged or cut short: copy it again."
    )
