"""A Parquet file, read by pyarrow as blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from talweg.data.columns import as_numbers_or_texts
from talweg.data.files import Source
from talweg.data.growing import Block
from talweg.data.table import check_names
from talweg.errors import DataError

BLOCK = 2**18  # cells that are read at a time


class ParquetFile:
    """A Parquet file whose columns are known."""

    clean = staticmethod(str.strip)

    def __init__(self, file: Source) -> None:
        self.file = file
        self.names: tuple[str, ...] = tuple(_reader(file).schema_arrow.names)
        self.no_rows = f"{file} has columns but no rows. Give at least one."
        check_names(self.names, str(file))

    def blocks(self) -> Iterator[Block]:
        """The rows, so many at a time, as columns. DataError: a damaged file."""
        reader, size = _reader(self.file), max(BLOCK // len(self.names), 1)
        try:
            for group in range(reader.num_row_groups):  # of all at once, pyarrow keeps what it read
                for batch in reader.iter_batches(size, row_groups=[group]):
                    yield [as_numbers_or_texts(np.asarray(each)) for each in batch.columns]
        except OSError as error:
            raise _damaged(self.file, error) from None


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
        return parquet.ParquetFile(file.file)
    except (ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Source, error: Exception) -> DataError:
    return DataError(
        f"{file} cannot be read as Parquet ({error}). It is damaged or cut short: copy it again."
    )
