"""What every docstring's example may use without importing it."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two pools fight where tests run side by side

import numpy as np
import pytest

import talweg as tw


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(np=np, tw=tw)
