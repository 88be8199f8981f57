"""Booleans between two nests are stored a bit each, for any count and vector width."""

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
    """Counts of positive numbers in bytes, which a nest of their own computes."""
    return count_change(recent, gates.reshape(gates.greater(x, 0), shape=recent.shape))


def given(count: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    return (
        RANDOM.normal(size=count).astype(dtype),
        RANDOM.integers(0, 256, (1, count)).astype(np.uint8),
    )


def agree(graph: Graph, *arrays: np.ndarray) -> CompiledGraph:
    """Compare a graph in native code with address checks to NumPy; the compiled graph."""
    compiled = CheckedGraph(graph)
    x, recent = arrays
    found = compiled(**dict(zip(graph.inputs, arrays, strict=True)))["output"]
    assert_array_equal(found, recent + ((recent & 1) != (x > 0)), strict=True)
    return compiled


def bits_of(compiled: CompiledGraph) -> list[bool]:
    return [buffer.in_bits for buffer in compiled.plan.buffers if buffer.dtype == np.bool_]


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_count_on_vectors_of_any_width(
    vector_bytes: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LLVM splits wider vectors, so this machine can run them."""
    other = replace(host(), vector_bytes=vector_bytes)
    monkeypatch.setattr(function, "host", lambda: other)
    for count in COUNTS:
        arrays = given(count, dtype)
        assert bits_of(agree(record(counted, *arrays), *arrays)) == [True]


def test_comparisons_of_reversed_numbers() -> None:
    """They are computed one by one, so each bit joins the others of its byte."""
    for count in (1, 7, 8, 33):
        x, recent = given(count, "float32")
        graph = record(lambda x, recent: counted(x[::-1], recent), x, recent)
        compiled = CheckedGraph(graph)
        found = compiled(x=x, recent=recent)["output"]
        assert_array_equal(found, count_change(recent, (x > 0)[::-1][None]))


def test_booleans_that_are_read_in_part_are_stored_as_bytes() -> None:
    x, recent = given(40, "float32")

    def both(x: Any, recent: Any) -> Any:
        up = gates.greater(x, 0)
        some = gates.cast(up[3:20], dtype="float32").sum()
        return {"counts": count_change(recent, up.reshape(1, 40)), "some": some}

    compiled = CheckedGraph(record(both, x, recent))
    found = compiled(x=x, recent=recent)
    assert bits_of(compiled) == [False]
    assert_array_equal(found["counts"], count_change(recent, (x > 0)[None]))
    assert found["some"] == (x[3:20] > 0).sum()


def test_a_count_is_restored_from_its_last_byte() -> None:
    counts = RANDOM.integers(0, 2**20, 100)
    more = RANDOM.integers(0, 256, 100)
    arrays = counts.astype(np.int32), (counts + more).astype(np.uint8), np.array(1, np.int32)
    assert_array_equal(widen_count(*arrays), counts + more)
    graph = record(widen_count, *arrays)
    found = CheckedGraph(graph)(**dict(zip(graph.inputs, arrays, strict=True)))["output"]
    assert_array_equal(found, (counts + more).astype(np.int32), strict=True)
