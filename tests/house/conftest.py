"""Where the package's source is; the gates' conformance table can be imported from here too."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "gates"))


@pytest.fixture
def source() -> Path:
    """The folder src/talweg."""
    return TESTS.parent / "src" / "talweg"
