"""The gradient check finds a wrong rule of either order, and names its gate."""

import numpy as np
import pytest

import talweg as tw
from talweg import gates

X = np.array([0.4, -1.1, 0.7])


def squaring(name: str, backward) -> gates.Gate:
    """A gate that squares, with a given backward rule."""
    square = {"value": lambda x: x * x, "slopes": ("2x",)}
    return gates.elementwise(name, "x * x", backward=(backward,), **square)


right = squaring("right", lambda g, out, x: g * 2 * x)
tripled = squaring("tripled", lambda g, out, x: g * 3 * x)
frozen = squaring("frozen", lambda g, out, x: g * tw.constant(2 * x.value))  # right, but only once
cut = squaring("cut", lambda g, out, x: g * 2 * tw.stop_gradient(x))
silent = squaring("silent", None)


def error_of(function, *arrays, order: int = 1) -> str:
    with pytest.raises(tw.GradientError) as caught:
        tw.check_gradients(function, *arrays, order=order)
    return str(caught.value)


def test_a_correct_rule_passes() -> None:
    tw.check_gradients(lambda x: right(tw.sin(x)), X, order=3)
    tw.check_gradients(lambda x, y: right(x @ y), np.eye(2) + 1, np.ones((2, 1)), order=2)


def test_the_error_names_the_wrong_rule_argument_element_and_line() -> None:
    def function(a, b):
        return a.sum() + tripled(tw.sin(b))  # the line to be named

    line = function.__code__.co_firstlineno + 1
    said = error_of(function, X, np.array([0.01, 1.3, 0.02]))
    assert "order 1 is wrong" in said
    assert "Worst is argument 1 at [1]:" in said
    assert f"At fault: gate tripled, input 0 (test_check_gradients.py:{line})" in said


def test_a_missing_backward_rule_is_named() -> None:
    assert "At fault: gate silent, input 0" in error_of(lambda x: silent(x), X)


@pytest.mark.parametrize("gate", [frozen, cut], ids=["frozen", "cut"])
def test_a_rule_that_is_wrong_at_the_second_order_is_named(gate) -> None:
    """A rule not written in gates gives a correct gradient without second derivatives."""
    tw.check_gradients(lambda x: gate(tw.sin(x)), X)
    said = error_of(lambda x: gate(tw.sin(x)), X, order=2)
    assert "order 2 is wrong" in said and "Worst is argument 0 at [" in said
    assert f"At fault: gate {gate.name}, input 0 (test_check_gradients.py:" in said


def test_stop_gradient_is_not_reported_as_wrong() -> None:
    """Softmax correctly stops the gradient of its shift: the fault comes after it."""
    assert "At fault: gate tripled" in error_of(lambda x: tripled(tw.softmax(x)), X)


def test_the_error_mentions_a_possible_kink() -> None:
    """Central differences give half the slope there, the convention says 0: no rule is wrong."""
    said = error_of(lambda x: tw.relu(x), np.zeros(1))
    assert "gate relu" in said and "kink" in said


def test_nan_does_not_pass() -> None:
    assert "order 1 is wrong" in error_of(tw.sqrt, np.array([-1.0]))


def test_float32_arrays_are_checked_in_float64() -> None:
    tw.check_gradients(tw.tanh, X.astype("float32"), order=2)


def test_order_starts_at_one() -> None:
    with pytest.raises(tw.SettingError, match="order must be at least 1"):
        tw.check_gradients(tw.sin, X, order=0)
