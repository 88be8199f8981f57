"""The interpreter: a graph as a Python function, checked on the way in."""

import numpy as np
import pytest

import talweg as tw
from talweg.engine.numpy.interpreter import Interpreter
from talweg.engine.run.values import every_value, origin_of_non_finite
from talweg.graph import record


def test_runs_on_other_numbers() -> None:
    run = Interpreter(record(lambda x, y: {"sum": x + y, "first": x[0]}, np.ones(2), 1.0))
    found = run(x=np.array([3.0, 4.0]), y=np.array(2.0))
    np.testing.assert_array_equal(found["sum"], [5, 6])
    assert found["first"] == 3


def test_each_value_is_forgotten_after_its_last_use() -> None:
    source = Interpreter(record(lambda x: tw.sin(tw.exp(x)) * tw.exp(x), 1.0)).source
    assert source == (
        "def run(v0):\n"
        "    v1 = exp_1(v0)\n"
        "    v2 = sin_2(v1); del v1\n"
        "    v3 = exp_3(v0); del v0\n"
        "    v4 = multiply_4(v2, v3); del v2, v3\n"
        "    return [v4]"
    )


def test_what_does_not_depend_on_inputs_is_not_computed_again() -> None:
    run = Interpreter(record(lambda x: x + tw.exp(tw.constant(0.0)), 1.0))
    assert "exp" not in run.source
    assert run(x=np.array(1.0))["output"] == 2


def test_an_input_may_be_an_output_and_an_output_a_constant() -> None:
    run = Interpreter(record(lambda x: {"x": x, "twice": x, "pi": tw.constant(3.14)}, 1.0))
    assert run(x=np.array(2.0)) == {"x": 2, "twice": 2, "pi": 3.14}


GIVEN = [
    ({"x": np.ones(3)}, r"'x' was recorded as float64\[2\], but float64\[3\] was"),
    ({"x": np.ones(2, np.float32)}, r"recorded as float64\[2\], but float32\[2\] was"),
    ({"y": np.ones(2)}, "the graph has the inputs x, but got y"),
    ({}, "the graph has the inputs x, but got none"),
]


@pytest.mark.parametrize(("arrays", "words"), GIVEN)
def test_other_inputs_are_refused(arrays, words: str) -> None:
    with pytest.raises(tw.EngineError, match=words):
        Interpreter(record(lambda x: x * 2, np.ones(2)))(**arrays)


def test_a_plain_number_is_an_array_of_one() -> None:
    assert Interpreter(record(lambda x: x * 2, 1.0))(x=3.0) == {"output": 6}


def test_every_value_is_there_on_request() -> None:
    graph = record(lambda x: tw.sin(x) * 2.0, 1.0)
    values = [value for _, value in every_value(graph, [np.array(0.5)])]
    assert values == [0.5, np.sin(0.5), 2.0, 2 * np.sin(0.5)]


def test_the_first_node_that_breaks_is_found() -> None:
    graph = record(lambda x: tw.exp(tw.log(x) * 2) - 1, 1.0)
    assert origin_of_non_finite(graph, [np.array(2.0)]) is None
    assert origin_of_non_finite(graph, [np.array(-1.0)]).gate is tw.log
    assert origin_of_non_finite(graph, [np.array(np.nan)]) is graph.inputs["x"]


def test_an_infinity_that_no_output_feels_is_not_blamed() -> None:
    def masked(x):
        logs = tw.where(x > 0, tw.log(x), 0.0)  # log(0) is -inf, and not taken
        return {"loss": logs.sum() + tw.exp(x * 1000.0).sum(), "measure": (1.0 / x).sum()}

    graph = record(masked, np.ones(2))
    assert origin_of_non_finite(graph, [np.array([0.0, 1.0])]).gate is tw.exp
    assert origin_of_non_finite(graph, [np.zeros(2)], skip=["measure"]) is None


def test_no_warning_on_the_way_to_infinity() -> None:
    assert Interpreter(record(tw.exp, 1.0))(x0=np.array(1e4)) == {"output": np.inf}
