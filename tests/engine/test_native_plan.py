"""Golden files: the printed plans of small networks and graphs.

`python tests/engine/test_native_plan.py` writes them again; read the diff before you commit it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from conformance.engines import BITS, CLASSES, X, Y, network, program_of
from talweg import gates
from talweg.engine.native import build as module
from talweg.engine.native.build import build, plan_for
from talweg.engine.native.ir.symbolic_graph import symbolic_graph
from talweg.engine.native.llvm.compiler import Target
from talweg.engine.native.lowering import lowering_of
from talweg.graph import gradients, record, recorded as for_rows, simplify

pytest.importorskip("llvmlite")

PLANS = Path(__file__).parent / "plans"
TARGET = Target("x86_64-unknown-linux-gnu", "x86-64-v3", "", vector_bytes=32, registers=16)
D = 4


class Net(tw.Module):
    """A network from a function of (network, x)."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function, self.first, self.last = function, tw.Dense(3, "tanh"), tw.Dense(2)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        result: tw.Tensor = self.function(self, x)
        return result


def plans_of_run(make: Callable[[], tw.Module], y: Any = Y, x: Any = X, **settings: Any) -> str:
    """The plans of a whole run: its steps, the evaluation, the stopping rules."""
    parts = build(program_of(make, x, y, **settings), TARGET).plans
    plans = {"step": parts.step, "unwatched step": parts.unwatched_step}
    plans |= {"evaluation": parts.evaluate, "rules": parts.rules}
    return "\n".join(f"{name}\n\n{plan}\n" for name, plan in plans.items() if plan)


def plan_of_graph(function: Callable[..., Any]) -> str:
    """The plan of a function of rows x, y (N, 4) and w (4, 4), and of its gradient by w."""

    def with_slope(x: Any, y: Any, w: Any) -> dict[str, Any]:
        output = function(x, y, w)
        (slope,) = gradients((output * y.sum()).sum(), [w])
        return {"output": output, "slope": slope}

    def recorded(rows: int) -> Any:
        return simplify(record(with_slope, *(np.ones((n, D)) for n in (rows, rows, D))))

    rows = 32
    graph = symbolic_graph(for_rows(recorded, rows), lowering_of)
    return f"{plan_for(graph, TARGET, 0, rows)}\n"


def attention(net: Net, x: Any) -> Any:
    scores = x @ gates.transpose(net.first(x), axes=(0, 2, 1))
    return net.last((tw.softmax(scores) @ x).reshape(len(x), -1))


def layer_norm(net: Net, x: Any) -> Any:
    gap = x - x.mean(axis=1, keepdims=True)
    return net.last(gap / tw.sqrt((gap * gap).mean(axis=1, keepdims=True) + 1e-5))


run, graph = partial(partial, plans_of_run), partial(partial, plan_of_graph)
CASES: dict[str, Callable[[], str]] = {
    "full_batch": run(network, batch_size=None, optimizer="sgd"),
    "one_row": run(network, batch_size=1, optimizer="sgd"),
    "momentum": run(network, optimizer=tw.SGD(momentum=0.9), batch_size=16),
    "adam": run(network, optimizer="adam", batch_size=16),
    "watched": run(network, optimizer="adam", batch_size=4, watch=True),
    "adamw_float32": run(network, optimizer="adamw", dtype="float32"),
    "validation": run(network, validation=0.3, metrics=["mae"]),
    "best_without_validation": run(network, restore_best=True),
    "classes": run(
        partial(network, "relu", 3), CLASSES, loss="cross_entropy", metrics=["accuracy"]
    ),
    "bits": run(partial(network, "sigmoid"), BITS, loss="binary_cross_entropy"),
    "stopping": run(
        network, stop=[tw.EarlyStopping(2, watch="loss"), tw.MaxEpochs(3) & tw.MinDecrease(0.1)]
    ),
    "wide": run(
        lambda: tw.Sequential(tw.Dense(100, "relu"), tw.Dense(70, "relu"), tw.Dense(2)),
        batch_size=16,
    ),
    "one_output": run(lambda: tw.Sequential(tw.Dense(300, "relu"), tw.Dense(1)), y=Y[:, :1]),
    "residual": run(lambda: Net(lambda net, x: net.last(x + net.first(x + net.first(x))))),
    "layer_norm": run(lambda: Net(layer_norm)),
    "attention": run(lambda: Net(attention), x=np.ones((23, 4, 3))),
    "mixed_rows": run(
        lambda: Net(lambda net, x: net.last(x - net.first(x).mean(axis=0))), batch_size=None
    ),
    "graph_elementwise": graph(lambda x, y, w: tw.tanh(x) * y + tw.exp(w[0])),
    "graph_softmax": graph(lambda x, y, w: tw.softmax(x @ w)),
    "graph_turned": graph(lambda x, y, w: (tw.exp(x.T).T * y) @ w),
    "graph_concatenated": graph(lambda x, y, w: tw.concatenate([x @ w, y, x[:, :1]], axis=1)),
    "graph_rows_by_rows": graph(lambda x, y, w: tw.tanh(x @ y.T) @ (y @ w)),
    "graph_over_rows": graph(lambda x, y, w: (x - x.mean(axis=0)) @ w / x.max(axis=0)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_plan_equals_its_golden_file(name: str) -> None:
    file = PLANS / f"{name}.txt"
    assert CASES[name]() == file.read_text(), (
        "the plan has changed; `python tests/engine/test_native_plan.py` writes all golden files"
    )


def test_the_plan_in_the_docstring_of_build_is_that_of_its_example() -> None:
    def step(x: Any, y: Any, w: Any, r: Any) -> dict[str, Any]:
        gradient = 2 * (x @ w - y) / len(x)
        return {"w": w - r * (x.T @ gradient)}

    def recorded(rows: int) -> Any:
        return simplify(record(step, *map(np.ones, [(rows, 8), (rows, 4), (8, 4), ()])))

    plan = plan_for(symbolic_graph(for_rows(recorded, 32), lowering_of), TARGET, 0, 32)
    assert textwrap.indent(str(plan), "    ") in (module.__doc__ or "")
    assert {"matmul6"} == {buffer.name for buffer in plan.blocks}


def test_each_golden_file_has_a_case() -> None:
    assert {file.stem for file in PLANS.glob("*.txt")} == set(CASES)


if __name__ == "__main__":
    PLANS.mkdir(exist_ok=True)
    for name, case in CASES.items():
        (PLANS / f"{name}.txt").write_text(case())
