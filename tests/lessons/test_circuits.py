"""Every published number of the circuits in CS231n, optimization part 2."""

import numpy as np
import pytest

import talweg as tw
from conformance.published import CIRCUITS
from talweg.graph import tensor

EXACT = {"rel": 1e-12, "abs": 1e-12}


@pytest.mark.parametrize("name", CIRCUITS)
def test_values_and_gradients_match_the_notes(lesson, name: str) -> None:
    trace = tw.trace(lesson("circuits").names[name]())
    for node, (value, gradient) in CIRCUITS[name].items():
        assert trace[node].value == pytest.approx(value, **EXACT), node
        assert trace[node].gradient == pytest.approx(gradient, **EXACT), node


def test_rounded_numbers_match_the_figure(lesson) -> None:
    """The figure shows 0.37, 1.37, 0.73 forward, and 1.00, -0.53, -0.20, 0.20 backward."""
    trace = tw.trace(lesson("circuits").names["sigmoid_neuron"]())
    assert [round(float(trace[n].value), 2) for n in ("f", "den", "exp")] == [0.73, 1.37, 0.37]
    back = [round(float(trace[n].gradient), 2) for n in ("f", "den", "exp", "minus", "dot")]
    assert back == [1.00, -0.53, -0.53, -0.20, 0.20]
    shown = [round(float(trace[n].gradient), 2) for n in ("w0", "x0", "w1", "x1", "w2")]
    assert shown == [-0.20, 0.39, -0.39, -0.59, 0.20]


def test_a_tie_in_maximum_passes_the_gradient_to_both_inputs() -> None:
    x, y = tensor(2.0), tensor(2.0)
    tw.maximum(x, y).backward()
    assert (x.grad, y.grad) == (1, 1)


def test_gradients_of_a_matrix_product(lesson) -> None:
    W, X, D = lesson("circuits").names["matrices"]()
    assert (W.shape, X.shape, D.shape) == ((5, 10), (10, 3), (5, 3))
    np.testing.assert_allclose(W.grad, D.grad @ X.value.T, rtol=1e-12)
    np.testing.assert_allclose(X.grad, W.value.T @ D.grad, rtol=1e-12)


def test_gradient_of_softmax_cross_entropy() -> None:
    """The case study: p = (0.2, 0.3, 0.5), true class 1, gradient (0.2, -0.7, 0.5)."""
    scores = np.log([0.2, 0.3, 0.5])
    slope = tw.grad(lambda s: tw.logsumexp(s) - s[1])(scores)
    np.testing.assert_allclose(slope, [0.2, -0.7, 0.5], rtol=1e-12)


SLOPES = [  # function and derivative, as listed in the notes
    (lambda x: 1 / x, lambda x: -1 / x**2),
    (lambda x: x + 2.5, lambda x: 1.0),
    (tw.exp, np.exp),
    (lambda x: 2.5 * x, lambda x: 2.5),
    (tw.sigmoid, lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
]


@pytest.mark.parametrize(("function", "derivative"), SLOPES)
@pytest.mark.parametrize("x", [-1.7, 0.4, 3.0])
def test_derivatives_match_the_notes(function, derivative, x: float) -> None:
    assert tw.grad(function)(x) == pytest.approx(derivative(x), **EXACT)


def test_the_lesson_prints_the_published_numbers(lesson) -> None:
    printed = lesson("circuits").printed
    assert printed.count("local derivatives") == len(CIRCUITS)
    for text in ("0.731059", "2.05957", "d/dq -4, d/dz 3", "dW = dD X^T: True (5, 10)"):
        assert text in printed
