"""Gates that are defined outside the package, as in `examples/own_gate.py`."""

import runpy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.engine.native.emit.accumulators import SUM
from talweg.engine.native.function import CompiledGraph
from talweg.engine.native.llvm.values import type_of
from talweg.engine.native.lowering import (
    Frame,
    KernelForm,
    Lowering,
    OwnKernel,
    ReductionForm,
    Size,
    View,
    element_count,
    register,
    replica_rule,
)
from talweg.engine.numpy.interpreter import Interpreter
from talweg.engine.replicas import gates_without_rule, replicated_graph
from talweg.graph import Graph, gradients, record, recorded, simplify

pytest.importorskip("llvmlite")

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_gate.py"
PAGE = runpy.run_path(str(EXAMPLE))
softsign, distance, smooth = (PAGE[name] for name in ("softsign", "distance", "smooth"))
CLOSE = {"float32": 1e-4, "float64": 1e-12}
ROWS, CENTERS = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0]])


def test_values() -> None:
    np.testing.assert_allclose(softsign(np.array([-1.0, 0.0, 3.0])), [-0.5, 0.0, 0.75])
    np.testing.assert_array_equal(distance(ROWS, CENTERS), [[1.0], [18.0]])


def test_gradients() -> None:
    PAGE["check"]()


def test_smooth_graphs_run_forward_and_backward() -> None:
    x = np.array([[4.0, 0.0, 8.0]])
    np.testing.assert_array_equal(smooth(x, keep=0.5, reverse=False), [[2.0, 1.0, 4.5]])
    np.testing.assert_array_equal(smooth(x, keep=0.5, reverse=True), [[3.0, 2.0, 4.0]])


