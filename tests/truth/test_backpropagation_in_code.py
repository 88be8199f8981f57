"""Every number of "Backpropagation in code", Grokking Deep Learning, chapter 6, to rtol 1e-11.

Most agree to the last bit or two; the errors in the last passes are squares of small differences.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

FOUR = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1.0]])
ERRORS_AT_9 = {
    4: [
        0.6342311598444467,
        0.35838407676317513,
        0.0830183113303298,
        0.006467054957103705,
        0.0003292669000750734,
        1.5055622665134859e-05,
    ],
    6: [
        0.31298811341557736,
        0.043272385299784624,
        0.0034372657015086937,
        0.00019649599346773566,
        1.015593230102771e-05,
        5.122102420300414e-07,
    ],
}


def drawn_weights(hidden: int) -> list[np.ndarray]:
    np.random.seed(1)
    return [2 * np.random.random(shape) - 1 for shape in ((3, hidden), (hidden, 1))]


@pytest.fixture
def one_iteration() -> tw.Tensor:
    first, second = (tw.tensor(w, name=f"w{i}") for i, w in enumerate(drawn_weights(3)))
    sums = tw.matmul(FOUR[:1], first).named("sums")
    layer_1 = tw.relu(sums).named("layer_1")
    layer_2 = tw.matmul(layer_1, second).named("layer_2")
    return tw.half_sse(layer_2, np.ones((1, 1))).named("loss")


@pytest.mark.parametrize(
    ("node", "part", "expected"),
    [
        ("layer_1", "value", [0, 0.13177044, 0]),
        ("layer_2", "value", [-0.02129555]),
        ("loss", "value", [1.0430446 / 2]),
        ("layer_2", "gradient", [-1.02129555]),
        ("sums", "gradient", [0, 0.16505257, 0]),
        ("w1", "gradient", [0, -0.13457656, 0]),
    ],
)
def test_one_iteration(one_iteration: tw.Tensor, node, part, expected) -> None:
    one_iteration.backward()
    tensor = one_iteration.find(node)
    after_backward = tensor.value if part == "value" else tensor.grad
    in_trace = getattr(tw.trace(one_iteration)[node], part)
    assert_allclose(after_backward.ravel(), expected, atol=5e-8)
    np.testing.assert_array_equal(after_backward, in_trace)


def test_one_iteration_equals_one_step_of_fit(one_iteration: tw.Tensor) -> None:
    one_iteration.backward()
    layers = [tw.Dense(3, "relu", bias=False), tw.Dense(1, bias=False)]
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {f"{i}.weight": weight for i, weight in enumerate(drawn_weights(3))}
    tw.fit(net, FOUR[:1], [1], loss="half_sse", optimizer=tw.SGD(lr=0.2), epochs=1)
    for i, start in enumerate(drawn_weights(3)):
        gradient = one_iteration.find(f"w{i}").grad
        assert_allclose(net.weights[f"{i}.weight"], start - 0.2 * gradient, rtol=1e-15)


def test_the_lesson_prints_the_published_numbers(run_example, numbers_after) -> None:
    printed = run_example("backpropagation_in_code")
    for i, (four, six) in enumerate(zip(ERRORS_AT_9[4], ERRORS_AT_9[6], strict=True)):
        errors = numbers_after(printed, f"pass {10 * (i + 1)}: error")
        assert_allclose(errors, [four, six], rtol=1e-11)
    assert numbers_after(printed, "layer_1_delta")[:3] == [0, 0.16505257, 0]
