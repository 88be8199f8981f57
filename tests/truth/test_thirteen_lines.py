"""Every published number of Trask, "A Neural Network in 11 lines of Python" (2015-07-12).

Outputs and weights are published with 8 digits, errors with 12; all digits agree.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1.0]])
ERRORS = {
    0: 0.496410031903,
    10_000: 0.00858452565325,
    20_000: 0.00578945986251,
    30_000: 0.00462917677677,
    40_000: 0.00395876528027,
    50_000: 0.00351012256786,
}


def drawn_weights(*shapes: tuple[int, int]) -> list[np.ndarray]:
    np.random.seed(1)
    return [2 * np.random.random(shape) - 1 for shape in shapes]


def network(*weights: np.ndarray) -> tw.Sequential:
    layers = [tw.Dense(matrix.shape[1], "sigmoid", bias=False) for matrix in weights]
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {f"{i}.weight": matrix for i, matrix in enumerate(weights)}
    return net


def fit(net: tw.Module, y: list[int], epochs: int, lr: float = 1.0) -> tw.Run:
    return tw.fit(
        net,
        X,
        y,
        loss="half_sse",
        optimizer=tw.SGD(lr=lr),
        epochs=epochs,
        batch_size=None,
        metrics=["mae"],
    )


@pytest.mark.slow  # 60,000 steps of 4 rows
def test_the_lesson_prints_the_published_numbers(run_example, numbers_after) -> None:
    printed = run_example("thirteen_lines")
    two, three = printed.split("Three layers")
    outputs = [numbers_after(two, row)[-1] for row in ("[0 0 1]", "[0 1 1]", "[1 0 1]", "[1 1 1]")]
    assert_allclose(outputs, [0.00966449, 0.00786506, 0.99358898, 0.99211957], atol=1e-11, rtol=0)
    weights = numbers_after(two, "final weights:")
    assert_allclose(weights, [9.67299303, -0.2078435, -4.62963669], atol=1e-11, rtol=0)
    for step, error in ERRORS.items():
        assert_allclose(numbers_after(three, f"\n{step:>8} "), [error], atol=1e-11, rtol=0)


def test_three_layers_match_the_articles_code_at_every_step() -> None:
    """1,500 steps agree with the article's code to 1e-13."""
    syn0, syn1 = drawn_weights((3, 4), (4, 1))
    net, y = network(syn0, syn1), np.array([[0, 1, 1, 0.0]]).T
    run = fit(net, [0, 1, 1, 0], epochs=1_500)
    errors = []
    for _ in range(1_500):
        l1 = 1 / (1 + np.exp(-(X @ syn0)))
        l2 = 1 / (1 + np.exp(-(l1 @ syn1)))
        errors.append(np.mean(np.abs(y - l2)))
        l2_delta = (y - l2) * (l2 * (1 - l2))
        l1_delta = l2_delta.dot(syn1.T) * (l1 * (1 - l1))
        syn1 = syn1 + l1.T.dot(l2_delta)
        syn0 = syn0 + X.T.dot(l1_delta)
    assert_allclose(run.history["mae"], errors, rtol=0, atol=1e-13)
    assert_allclose(net.weights["0.weight"], syn0, rtol=0, atol=1e-13)
    assert_allclose(net.weights["1.weight"], syn1, rtol=0, atol=1e-13)
