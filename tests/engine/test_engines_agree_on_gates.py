"""Each engine against the interpreter: every gate of the table, and any number of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.compiled_graphs import (
    ELEMENTWISE,
    EXACT,
    ON_ROWS,
    ULPS,
    check_any_number_of_rows,
    check_each_case,
    check_the_largest_cases,
)
from conformance.engines import computed
from conformance.gates import TABLE
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import record

pytestmark = pytest.mark.usefixtures("engine")

BOTH_DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.mark.slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", TABLE)
def test_each_case_of_the_table(name: str, dtype: str) -> None:
    check_each_case(name, dtype)


@BOTH_DTYPES
def test_the_largest_case_of_every_gate_in_one_graph(dtype: str) -> None:
    check_the_largest_cases(dtype)


# Numbers at the edges ---------------------------------------------------------------------------

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e30, -1e30, 1e-30, np.inf, -np.inf, np.nan]
EITHER_ZERO = {"relu", "maximum", "minimum"}


@pytest.mark.slow
@BOTH_DTYPES
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_gates_at_the_edges(name: str, dtype: str) -> None:
    gate, count = TABLE[name].gate, len(TABLE[name].cases[0].shapes)
    largest = np.finfo(dtype).max
    edges = np.array([*EDGES, largest, -largest], dtype)
    grids = [each.ravel() for each in np.meshgrid(*[edges] * min(count, 2))]
    if count == 3:
        grids.insert(0, np.arange(grids[0].size) % 3 == 0)
    graph = record(gate, *grids)
    given = dict(zip(graph.inputs, grids, strict=True))
    found, expected = computed(graph, given), Interpreter(graph)(**given)
    check_edges(found["output"], expected["output"], name in EXACT, name not in EITHER_ZERO)


def check_edges(found: Any, expected: Any, exact: bool, signed: bool) -> None:
    """The same numbers; zeros of the same sign, but for the larger of 0 and -0, which is either."""
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
        return
    np.testing.assert_allclose(found, expected, 0 if exact else ULPS * np.finfo(found.dtype).eps)
    is_zero = (expected == 0) & signed
    np.testing.assert_array_equal(np.signbit(found[is_zero]), np.signbit(expected[is_zero]))


# Any number of rows -----------------------------------------------------------------------------


@pytest.mark.slow
@BOTH_DTYPES
@pytest.mark.parametrize("planned_for", [1, 64])
@pytest.mark.parametrize("name", ON_ROWS)
def test_one_program_for_any_number_of_rows(name: str, planned_for: int, dtype: str) -> None:
    check_any_number_of_rows(name, planned_for, dtype)
