"""Gates with several arrays refuse to mix float dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import gates

NARROW, WIDE = np.ones((2, 3), np.float32), np.full((2, 3), 0.5)
WHICH = NARROW > 0
CODES = np.array([0, 1])

Two = Callable[[Any, Any], Any]
GATES: dict[str, Two] = {
    "add": gates.add,
    "subtract": gates.subtract,
    "multiply": gates.multiply,
    "divide": gates.divide,
    "power": gates.power,
    "maximum": gates.maximum,
    "minimum": gates.minimum,
    "greater": gates.greater,
    "greater_equal": gates.greater_equal,
    "equal": gates.equal,
    "where": lambda x, y: gates.where(WHICH, x, y),
    "matmul": lambda x, y: gates.matmul(x, y.T),
    "concatenate": lambda x, y: tw.concatenate([x, y]),
}
OPERATORS: dict[str, Two] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "**": lambda x, y: x**y,
    "@": lambda x, y: x @ y.T,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
}


def refuses(call: Two, x: Any, y: Any) -> None:
    with pytest.raises(tw.DtypeError) as raised:
        call(x, y)
    words = str(raised.value)
    assert "float32" in words and "float64" in words


def test_the_table_has_every_gate_of_several_float_arrays() -> None:
    alike = {"take", "segment_sum", "one_hot"}  # codes beside a table
    rules = {name: gate.backward for name, gate in gates.GATES.items()}
    several = {name for name, each in rules.items() if callable(each) or len(each) > 1}
    assert several - alike <= {*GATES}


@pytest.mark.parametrize("name", GATES)
def test_two_float_dtypes_are_refused(name: str) -> None:
    """In either order, on tensors with values and while recording."""
    call = GATES[name]
    for x, y in ((NARROW, WIDE), (WIDE, NARROW)):
        refuses(call, tw.tensor(x, dtype=x.dtype), tw.tensor(y, dtype=y.dtype))
        with pytest.raises(tw.DtypeError):
            tw.graph.record(call, x, y)
        call(x, x)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_refuse_two_float_dtypes(name: str) -> None:
    call = OPERATORS[name]
    for x, y in ((NARROW, WIDE), (WIDE, NARROW)):
        first, second = tw.tensor(x, dtype=x.dtype), tw.tensor(y, dtype=y.dtype)
        refuses(call, first, second)
        refuses(call, first, y)
        call(first, x)


@pytest.mark.parametrize("name", ["greater", "greater_equal", "equal", "maximum", "add"])
@pytest.mark.parametrize("number", [0.5, 2, np.float64(0.5), np.float32(0.5)])
def test_a_scalar_fits_either_dtype(name: str, number: Any) -> None:
    for array in (NARROW, WIDE):
        x = tw.tensor(array, dtype=array.dtype)
        found = gates.GATES[name](x, number)
        assert found.dtype in (array.dtype, np.dtype(bool))


def test_integers_are_compared_with_the_same_type_only() -> None:
    whole, narrow, real = (tw.tensor(CODES, dtype=each) for each in ("int64", "int32", "float64"))
    with pytest.raises(tw.DtypeError, match="equal: dtypes int64 and float64 are mixed"):
        gates.equal(whole, real)
    with pytest.raises(tw.DtypeError, match="greater: dtypes int64 and int32 are mixed"):
        gates.greater(whole, narrow)
