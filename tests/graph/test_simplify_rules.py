"""Simplification: what it removes, and what it must keep."""

import numpy as np
import pytest

import talweg as tw
from talweg import gates
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import record, simplify

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


def run(graph, *arrays):
    return Interpreter(graph)(**dict(zip(graph.inputs, arrays, strict=True)))


IDLE = {  # what leaves x as it is
    "times one": lambda x: 1.0 * x * np.ones((2, 3)),
    "over one": lambda x: x / 1,
    "identity": gates.identity,
    "stopped": gates.stop_gradient,
    "reshape": lambda x: x.reshape(2, 3),
    "cast": lambda x: tw.cast(x, dtype="float64"),
    "broadcast": lambda x: gates.broadcast_to(x, shape=(2, 3)),
    "transpose": lambda x: x.transpose(0, 1),
    "there and back": lambda x: x.reshape(6).reshape(3, 2).reshape(2, 3),
}


@pytest.mark.parametrize("idle", IDLE.values(), ids=list(IDLE))
def test_idle_nodes_are_removed(idle) -> None:
    simple = simplify(record(lambda x: tw.sin(idle(x)), X))
    assert [node.gate.name for node in simple.nodes if node.gate] == ["sin"]
    np.testing.assert_array_equal(run(simple, X + 1)["output"], np.sin(X + 1))


BUSY = {  # what looks idle but is not
    "plus nothing": lambda x: x + 0.0,
    "a row of ones": lambda x: x[0, 0] * np.ones(3),
    "nothing minus": lambda x: 0.0 - x,
    "one over": lambda x: 1.0 / x,
    "almost one": lambda x: x * (1 + 1e-15),
    "a transpose of a square": lambda x: (x.T @ x[:, ::-1]).T,
    "a narrower number": lambda x: tw.cast(tw.cast(x, dtype="float32"), dtype="float64"),
}


@pytest.mark.parametrize("busy", BUSY.values(), ids=list(BUSY))
def test_nodes_that_change_a_value_stay(busy) -> None:
    graph = record(busy, X)
    other = np.random.default_rng(0).standard_normal((2, 3))
    found = run(simplify(graph), other)["output"]
    np.testing.assert_array_equal(found, busy(tw.tensor(other)).value, strict=True)


def test_a_graph_in_a_setting_equals_itself_alone() -> None:
    """A gate may hold a graph, as a loop holds its body."""
    bodies = [record(tw.sin, X), record(tw.sin, X)]
    loop = gates.Gate(
        name="loop",
        kind="convert",
        formula="loop(x)",
        shape=lambda x, *, body: x,
        value=lambda x, *, body: run(body, x)["output"],
        backward=(None,),
        slopes=("0",),
        cost=gates.cost_per_element(1),
    )

    def called(x):
        return loop(x, body=bodies[0]) + loop(x, body=bodies[0]) + loop(x, body=bodies[1])

    simple = simplify(record(called, X))
    assert len([node for node in simple.nodes if node.gate is loop]) == 2


def test_equal_expressions_are_computed_once() -> None:
    simple = simplify(record(lambda x: {"a": tw.exp(x) + tw.exp(x), "b": tw.exp(x)}, X))
    assert len([node for node in simple.nodes if node.gate is gates.exp]) == 1


def test_equal_expressions_with_a_number_are_computed_once() -> None:
    simple = simplify(record(lambda x: {"a": 2.0 * x, "b": 2.0 * x, "c": 3.0 * x}, X))
    assert simple.outputs["a"] is simple.outputs["b"] is not simple.outputs["c"]


def test_equal_expressions_with_equal_constants_are_computed_once() -> None:
    numbers = [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.5], [[1.0, 2.0, 3.0]]]
    products = record(lambda x: {str(i): x * np.array(y) for i, y in enumerate(numbers)}, X)
    simple = simplify(products)
    assert len([node for node in simple.nodes if node.gate is gates.multiply]) == 3
    found = run(simple, X + 1)
    for place, each in enumerate(numbers):
        np.testing.assert_array_equal(found[str(place)], (X + 1) * np.array(each))


@pytest.mark.parametrize("other", [[0.0, -0.0], [0.0, 1e-300]], ids=str)
def test_constants_that_look_equal_are_distinguished(other) -> None:
    one, two = np.zeros(2), np.array(other)
    simple = simplify(record(lambda x: {"a": 1 / (x * one), "b": 1 / (x * two)}, np.ones(2)))
    with np.errstate(divide="ignore", over="ignore"):
        found = run(simple, np.ones(2))
        np.testing.assert_array_equal(found["a"], 1 / one)
        np.testing.assert_array_equal(found["b"], 1 / two)


def test_the_same_gate_with_other_settings_is_another_node() -> None:
    simple = simplify(record(lambda x: {"a": x.sum(0), "b": x.sum(1), "c": x.sum(0)}, X))
    assert simple.outputs["a"] is simple.outputs["c"]
    assert simple.outputs["b"].shape == (2,)


shifted = gates.Gate(
    name="shifted",
    kind="elementwise",
    formula="x + by",
    shape=lambda x, *, by: x,
    value=lambda x, *, by: x + np.sum(by[0] if isinstance(by, tuple) else by),
    backward=(lambda g, out, x, *, by: g,),
    slopes=("1",),
    cost=gates.cost_per_element(1),
)


SETTINGS = {  # two that print or compare alike and are not
    "rounded": (np.ones(3), np.ones(3) + 1e-9),
    "with dots": (np.ones(3000), np.r_[np.ones(1500), 1 + 1e-9, np.ones(1499)]),
    "in a tuple": ((np.ones(3), 1.0), (np.ones(3) + 1e-9, 1.0)),
    "zeros": (0.0, -0.0),
    "zeros in a tuple": ((0.0,), (-0.0,)),
}


@pytest.mark.parametrize(("one", "other"), SETTINGS.values(), ids=list(SETTINGS))
def test_settings_that_look_equal_are_distinguished(one, other) -> None:
    simple = simplify(record(lambda x: {"a": shifted(x, by=one), "b": shifted(x, by=other)}, 0.5))
    assert simple.outputs["a"] is not simple.outputs["b"]


def test_settings_of_different_types_are_distinguished() -> None:
    table = np.ones(3)
    for by in (2.0, (0, 1), table, (table, 1.0)):
        simple = simplify(record(lambda x, by=by: shifted(x, by=by) + shifted(x, by=by), 0.5))
        assert len(simple.nodes) == 3


def test_what_depends_on_no_input_is_computed_beforehand() -> None:
    simple = simplify(record(lambda x: x * tw.exp(tw.constant(1.0)), 2.0))
    assert [node.gate.name for node in simple.nodes if node.gate] == ["multiply"]


def test_names_lines_and_layers_are_kept() -> None:
    graph = record(lambda x: tw.sin(x * 1).named("wave"), 2.0)
    (before,), (after,) = graph.outputs.values(), simplify(graph).outputs.values()
    assert (after.name, after.line) == ("wave", before.line)


def test_inputs_stay_even_when_unused() -> None:
    simple = simplify(record(lambda x, unused: x * 1, 2.0, 3.0))
    assert list(simple.inputs) == ["x", "unused"]
    assert run(simple, np.array(5.0), np.array(1.0)) == {"output": 5}


def test_infinity_keeps_its_sign() -> None:
    """-0 may become 0 if no other value changes."""
    graph = record(lambda x: 1.0 / (x + 0.0), 1.0)
    assert run(simplify(graph), np.array(-0.0)) == run(graph, np.array(-0.0))
