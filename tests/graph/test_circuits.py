"""The circuits of CS231n, optimization part 2: every published number."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.graph import tensor

EXAMPLE = Path(__file__).parents[2] / "examples" / "circuits.py"
CIRCUITS = runpy.run_path(str(EXAMPLE))
EXACT = {"rel": 1e-12, "abs": 1e-12}

# circuit: {node: (value, gradient)}; None where the notes give no number
NUMBERS = {
    "product": {"x": (4, -3), "y": (-3, 4), "f": (-12, 1)},
    "larger": {"x": (4, 1), "y": (2, 0), "f": (4, 1)},
    "product_of_sum": {"x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q": (3, -4), "f": (-12, 1)},
    "sigmoid_neuron": {
        "w0": (2, -0.19661193324148185),
        "x0": (-1, 0.3932238664829637),
        "w1": (-3, -0.3932238664829637),
        "x1": (-2, -0.5898357997244456),
        "w2": (-3, 0.19661193324148185),
        "w0x0": (-2, 0.19661193324148185),
        "w1x1": (6, 0.19661193324148185),
        "sum": (4, 0.19661193324148185),
        "dot": (1, 0.19661193324148185),
        "minus": (-1, -0.19661193324148185),
        "exp": (0.36787944117144233, -0.534446645388523),
        "den": (1.36787944117144233, -0.534446645388523),
        "f": (0.7310585786300049, 1),
    },
    "sigmoid_gate": {
        "w0": (2, -0.19661193324148185),
        "w2": (-3, 0.19661193324148185),
        "dot": (1, 0.19661193324148185),
        "f": (0.7310585786300049, 1),
    },
    "staged": {
        "x": (3, 2.0595697955721652),
        "y": (-4, 1.5922327514838093),
        "sigy": (0.01798620996209156, 0.5121444488396316),
        "num": (3.0179862099620918, 0.5121444488396316),
        "sigx": (0.9525741268224334, -0.7915934472725935),
        "xpy": (-1, 1.583186894545187),
        "sqr": (1, -0.7915934472725935),
        "den": (1.9525741268224333, -0.7915934472725935),
        "inv": (0.5121444488396316, 3.0179862099620918),
        "f": (1.5456448841066441, 1),
    },
    "routed": {
        "x": (3, -8),
        "y": (-4, 6),
        "z": (2, 2),
        "w": (-1, 0),
        "xy": (-12, 2),
        "max": (2, 2),
        "sum": (-10, 2),
        "f": (-20, 1),
    },
}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number(name: str) -> None:
    trace = tw.trace(CIRCUITS[name]())
    for node, (value, gradient) in NUMBERS[name].items():
        assert trace[node].value == pytest.approx(value, **EXACT), node
        assert trace[node].gradient == pytest.approx(gradient, **EXACT), node


def test_the_rounded_numbers_of_the_picture() -> None:
    """As printed beside the circuit: 0.73 from 1.37 from 0.37; back 1.00, -0.53, -0.20, 0.20."""
    trace = tw.trace(CIRCUITS["sigmoid_neuron"]())
    assert [round(float(trace[n].value), 2) for n in ("f", "den", "exp")] == [0.73, 1.37, 0.37]
    back = [round(float(trace[n].gradient), 2) for n in ("f", "den", "exp", "minus", "dot")]
    assert back == [1.00, -0.53, -0.53, -0.20, 0.20]
    shown = [round(float(trace[n].gradient), 2) for n in ("w0", "x0", "w1", "x1", "w2")]
    assert shown == [-0.20, 0.39, -0.39, -0.59, 0.20]


def test_a_tie_gives_to_both() -> None:
    x, y = tensor(2.0), tensor(2.0)
    tw.maximum(x, y).backward()
    assert (x.grad, y.grad) == (1, 1)


def test_matrices() -> None:
    W, X, D = CIRCUITS["matrices"]()
    assert (W.shape, X.shape, D.shape) == ((5, 10), (10, 3), (5, 3))
    np.testing.assert_allclose(W.grad, D.grad @ X.value.T, rtol=1e-12)
    np.testing.assert_allclose(X.grad, W.value.T @ D.grad, rtol=1e-12)


def test_softmax_of_three_classes() -> None:
    """The case study: p = (0.2, 0.3, 0.5), right class 1, so the gradient is (0.2, -0.7, 0.5)."""
    scores = np.log([0.2, 0.3, 0.5])
    slope = tw.grad(lambda s: tw.logsumexp(s) - s[1])(scores)
    np.testing.assert_allclose(slope, [0.2, -0.7, 0.5], rtol=1e-12)


SLOPES = [  # function, derivative, from the notes' list
    (lambda x: 1 / x, lambda x: -1 / x**2),
    (lambda x: x + 2.5, lambda x: 1.0),
    (tw.exp, np.exp),
    (lambda x: 2.5 * x, lambda x: 2.5),
    (tw.sigmoid, lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
]


@pytest.mark.parametrize(("function", "derivative"), SLOPES)
@pytest.mark.parametrize("x", [-1.7, 0.4, 3.0])
def test_the_derivatives_of_the_notes(function, derivative, x: float) -> None:
    assert tw.grad(function)(x) == pytest.approx(derivative(x), **EXACT)


def test_the_example_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if len(line) > 80] == []
    assert printed.count("local derivatives") == len(NUMBERS)
    for words in ("0.731059", "2.05957", "d/dq -4, d/dz 3", "dW = dD X^T: True (5, 10)"):
        assert words in printed
