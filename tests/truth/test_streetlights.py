"""Grokking Deep Learning, chapter 6, the streetlights: every number.

The notebook's digits hold to rtol 1e-14: talweg adds up means over rows, so that the last bit of a
pass's sum may differ.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

LIGHTS = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 1], [1, 0, 1.0]])
WALK = np.array([0, 1, 0, 1, 1, 0.0])
START = np.array([[0.5], [0.48], [-0.7]])
CLOSE = {"rtol": 1e-14, "atol": 1e-16}


def net_of(start: np.ndarray) -> tw.Sequential:
    net = tw.Sequential(tw.Dense(1, bias=False), dtype="float64")
    net.weights = {"0.weight": start}
    return net


def fit(net: tw.Module, rows: slice, epochs: int) -> tw.Run:
    return tw.fit(
        net,
        LIGHTS[rows],
        WALK[rows],
        loss="half_sse",
        optimizer=tw.SGD(lr=0.1),
        epochs=epochs,
        batch_size=1,
        shuffle=False,
        metrics=["sse"],
    )


def test_row_0_alone() -> None:
    net = net_of(START)
    run = fit(net, slice(0, 1), epochs=20)
    assert_allclose(run.history["sse"][[0, -1]], [0.04, 8.307674973656916e-06], **CLOSE)
    predictions = -np.sqrt(run.history["sse"])
    assert_allclose(predictions[[0, -1]], [-0.2, -0.002882303761517324], **CLOSE)
    assert_allclose(predictions[1:] / predictions[:-1], 0.8, rtol=1e-13)


def test_the_whole_data() -> None:
    net = net_of(START)
    errors = fit(net, slice(None), epochs=40).history["sse"] * len(LIGHTS)
    published = [
        2.6561231104,
        0.9628701776715985,
        0.5509165866836797,
        0.36445836852222424,
        0.2516768662079895,
    ]
    assert_allclose(errors[:5], published, **CLOSE)
    assert_allclose(errors[-1], 0.00053373677328488, **CLOSE)
    assert_allclose(net.weights.flat, [0.01389228, 1.0138147, -0.01599277], atol=5e-9)


def test_the_predictions_of_the_first_pass() -> None:
    net, seen = net_of(START), []
    for row in range(6):
        seen.append(net.predict(LIGHTS[row : row + 1]).item())
        fit(net, slice(row, row + 1), epochs=1)
    assert_allclose(seen, [-0.2, -0.2, -0.56, 0.616, 0.1728, 0.17552], **CLOSE)


PRESSURE = {
    "streetlights": (
        LIGHTS,
        WALK,
        [[-1, 0, -1], [0, 1, 1], [0, 0, -1], [1, 1, 1], [0, 1, 1], [-1, 0, -1]],
        [-1, 3, 0],
    ),
    "conflicting": (
        LIGHTS[:4],
        np.array([1, 1, 0, 0.0]),
        [[1, 0, 1], [0, 1, 1], [0, 0, -1], [-1, -1, -1]],
        [0, 0, 0],
    ),
}


@pytest.mark.parametrize("name", PRESSURE)
def test_weight_pressure(name: str) -> None:
    """Minus the gradient's sign at a prediction between the goals, row by row."""
    lights, goals, table, sums = PRESSURE[name]

    def loss(w, x, goal):
        return tw.half_sse((0.5 + (w * x).sum()).reshape(1, 1), goal.reshape(1, 1))

    gradients = [
        tw.grad(loss)(np.zeros(3), x, np.array(goal))[0]
        for x, goal in zip(lights, goals, strict=True)
    ]
    signs = -np.sign(gradients)
    np.testing.assert_array_equal(signs, table)
    np.testing.assert_array_equal(signs.sum(axis=0), sums)


def test_overfitting_by_accident() -> None:
    net = net_of(np.array([[0.5], [0.48], [-0.5]]))
    run = fit(net, slice(0, 1), epochs=5)
    assert run.history["sse"].tolist() == [0] * 5  # no error, so nothing is learnt
    np.testing.assert_array_equal(net.weights.flat, [0.5, 0.48, -0.5])
    assert abs(net.predict(LIGHTS[1:2]).item() - WALK[1]) > 1


def test_the_example_prints_them(run_example, numbers_after) -> None:
    printed = run_example("streetlights")
    assert_allclose(numbers_after(printed, "step 20: error")[0], 8.307674973656916e-06, **CLOSE)
    assert_allclose(numbers_after(printed, "pass 40: error"), [0.00053373677328488], **CLOSE)
    assert numbers_after(printed, "weights:") == [0.01389228, 1.0138147, -0.01599277]
    for arrows in ("in all:         -1 +3  0", "in all:          0  0  0", "-  0  -", "-  -  -"):
        assert arrows in printed
