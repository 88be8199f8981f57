"""Truths between two nests lie a bit each, whatever their number and the width of vectors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from talweg import gates
from talweg.engine.native import function
from talweg.engine.native.checker.memory import CheckedGraph
from talweg.engine.native.function import CompiledGraph
from talweg.engine.native.llvm.compiler import host
from talweg.gates.counting import count_change, widen_count
from talweg.graph import Graph, record

COUNTS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257, 1000, 7510)
RANDOM = np.random.default_rng(3)


def counted(x: Any, recent: Any) -> Any:
    """Bytes that count which numbers are positive, in a nest of their own."""
    return count_change(recent, gates.reshape(gates.greater(x, 0), shape=recent.shape))


def given(count: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    return (
        RANDOM.normal(size=count).astype(dtype),
        RANDOM.integers(0, 256, (1, count)).astype(np.uint8),
    )


def agrees(graph: Graph, *arrays: np.ndarray) -> CompiledGraph:
    """Run a graph in native code that checks its addresses, against NumPy."""
    made = CheckedGraph(graph)
    x, recent = arrays
    found = made(**dict(zip(graph.inputs, arrays, strict=True)))["output"]
    assert_array_equal(found, recent + ((recent & 1) != (x > 0)), strict=True)
    return made


def bits_of(made: CompiledGraph) -> list[bool]:
    return [each.bits > 0 for each in made.plan.buffers if each.dtype == np.bool_]


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_on_any_machine(
    vector_bytes: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wider vectors are split, so this machine can run them."""
    other = replace(host(), vector_bytes=vector_bytes)
    monkeypatch.setattr(function, "host", lambda: other)
    for count in COUNTS:
        arrays = given(count, dtype)
        assert bits_of(agrees(record(counted, *arrays), *arrays)) == [True]


def test_numbers_that_are_turned_round() -> None:
    """They are taken one by one, so each truth joins the others of its byte."""
    for count in (1, 7, 8, 33):
        x, recent = given(count, "float32")
        graph = record(lambda x, recent: counted(x[::-1], recent), x, recent)
        made = CheckedGraph(graph)
        found = made(x=x, recent=recent)["output"]
        assert_array_equal(found, count_change(recent, (x > 0)[::-1][None]))


def test_truths_that_others_read_in_part_lie_in_bytes() -> None:
    x, recent = given(40, "float32")

    def both(x: Any, recent: Any) -> Any:
        up = gates.greater(x, 0)
        some = gates.cast(up[3:20], dtype="float32").sum()
        return {"counts": count_change(recent, up.reshape(1, 40)), "some": some}

    made = CheckedGraph(record(both, x, recent))
    found = made(x=x, recent=recent)
    assert bits_of(made) == [False]
    assert_array_equal(found["counts"], count_change(recent, (x > 0)[None]))
    assert found["some"] == (x[3:20] > 0).sum()


def test_counts_are_carried_over_from_their_last_byte() -> None:
    counts = RANDOM.integers(0, 2**20, 100)
    more = RANDOM.integers(0, 256, 100)
    arrays = counts.astype(np.int32), (counts + more).astype(np.uint8), np.array(1, np.int32)
    assert_array_equal(widen_count(*arrays), counts + more)
    graph = record(widen_count, *arrays)
    found = CheckedGraph(graph)(**dict(zip(graph.inputs, arrays, strict=True)))["output"]
    assert_array_equal(found, (counts + more).astype(np.int32), strict=True)