def test_errors_name_the_line() -> None:
    with pytest.raises(tw.ShapeError, match=r"\(N, D\) and \(H, D\).*test_own_gate\.py:"):
        distance(tw.tensor(ROWS), np.ones((1, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_interpreter_runs_them(dtype: str) -> None:
    graph = simplify(
        record(
            lambda x, c: distance(softsign(x), c), np.ones((2, 2), dtype), np.ones((1, 2), dtype)
        )
    )
    rows, centers = ROWS.astype(dtype), CENTERS.astype(dtype)
    found = Interpreter(graph)(x=rows, c=centers)["output"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, distance(softsign(rows), centers))
    assert graph.cost().operations == 4 * 6 + 3 * 2 * 2


def with_gradients(x: Any, c: Any) -> dict[str, Any]:
    """All three gates, and the gradients of a sum by both inputs."""
    output = smooth(distance(softsign(x), c), keep=0.75, reverse=False)
    slopes = gradients((output * output).sum(), [x, c])
    return {"output": output, "by x": slopes[0], "by c": slopes[1]}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_both_engines_agree(rows: int, dtype: str) -> None:
    random = np.random.default_rng(rows)
    c = random.standard_normal((3, 2)).astype(dtype)

    def recording(count: int) -> Graph:
        return simplify(record(with_gradients, np.ones((count, 2), dtype), c))

    x = random.standard_normal((rows, 2)).astype(dtype)
    found = CompiledGraph(recorded(recording, 2))(x=x, c=c)
    for name, expected in Interpreter(recording(rows))(x=x, c=c).items():
        np.testing.assert_allclose(found[name], expected, CLOSE[dtype], CLOSE[dtype])


@dataclass(frozen=True, eq=False)
class Scale(OwnKernel):
    """x (N, T) times a number k."""

    x: View
    k: View
    out: View

    def reads(self) -> list[View]:
        return [self.x, self.k]

    def writes(self) -> list[View]:
        return [self.out]

    def operations(self) -> Size:
        return element_count(self.x.shape)

    def emit(self, frame: Frame) -> None:
        f, type = frame.f, type_of(self.x.dtype)
        x, k, out = (frame.start(view) for view in (self.x, self.k, self.out))
        low, high = frame.part_of(self.x.shape[0], self.row_axis is not None)
        with f.loop(low, high) as row, f.loop(0, frame.size(self.x.shape[1])) as column:
            term = f.load(type, f.at(x, frame.offset(self.x, row.index, column.index), type))
            value = f.multiply(term, f.load(type, k))
            f.store(value, f.at(out, frame.offset(self.out, row.index, column.index), type))

    def __str__(self) -> str:
        return "scale"


scale = tw.gates.Gate(
    name="scale",
    kind="elementwise",
    formula="x k",
    shape=lambda x, k: x,
    value=lambda x, k: x * k,
    backward=(None, None),
    slopes=("k", "x"),
    cost=tw.gates.cost_per_element(1),
)
register(
    scale,
    Lowering(
        KernelForm(lambda node, rows, inputs, out: Scale(rows, *inputs, out)), PAGE["smooth_rows"]
    ),
)


def test_a_kernel_reads_numbers_from_memory() -> None:
    """A constant, one that depends on the rows, and one that is computed."""

    def function(x: Any) -> dict[str, Any]:
        numbers = {"constant": 2.5, "rows": len(x) * tw.constant(1.0), "computed": x[0, 0] + 1.0}
        return {name: scale(tw.tanh(x), k) * 0.3 for name, k in numbers.items()}

    def recording(count: int) -> Graph:
        return simplify(record(function, np.ones((count, 3))))

    x = np.random.default_rng(0).standard_normal((5, 3))
    found = CompiledGraph(recorded(recording, 2))(x=x)
    for name, expected in Interpreter(recording(5))(x=x).items():
        np.testing.assert_allclose(found[name], expected, 1e-12, err_msg=name)


def test_a_gate_that_cannot_run_natively_is_refused_with_its_line() -> None:
    bare = replace(distance, name="bare", composition=None)
    graph = record(bare, np.ones((2, 2)), np.ones((1, 2)))
    with pytest.raises(tw.EngineError, match=r"'bare' \(.*\.py:\d+\) has no native code"):
        CompiledGraph(graph)


def test_a_composition_must_keep_to_the_shape_rule() -> None:
    wrong = replace(distance, name="wrong", composition=lambda x, c: x)
    with pytest.raises(tw.EngineError, match=r"composition of the gate 'wrong'.*float64\[2, 1\]"):
        CompiledGraph(record(wrong, np.ones((2, 2)), np.ones((1, 2))))


def test_a_composition_may_use_gates_with_compositions() -> None:
    twice = replace(distance, name="twice", composition=lambda x, c: distance(x, c) * 1.0)
    found = CompiledGraph(record(twice, ROWS, CENTERS))(x0=ROWS, x1=CENTERS)
    np.testing.assert_array_equal(found["output"], [[1.0], [18.0]])


def test_a_gate_has_one_lowering() -> None:
    for gate in (smooth, tw.gates.reduce_sum):
        with pytest.raises(tw.EngineError, match=f"{gate.name!r} already has a lowering"):
            register(gate, Lowering(ReductionForm(lambda node: (0,), SUM)))


def test_replicas_use_the_composition() -> None:
    graph = record(distance, ROWS, CENTERS)
    assert gates_without_rule(graph, replica_rule) == []
    (found,) = Interpreter(replicated_graph(graph, 2, replica_rule)).run(
        np.stack([ROWS, 2 * ROWS], axis=-1), np.stack([CENTERS, CENTERS], axis=-1)
    )
    np.testing.assert_array_equal(found[..., 1], distance(2 * ROWS, CENTERS))


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_network_learns_through_them(engine: str) -> None:
    run, right = PAGE["train"](engine)
    assert run.history["loss"][-1] < 0.1 and right > 0.97
    assert "softsign" in repr(run.net.layers[1])


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if len(line) > 80] == []
    assert "agree with finite differences" in printed and "gate wrong" in printed
