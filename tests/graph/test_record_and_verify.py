"""A graph on its own: recorded with names, verified, printed, costed."""

from types import SimpleNamespace

import numpy as np
import pytest

import talweg as tw
from talweg.graph import Graph, gradients, record, run_input, tensor, verify


def test_inputs_are_named_after_the_parameters() -> None:
    assert list(record(lambda pressure, flow: pressure * flow, 1.0, 2.0).inputs) == [
        "pressure",
        "flow",
    ]
    assert list(record(lambda *many: many[0] + many[1], 1.0, 2.0).inputs) == ["x0", "x1"]
    assert list(record(tw.sin, 1.0).inputs) == ["x0"]


def test_parameters_by_position_alone_keep_their_names() -> None:
    def power(base, /, exponent):
        return base**exponent

    assert list(record(power, 2.0, 3.0).inputs) == ["base", "exponent"]


def test_no_two_inputs_share_a_name() -> None:
    assert len(record(lambda x1, *rest: x1 - rest[0], 1.0, 2.0).inputs) == 2


def test_outputs_keep_their_names() -> None:
    graph = record(lambda x: {"double": 2 * x, "same": x}, 1.0)
    assert list(graph.outputs) == ["double", "same"]
    assert graph.outputs["same"] is graph.inputs["x"]
    assert list(record(lambda x: x * x, 1.0).outputs) == ["output"]


def test_nodes_come_before_their_users() -> None:
    graph = record(lambda x, unused: tw.sin(x) * x, 1.0, 2.0)
    seen: set[int] = set()
    for node in graph.nodes:
        assert all(each.number in seen for each in node.inputs)
        seen.add(node.number)
    assert any(node is graph.inputs["unused"] for node in graph.nodes)


def test_cost_is_the_sum_over_gates() -> None:
    graph = record(lambda x, y: (x @ y).sum(), np.ones((2, 3)), np.ones((3, 4)))
    assert graph.cost() == (2 * 2 * 3 * 4 + 8, 8 * ((6 + 12 + 8) + (8 + 1)))


# What the verifier refuses ---------------------------------------------------------------------


def broken(change) -> Graph:
    """A small graph after `change`."""
    graph = record(lambda x: tw.sin(x) * x, np.ones(2))
    node = graph.outputs["output"]
    change(SimpleNamespace(node=node, sine=node.inputs[0], x=graph.inputs["x"], graph=graph))
    return Graph(graph.inputs, graph.outputs)


def swap_input(g) -> None:
    g.node.inputs = (tw.sin(g.x), g.x)  # made after the node


def close_a_cycle(g) -> None:
    g.sine.inputs = (g.node,)


def use_a_foreign_input(g) -> None:
    g.node.inputs = (g.sine, run_input(np.ones(2), "elsewhere"))
    g.node.number = g.node.inputs[1].number + 1000


def alter_shape(g) -> None:
    g.node.array = np.ones(3)


def alter_dtype(g) -> None:
    g.node.array = np.ones(2, np.float32)


def forget_recording(g) -> None:
    g.node.recorded = False


def lose_the_output(g) -> None:
    g.graph.outputs["output"] = np.ones(2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swap_input, "which is made after it"),
        (close_a_cycle, "which is made after it"),
        (use_a_foreign_input, "'elsewhere'.*is an input of another recording"),
        (alter_shape, r"its gate's shape rule gives float64\[2\]"),
        (alter_dtype, r"its gate's shape rule gives float64\[2\]"),
        (forget_recording, "its mark `recorded` contradicts"),
        (lose_the_output, "output 'output' is ndarray, not a tensor"),
    ],
)
def test_a_broken_graph_is_refused(change, words: str) -> None:
    verify(broken(lambda g: None))
    with pytest.raises(tw.GraphError, match=words):
        verify(broken(change))


def test_an_input_of_another_recording_is_refused_when_recording() -> None:
    kept = []
    record(lambda x: kept.append(x) or x * 2, 1.0)
    with pytest.raises(tw.GraphError, match="input of another recording"):
        record(lambda y: y * kept[0], 1.0)


def test_a_backward_rule_with_a_wrong_shape_is_refused() -> None:
    def short(g, out, x):
        return g.sum()

    gate = tw.gates.Gate(
        name="short",
        kind="elementwise",
        formula="x",
        shape=lambda x: x,
        value=np.positive,
        backward=(short,),
        slopes=("1",),
        cost=tw.gates.cost_per_element(0),
    )
    with pytest.raises(tw.GraphError, match="short: its backward rule 0 gives"):
        gate(tensor([1.0, 2.0])).sum().backward()


def test_a_value_that_breaks_its_shape_rule_is_refused() -> None:
    gate = tw.gates.elementwise("off", "?", np.sum, backward=(None,), slopes=("0",))
    with pytest.raises(
        tw.GraphError, match=r"off: its shape rule gives float64\[2\], but its value"
    ):
        gate(tensor([1.0, 2.0]))


# Printing ---------------------------------------------------------------------------------------

TINY_NET = """\
graph: 2 inputs, 1 output, 90 operations, 424 bytes
  %0  input x             float64[2, 2]
  %1  input y             float64[2, 1]
  %2  constant 0.weight   float64[2, 2]
  %3  constant 0.bias     float64[2]
  %4  constant 1.weight   float64[2, 1]
  %5  matmul(%0, %2)      float64[2, 2]  layer 0
  %6  add(%5, %3)         float64[2, 2]  layer 0
  %7  sigmoid(%6)         float64[2, 2]  layer 0
  %8  matmul(%7, %4)      float64[2, 1]  layer 1
  %9  subtract(%8, %1)    float64[2, 1]
 %10  multiply(%9, %9)    float64[2, 1]
 %11  reduce_sum(%10, axes=(0, 1), keepdims=False)  float64[]     -> output"""

SINE_AND_SLOPE = """\
graph: 1 input, 2 outputs, 58 operations, 88 bytes
  %0  input x             float64[2]
  %1  sin(%0)             float64[2]
  %2  reduce_sum(%1, axes=(0,), keepdims=False)  float64[]     -> value
  %3  cos(%0)             float64[2]    -> slope"""


def test_a_net_printed() -> None:
    net = tw.Sequential(tw.Dense(2, "sigmoid"), tw.Dense(1, bias=False), dtype="float64")
    net.init(np.ones((2, 2)))

    def loss(x, y):
        gap = net(x) - y
        return (gap * gap).sum()

    assert str(record(loss, np.ones((2, 2)), np.ones((2, 1)))) == TINY_NET


def test_a_gradient_printed() -> None:
    def sine(x):
        value = tw.sin(x).sum()
        return {"value": value, "slope": gradients(value, [x])[0]}

    assert str(tw.graph.simplify(record(sine, np.ones(2)))) == SINE_AND_SLOPE


def test_a_number_cannot_be_taken_for_a_node() -> None:
    """Node 2 times node 1 must not print like node 2 times the number 1."""
    by_node = record(lambda x, y: tw.sin(x) * y, 0.5, 0.5)
    by_number = record(lambda x, y: tw.sin(x) * 1.0, 0.5, 0.5)
    last = [str(graph).splitlines()[-1].split("float64")[0] for graph in (by_node, by_number)]
    assert last[0] != last[1]
