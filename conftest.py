"""What every docstring's example may use without importing it."""

import numpy as np
import pytest

import talweg as tw


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(np=np, tw=tw)
