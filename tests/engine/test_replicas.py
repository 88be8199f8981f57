"""Many runs as replicas of one: no gate mixes them, and no lane depends on another."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import talweg as tw
from conformance.gates import TABLE
from talweg.engine.native.lowering import replica_rule
from talweg.engine.numpy.interpreter import Interpreter
from talweg.engine.replicas import (
    NoReplicasError,
    gates_without_rule,
    is_finite,
    replicated_graph,
    replicated_program,
    split_outcome,
    stacked,
)
from talweg.engine.run.outcome import Control, Outcome
from talweg.engine.run.program import Program
from talweg.gates import GATES, Gate
from talweg.graph import Graph, run_input
from talweg.train.run.job import Job, job_of
from talweg.train.run.lower import DEFAULTS

REPLICAS = 3


# Gates ------------------------------------------------------------------------------------------


REFUSED = {"uniform", "take", "segment_sum"}
"""Gates that replicas cannot share, so that their runs train one by one."""


def test_each_other_gate_has_a_replica_rule() -> None:
    assert {name for name, gate in GATES.items() if replica_rule(gate) is None} == REFUSED


def graph_of(gate: Gate, inputs: list[np.ndarray], settings: dict[str, Any], first: str) -> Graph:
    names = [first, *(f"input{i}" for i in range(1, len(inputs)))]
    given = {n: run_input(each, n) for n, each in zip(names, inputs, strict=True)}
    return Graph(given, {"output": gate(*given.values(), **settings)})


@pytest.mark.parametrize("shares_first", [False, True], ids=["apart", "a shared input"])
@pytest.mark.parametrize("name", [name for name in TABLE if name not in REFUSED])
def test_each_gate_computes_each_replica(name: str, shares_first: bool) -> None:
    row = TABLE[name]
    for case in row.cases:
        drawn = [row.inputs(case, seed=seed) for seed in range(REPLICAS)]
        if shares_first:  # as the rows of a batch are
            drawn = [[drawn[0][0], *each[1:]] for each in drawn]
        graph = graph_of(row.gate, drawn[0], case.settings, "x" if shares_first else "input0")
        arrays = [np.stack(each, axis=-1) for each in zip(*drawn, strict=True)]
        if shares_first:
            arrays[0] = drawn[0][0][..., None]
        (found,) = Interpreter(replicated_graph(graph, REPLICAS, replica_rule)).run(*arrays)
        expected = [row.gate(*each, **case.settings) for each in drawn]
        assert found.shape == (*expected[0].shape, REPLICAS) and found.dtype == expected[0].dtype
        for place, each in enumerate(expected):
            np.testing.assert_allclose(found[..., place], each, 1e-12, 1e-12, err_msg=str(case))


def test_a_gate_without_a_rule_is_refused() -> None:
    turned = replace(tw.gates.transpose, name="turned")
    graph = graph_of(turned, [np.zeros((2, 3))], {"axes": (1, 0)}, "x")
    assert gates_without_rule(graph, replica_rule) == ["turned"]
    with pytest.raises(NoReplicasError, match="turned"):
        replicated_graph(graph, REPLICAS, replica_rule)


# Runs -------------------------------------------------------------------------------------------

launch = pytest.importorskip("talweg.engine.native.runtime.launch")
from talweg.engine.native.ir.nest import Nest  # noqa: E402

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(10, 3))
Y = np.tanh(X[:, :1])


def jobs(rates: list[float], dtype: str = "float32", **settings: Any) -> list[Job]:
    given = {**DEFAULTS, "batch_size": 4, "shuffle": False, "epochs": 30, "threads": 1, **settings}
    made = []
    for seed, rate in enumerate(rates):
        layers = [tw.Dense(5, "tanh"), tw.Dense(1)]
        net = tw.Sequential(*layers, dtype=dtype).init(X, seed=seed)
        made.append(job_of(net, X, Y, {**given, "optimizer": tw.SGD(lr=rate, momentum=0.5)}))
    return made


def of_replicas(chosen: list[Job], width: int) -> Program:
    """The program of some jobs, recorded for any number of rows."""
    programs = [job.recorder.for_any_rows(job.program) for job in chosen]
    return replicated_program(programs, width, replica_rule)


def run_together(chosen: list[Job], width: int) -> list[Outcome]:
    program = of_replicas(chosen, width)
    weights = stacked([each.net.weights.flat for each in chosen], width)
    engine = launch.prepare(program)
    return split_outcome(engine.run(program, weights, chosen[0].rows, None, Control()), len(chosen))


def assert_same(ours: Outcome, theirs: Outcome) -> None:
    assert_array_equal(ours.weights, theirs.weights)
    assert_array_equal(ours.history["loss"], theirs.history["loss"])
    assert_array_equal(ours.state["velocity"], theirs.state["velocity"])


@pytest.mark.quick("float64")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_the_width_or_on_other_replicas(dtype: str) -> None:
    chosen = jobs([0.01 * i for i in range(1, 9)], dtype)
    first = run_together(chosen, 8)
    assert len({float(each.history["loss"][-1]) for each in first}) == 8
    for width in (16, 32):
        for ours, theirs in zip(run_together(chosen, width), first, strict=True):
            assert_same(ours, theirs)
    for ours, theirs in zip(run_together(chosen[:1:-1], 8), first[:1:-1], strict=True):
        assert_same(ours, theirs)


@pytest.mark.quick("float64")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replica_that_diverges_does_not_affect_others(dtype: str) -> None:
    rates = [0.1, 0.01, 0.05, 0.02]
    calm = run_together(jobs(rates, dtype), 8)
    wild = run_together(jobs([0.1, 1e30, 0.05, 1e31], dtype), 8)
    assert [is_finite(each) for each in calm] == [True] * 4
    assert [is_finite(each) for each in wild] == [True, False] * 2
    for place in (0, 2):
        assert_same(wild[place], calm[place])


def test_replicas_fill_the_lanes_and_products_are_not_stored() -> None:
    (job,) = jobs([0.1])
    build = launch.prepare(of_replicas([job], 16)).build
    terms = 3 * 5 * 16  # of one row's largest product
    assert max(each.size.factor for each in build.plans.buffers if each.size.power) < terms
    assert not any(each.guarded for each in build.plans.step.kernels if isinstance(each, Nest))
    sums = re.findall(r"call (.*?) @llvm\.fma", build.text)
    assert sums and all("x float" in each for each in sums), "a product is added up lane by lane"
