"""Where the package's source is."""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def source() -> Path:
    """The folder src/talweg."""
    return TESTS.parent / "src" / "talweg"
