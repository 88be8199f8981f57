"""Where the real tables are, and small ones written on the spot."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from talweg.data.columns.table import Table
from talweg.data.io.read import read_table

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """The folder of real data sets, beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data sets are not there: no folder {SHARED}")
    return SHARED


@cache
def _read(name: str) -> Table:
    return read_table(SHARED / name)


@pytest.fixture
def real_table(shared: Path) -> Callable[[str], Table]:
    """Reads one of the real tables, once for all tests."""
    return _read


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a CSV file and gives its path."""

    def write(content: str | bytes) -> Path:
        file = tmp_path / "table.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write
