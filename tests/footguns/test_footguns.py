"""Known surprises of recording, and what talweg does instead.

While a run is recorded, a tensor stands for numbers that change from step to step: what Python
decides by looking at one would be decided once, for the whole run. So looking is refused, with
the line of the user's code that looked.
"""

import copy
import inspect
import math
from collections.abc import Callable
from pickle import dumps, loads
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import gates
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import Tensor, record, tensor

X = np.array([1.0, -2.0, 3.0])


def run(graph: tw.graph.Graph, *arrays: Any) -> Any:
    named = zip(graph.inputs, map(np.asarray, arrays), strict=True)
    return Interpreter(graph)(**dict(named))["output"]


def refusal(look: Callable[[Tensor], Any], example: Any = X) -> str:
    """The error of recording a function that reads its input."""
    with pytest.raises(tw.RecordingError) as caught:
        record(lambda x: (look(x), x * 2)[1], example)
    return str(caught.value)


# Looking at a value while recording ----------------------------------------------------------

LOOKS = {
    "if": lambda x: 1 if x.sum() > 0 else 2,
    "filter": lambda x: [row for row in x if row > 0],
    "and": lambda x: x[0] > 0 and x[1] > 0,
    "not": lambda x: not x[0],
    "chained comparison": lambda x: 0 < x[0] < 1,
    "all": lambda x: all([x[0] > 0]),
    "equality": lambda x: 1 if x[0] == 1.0 else 2,
    "inequality": lambda x: 1 if x[0] != 1.0 else 2,
    "in": lambda x: 1.0 in x,
    "max of Python": lambda x: max(x[0], x[1]),
    "sorted": lambda x: sorted([x[0], x[1]]),
    "float": lambda x: float(x[0]),
    "int": lambda x: int(x[0]),
    "bool": lambda x: bool(x[0]),
    "math": lambda x: math.sqrt(x[0]),
    "item": lambda x: x[0].item(),
    "value": lambda x: x.value,
    "tensor of a tensor": lambda x: tw.tensor(x),
    "constant of a tensor": lambda x: tw.constant(x),
    "asarray": lambda x: np.asarray(x),
    "array of tensors": lambda x: np.array([x[0], x[1]]),
    "backward": lambda x: x.sum().backward(),
    "trace": lambda x: tw.trace(x.sum()),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_reading_a_value_is_refused_with_the_line(look) -> None:
    """Any branch on a value, or read of one, raises a RecordingError with the line and advice."""
    said = refusal(look)
    line = inspect.getsourcelines(look)[1]
    assert f"test_footguns.py:{line})" in said
    assert "frozen for the whole run" in said and "tw.where" in said


NUMPY_CALLS = {
    "clip": lambda x: np.clip(x, 0, 1),
    "stack": lambda x: np.stack([x, x]),
    "concatenate": lambda x: np.concatenate([x, x]),
    "where": lambda x: np.where(x > 0, x, 0),
    "dot": lambda x: np.dot(x, x),
    "allclose": lambda x: np.allclose(x, 1.0),
    "array_equal": lambda x: np.array_equal(x, X),
    "sum": lambda x: np.sum(x),
    "mean": lambda x: np.mean(x),
}


@pytest.mark.parametrize("call", NUMPY_CALLS.values(), ids=list(NUMPY_CALLS))
def test_numpy_functions_are_refused_with_the_line(call) -> None:
    """NumPy would read the numbers, and np.array_equal even suppresses the error."""
    with pytest.raises((tw.RecordingError, TypeError)) as caught:
        record(lambda x: (call(x), x * 2)[1], X)
    assert f"test_footguns.py:{inspect.getsourcelines(call)[1]}" in str(caught.value)


@pytest.mark.parametrize("ufunc", [np.exp, np.isnan, np.abs, np.negative])
def test_numpy_ufuncs_on_a_tensor_raise(ufunc) -> None:
    """np.exp(tensor) is refused, recorded or not: tw.exp is the gate."""
    with pytest.raises(tw.RecordingError, match=f"np.{ufunc.__name__} does not work on tensors"):
        ufunc(tensor(X))
    with pytest.raises(tw.RecordingError, match=r"np\.add"):
        np.add.reduce(tensor(X))


def test_numpy_functions_are_refused_outside_a_recording_too() -> None:
    """np.sum(t) would silently leave the graph; tw.sum(t) or np.sum(t.value) is explicit."""
    for call in NUMPY_CALLS.values():
        with pytest.raises((tw.RecordingError, TypeError), match=r"np\.|Tensor"):
            call(tensor(X))
    assert np.sum(tensor(X).value) == 2


def test_a_tensor_is_neither_an_index_nor_a_count() -> None:
    """range(t), list[t] and array[t] cannot be recorded."""
    for call in (range, [1, 2].__getitem__, "{:.2f}".format):
        with pytest.raises(TypeError):
            record(lambda x, call=call: (call(x), x)[1], 1.0)
    with pytest.raises(tw.RecordingError):
        record(lambda x: X[x], 1.0)


def test_the_shape_of_a_recorded_tensor_can_be_read() -> None:
    """A branch on the shape is allowed: a graph has fixed shapes."""
    graph = record(lambda x: x * 2 if x.shape[0] > 2 and len(x) < 9 else x, X)
    np.testing.assert_array_equal(run(graph, X + 1), 2 * (X + 1))


def test_printing_shows_no_number() -> None:
    """print(t) inside a recording shows shape and dtype, not the example's numbers."""
    shown = []
    record(lambda x: shown.append(str(x)) or x * 1, X)
    assert shown == ["tensor(x = float64[3], recorded)"]


def test_where_branches_on_values() -> None:
    """tw.where decides in every run, for each element."""
    graph = record(lambda x: tw.where(x > 0, x, -10.0 * x), X)
    np.testing.assert_array_equal(run(graph, -X), [10.0, 2.0, 30.0])


def test_a_recorded_tensor_can_be_iterated_over() -> None:
    """A loop over a recorded tensor unrolls by its shape and follows the numbers."""
    graph = record(lambda x: sum(row * row for row in x), X)
    assert run(graph, np.array([1.0, 2.0, 2.0])) == 9
    first, *rest = tensor(X)
    assert (first.item(), len(rest)) == (1.0, 2)
    with pytest.raises(tw.ShapeError, match="cannot be iterated over"):
        list(tensor(1.0))


def test_reading_is_allowed_outside_a_recording() -> None:
    """Tensors outside of a recording can be read: item, float, branches, NumPy."""
    x = tensor(2.0)
    assert (x.item(), float(x), int(x), bool(x > 1)) == (2.0, 2.0, 2, True)
    assert np.asarray(tensor(X)).sum() == 2 and math.sqrt(x) == math.sqrt(2)
    assert (x * 2).value == 4


# Captured numbers ------------------------------------------------------------------------------


def test_a_captured_number_is_frozen_and_can_be_seen() -> None:
    """A Python number becomes a constant; changing the variable later changes nothing."""
    rate = 0.125
    graph = record(lambda x: x * rate, 1.0)
    rate = 7.0
    assert run(graph, 2.0) == 0.25
    assert "multiply(%0, 0.125)" in str(graph) and rate == 7.0


def test_a_captured_array_may_change_afterwards() -> None:
    """Arrays are copied when they enter a graph, so a later change has no effect."""
    data = np.array([1.0, 2.0, 3.0])
    graph = record(lambda x: x * data, X)
    eager = tensor(data)
    data[:] = 0
    np.testing.assert_array_equal(run(graph, np.ones(3)), [1, 2, 3])
    np.testing.assert_array_equal(eager.value, [1, 2, 3])


def test_a_captured_tensor_is_a_constant_of_the_recording() -> None:
    """A tensor from outside keeps its value; the printed graph shows a constant."""
    weight = tensor(3.0, name="weight")
    graph = record(lambda x: x * weight.reshape(1), X)
    np.testing.assert_array_equal(run(graph, np.ones(3)), [3, 3, 3])
    assert "constant" in str(graph)


def test_an_input_of_another_recording_is_refused() -> None:
    """A tensor kept from one recording cannot slip into the next."""
    kept: list[Tensor] = []
    record(lambda x: kept.append(x) or x * 1, X)
    with pytest.raises(tw.GraphError, match="input of another recording"):
        record(lambda y: y * kept[0], X)


class Noisy(tw.Module):
    """Adds NumPy's random numbers, which recording cannot see."""

    def __call__(self, x: Tensor) -> Tensor:
        self.drawn = np.random.default_rng().standard_normal(x.shape).astype(x.dtype)
        return x + self.drawn + 0 * self.parameter("w", (1,))


def test_random_numbers_in_a_module_are_frozen() -> None:
    """What NumPy draws in __call__ is drawn once and becomes a constant of the graph.

    Nothing refuses it yet: every step of a run sees the same noise. It shows when printed.
    """
    net = Noisy().init(np.zeros((1, 2)))
    graph = record(lambda x: net(x), np.zeros((1, 2), np.float32))
    noise = net.drawn
    np.testing.assert_array_equal(run(graph, np.zeros((1, 2), np.float32)), noise)
    np.testing.assert_array_equal(run(graph, np.ones((1, 2), np.float32)), 1 + noise)
    assert "constant            float32[1, 2]" in str(graph)
    assert (net(np.zeros((1, 2))).value != net(np.zeros((1, 2))).value).any()


# Changing in place -----------------------------------------------------------------------------


def test_item_assignment_is_refused_with_the_line() -> None:
    """t[0] = 1 raises: a tensor never changes once recorded."""
    x = tensor(X)
    with pytest.raises(tw.RecordingError, match=r"never changes.*test_footguns\.py:\d+.*tw.where"):
        x[0] = 1.0


def test_writing_into_value_or_grad_is_refused() -> None:
    """Both are read-only arrays."""
    x = tensor(X)
    (x * x).sum().backward()
    for array in (x.value, x.grad, (x * 2).value, x[1:].value, x.reshape(3, 1).value):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        x.grad *= 2


def test_a_given_array_stays_writable() -> None:
    """A tensor protects its copy, not the array that it was made from."""
    data = X.copy()
    tensor(data), tw.constant(data), tensor(X) * data
    record(lambda x: x * data, data)
    tw.grad(lambda x: (x * x).sum())(data)
    data[0] = 5.0
    assert data.flags.writeable


def test_augmented_assignment_rebinds() -> None:
    """t += 1 makes a new tensor; other references keep the old one."""
    x = held = tensor(X)
    x += 1
    assert x is not held
    np.testing.assert_array_equal(held.value, X)
    total = np.zeros(3)
    with pytest.raises(tw.RecordingError, match=r"np\.add"):
        total += tensor(X)  # an array cannot turn into a tensor in place


def test_a_loop_over_sums_grows_the_graph_not_the_value() -> None:
    """total += x in a loop is a chain of nodes, each with its own gradient."""
    x = tensor(2.0)
    total = x
    for _ in range(3):
        total *= x
    total.backward()
    assert (total.item(), x.grad.item()) == (16, 32)


# Dtypes ------------------------------------------------------------------------------------------


def test_mixing_float_dtypes_is_refused() -> None:
    """float32 beside float64 raises an error instead of silently widening."""
    with pytest.raises(tw.DtypeError, match=r"multiply: .*float64.*float32"):
        tensor(X, dtype="float32") * X
    with pytest.raises(tw.DtypeError, match=r"add: dtypes float32 and float64 are mixed"):
        tensor(X, dtype="float32") + tensor(X)


def test_a_comparison_is_a_tensor_not_a_number() -> None:
    """x * (x > 0) raises and names tw.cast; tw.where says the same without it."""
    x = tensor(X)
    with pytest.raises(tw.DtypeError, match=r"tw\.cast"):
        x * (x > 0)
    with pytest.raises(tw.DtypeError, match=r"tw\.cast"):
        (x > 0).sum()


def test_integer_labels_given_to_grad_become_floats() -> None:
    """grad makes every argument a variable, so labels belong in a closure."""
    labels = np.array([0, 2, 1])
    with pytest.raises(tw.DtypeError, match="integers, but are float64"):
        tw.grad(lambda x, y: (x * tw.one_hot(y, classes=3, dtype="float64")).sum())(X, labels)


# Copies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: loads(dumps(x))])
def test_a_copy_is_refused_or_a_node_of_its_own(duplicate) -> None:
    """A copy that kept the number of its original would be merged with it in any graph."""
    x = tensor(3.0)
    try:
        twin = duplicate(x)
    except (TypeError, tw.TalwegError):
        return
    (x * x * twin).backward()
    expected = (27, 27) if twin is x else (18, 9)
    assert (x.grad.item(), twin.grad.item()) == expected


def test_an_array_that_a_gate_returns_stays_writable_for_its_owner() -> None:
    """Values are read-only inside the graph only."""
    table = np.ones(3)
    lookup = gates.elementwise(
        "lookup", "table", lambda x: table, backward=(lambda g, out, x: 0 * g,), slopes=("0",)
    )
    lookup(tensor(np.zeros(3)))
    table[0] = 2
