"""Gates at kinks, ties and the limits of the range, where the gradient is a convention."""

import numpy as np
import pytest

import talweg as tw
from talweg import gates
from talweg.graph import gradients, tensor

ONE_ROW = {"axes": (0,), "keepdims": False}
EDGES = [  # gate, inputs, settings, value, gradient by each input
    (gates.maximum, [2.0, 2.0], {}, 2.0, [1, 1]),
    (gates.minimum, [2.0, 2.0], {}, 2.0, [1, 1]),
    (gates.maximum, [4.0, 2.0], {}, 4.0, [1, 0]),
    (gates.minimum, [4.0, 2.0], {}, 2.0, [0, 1]),
    (gates.reduce_max, [[3.0, 1.0, 3.0]], ONE_ROW, 3.0, [[1, 0, 1]]),
    (gates.relu, [0.0], {}, 0.0, [0]),
    (gates.relu, [-0.0], {}, 0.0, [0]),
    (gates.absolute, [0.0], {}, 0.0, [0]),
    (gates.sign, [0.0], {}, 0.0, [0]),
    (gates.sign, [-3.0], {}, -1.0, [0]),
    (gates.stop_gradient, [3.0], {}, 3.0, [0]),
    (gates.power, [0.0, 0.0], {}, 1.0, [0, 0]),
    (gates.power, [0.0, 1.0], {}, 0.0, [1, 0]),
    (gates.power, [0.0, 2.0], {}, 0.0, [0, 0]),
    (gates.power, [2.0, 0.0], {}, 1.0, [0, np.log(2.0)]),
    (gates.power, [-2.0, 2.0], {}, 4.0, [-4, np.nan]),
    (gates.sqrt, [0.0], {}, 0.0, [np.inf]),
    (gates.log, [0.0], {}, -np.inf, [np.inf]),
]


@pytest.mark.parametrize(
    ("gate", "inputs", "settings", "value", "slopes"),
    EDGES,
    ids=[f"{row[0].name}{row[1]}" for row in EDGES],
)
def test_a_gate_at_a_kink_or_tie(gate, inputs, settings, value, slopes) -> None:
    nodes = [tensor(each) for each in inputs]
    output = gate(*nodes, **settings)
    assert output.item() == value
    for found, expected in zip(gradients(output, nodes), slopes, strict=True):
        np.testing.assert_array_equal(found.value, expected)


def test_the_mixed_derivative_of_power_at_exponent_zero() -> None:
    """d2(x^y) / dx dy = x^(y - 1) (1 + y log x), so 1/2 at x = 2, y = 0, in either order."""
    by_base_first = tw.grad(lambda y: tw.grad(lambda x: tw.power(x, y))(tensor(2.0)))(0.0)
    by_exponent_first = tw.grad(lambda x: tw.grad(lambda y: tw.power(x, y))(tensor(0.0)))(2.0)
    assert by_exponent_first == pytest.approx(0.5)
    assert by_base_first == pytest.approx(0.5)


def test_an_integer_power_of_a_negative_number() -> None:
    tw.check_gradients(lambda x: x**3, np.array([-2.0, -0.5, 0.0, 1.5]), order=2)


EXTREMES = [  # function, where, value, slope
    (tw.sigmoid, 1000.0, 1.0, 0.0),
    (tw.sigmoid, -1000.0, 0.0, 0.0),
    (tw.softplus, 1000.0, 1000.0, 1.0),
    (tw.softplus, -1000.0, 0.0, 0.0),
    (tw.tanh, 1000.0, 1.0, 0.0),
    (tw.tanh, -1000.0, -1.0, 0.0),
    (tw.erf, -1000.0, -1.0, 0.0),
    (tw.erf, 1e30, 1.0, 0.0),
    (tw.expm1, -1000.0, -1.0, 0.0),
    (tw.exp, -1000.0, 0.0, 0.0),
    (tw.exp, 1000.0, np.inf, np.inf),
    (tw.relu, 1e30, 1e30, 1.0),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("function", "x", "value", "slope"), EXTREMES)
def test_a_function_far_from_zero(function, x, value, slope, dtype) -> None:
    found = tw.value_and_grad(function)(np.array(x, dtype))
    np.testing.assert_array_equal(found, np.array([value, slope], dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0])
def test_softmax_and_logsumexp_do_not_overflow(shift: float, dtype: str) -> None:
    x = np.array([0.0, 1.0, -2000.0], dtype) + np.array(shift, dtype)
    rest = np.array([1, np.e, 0]) / (1 + np.e)
    np.testing.assert_allclose(tw.softmax(x), rest, rtol=1e-6, atol=1e-12)
    value, slope = tw.value_and_grad(tw.logsumexp)(x)
    assert value == pytest.approx(shift + np.log(1 + np.e))
    np.testing.assert_allclose(slope, rest, rtol=1e-6, atol=1e-12)
    first = tw.grad(lambda x: tw.softmax(x)[0])(x)
    np.testing.assert_allclose(first, rest[0] * (np.eye(3)[0] - rest), rtol=1e-6, atol=1e-12)


