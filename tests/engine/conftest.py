"""The engines of the registry, each of which the conformance tests compare with the interpreter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance import engines
from talweg.engine import registry


@pytest.fixture(scope="module", params=engines.COMPARED)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """An engine that is compared; skipped where it cannot be used."""
    name: str = request.param
    if reason := registry.engine(name).why_missing():
        pytest.skip(reason)
    before, engines.under_test = engines.under_test, name
    yield name
    engines.under_test = before