def test_softmax_and_logsumexp_have_correct_gradients() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3))
    tw.check_gradients(tw.softmax, x, order=2)
    tw.check_gradients(lambda x: tw.softmax(x, axis=0), x, order=2)
    tw.check_gradients(tw.logsumexp, x, order=2)
    tw.check_gradients(lambda x: tw.logsumexp(x, axis=None, keepdims=True), x, order=2)


REFUSED = [  # what, call, part of the message
    ("shapes", lambda: tw.tensor(np.ones(2)) + np.ones(3), r"add: shapes \(2,\) and \(3,\)"),
    ("where", lambda: tw.where(tw.tensor(1.0), 1.0, 2.0), "the condition"),
    ("inner axes", lambda: gates.matmul(tensor(np.ones((2, 3))), np.ones((2, 3))), "the last axis"),
    ("empty max", lambda: tensor(np.ones((0, 3))).max(axis=0), "no element along axes"),
    ("empty argmax", lambda: tw.argmax(tensor(np.ones((0, 3))), axis=0), "no element along axes"),
    ("broadcast", lambda: gates.broadcast_to(tensor(np.ones(2)), shape=(2, 3)), "to \\(2, 3\\)"),
    (
        "float labels",
        lambda: tw.one_hot(tensor(1.0), classes=2, dtype="float32"),
        "must be integers",
    ),
    (
        "float codes",
        lambda: gates.take(tensor(np.eye(2)), np.ones(1)),
        "take: codes must be integers",
    ),
    ("codes", lambda: gates.take(tensor(np.eye(2)), np.array(1)), "a vector \\(N,\\)"),
    ("no table", lambda: gates.take(tensor(np.ones((0, 2))), np.array([0])), "L above 0"),
    (
        "codes of others",
        lambda: gates.segment_sum(tensor(np.eye(2)), np.array([0]), size=3),
        r"rows \(N, E\) and codes \(N,\) are needed",
    ),
    ("axes", lambda: tensor(np.ones((2, 3))).transpose(0, 0), "each axis of"),
    (
        "ragged",
        lambda: tw.concatenate([tensor(np.ones((2, 3))), np.ones((2, 2))]),
        "differ in an axis",
    ),
    ("flat beside square", lambda: tw.concatenate([tensor(np.eye(2)), np.ones(2)], 1), "differ"),
    ("whole numbers", lambda: tensor([1, 2], dtype="int64") + 1, "needs floats"),
]


@pytest.mark.parametrize(
    ("call", "words"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_wrong_arguments_are_refused_with_the_line(call, words) -> None:
    with pytest.raises(tw.TalwegError, match=words) as caught:
        call()
    assert "test_gate_conventions.py:" in str(caught.value)


def test_nan_and_power() -> None:
    """IEEE 754 makes two exceptions: 1 to any power, and any number to the power 0."""
    assert tw.power(tensor(1.0), np.nan).item() == 1
    assert tw.power(tensor(np.nan), 0.0).item() == 1
    assert np.isnan(tw.power(tensor(np.nan), 2.0).item())
    assert np.isnan(tw.where(tensor(True, dtype=bool), tensor(np.nan), 1.0).item())


def test_a_code_outside_the_table_gives_nan_and_is_left_out_of_sums() -> None:
    codes = np.array([0, -1, 2, 5, -(2**63), 2**63 - 1])
    rows = gates.take(tensor(np.ones((3, 2))), codes).value
    np.testing.assert_array_equal(np.isnan(rows[:, 0]), [False, True, False, True, True, True])
    sums = gates.segment_sum(tensor(np.ones((6, 2))), codes, size=3).value
    np.testing.assert_array_equal(sums, [[1, 1], [0, 0], [1, 1]])


def test_the_gradient_of_a_cast_is_cast_back() -> None:
    x = tensor([1.5, 2.5])
    narrow = tw.cast(x, dtype="float32")
    (found,) = gradients((narrow * narrow).sum(), [x])
    assert (narrow.dtype, found.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(found.value, [3.0, 5.0])
    (none,) = gradients(tw.cast(tw.cast(x, dtype="int64"), dtype="float64").sum(), [x])
    np.testing.assert_array_equal(none.value, [0.0, 0.0])


ON_ARRAYS = [
    lambda x: tw.maximum(x, 0.5),
    lambda x: tw.power(x, 2),
    lambda x: gates.multiply(3.0, x),
    lambda x: tw.where(x > 0, x, 0.0),
    lambda x: tw.mean(x, axis=0),
    lambda x: tw.mean(x),
    lambda x: gates.divide(tw.sum(x), 2),
    tw.elu,
    tw.relu,
    tw.softmax,
]


@pytest.mark.parametrize("function", ON_ARRAYS)
def test_numbers_take_the_dtype_of_arrays(function) -> None:
    """On arrays as on tensors: float32 stays float32."""
    x = np.ones((2, 3), np.float32)
    assert function(tensor(x)).dtype == np.float32
    assert function(x).dtype == np.float32


def test_two_scalars_give_the_wider_dtype_in_either_order() -> None:
    narrow, wide = tensor(2.0, dtype="float32"), tensor(3.0)
    assert (narrow * wide).dtype == (wide * narrow).dtype == np.float64
