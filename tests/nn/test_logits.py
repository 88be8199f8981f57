"""The logits before a final sigmoid or softmax are found, also before gates that move numbers."""

import numpy as np
import pytest

import talweg as tw
from talweg.nn.losses import logits_of

Z = np.array([[800.0], [-800.0], [0.3]])  # where a sigmoid is 1 or 0, its logarithm is not finite
MOVED = {
    "as it is": lambda p: p,
    "sliced": lambda p: p[:, 0],
    "reshaped": lambda p: p.reshape(-1),
    "cast": lambda p: tw.cast(p, "float64"),
    "transposed twice": lambda p: p.T.T,
}


@pytest.mark.parametrize("move", MOVED.values(), ids=list(MOVED))
def test_a_sigmoid_before_gates_that_move_numbers_is_found(move) -> None:
    z = tw.tensor(Z)
    loss = tw.binary_cross_entropy(move(tw.sigmoid(z)), np.array([0.0, 1.0, 1.0]))
    expected = (800 + 800 + np.log1p(np.exp(-0.3))) / 3
    assert loss.item() == pytest.approx(expected)


def test_a_network_that_slices_its_sigmoid_is_measured_by_probability() -> None:
    class Flat(tw.Module):
        def __init__(self) -> None:
            self.out = tw.Dense(1, "sigmoid")

        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return self.out(x)[:, 0]

    X = np.linspace(-2, 2, 40)[:, None]
    settings = {"loss": "binary_cross_entropy", "metrics": "accuracy", "epochs": 5}
    runs = [tw.fit(net, X, X[:, 0] > 1, **settings) for net in (Flat(), tw.Sequential(tw.Dense(1)))]
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(runs[0].history[name], runs[1].history[name], rtol=1e-5)


def test_a_softmax_over_another_axis_is_refused() -> None:
    with pytest.raises(tw.SettingError, match="not over its last axis"):
        tw.cross_entropy(tw.softmax(tw.tensor(np.ones((3, 2))), axis=0), [0, 1, 1])


def test_a_prediction_without_a_final_activation_is_its_logits() -> None:
    output = tw.tanh(tw.tensor(Z))
    assert logits_of(output, "sigmoid") is output


@pytest.mark.parametrize(
    "near",
    [
        lambda z: tw.exp(z) / tw.exp(z).max(axis=1, keepdims=True),
        lambda z: tw.relu(z) / tw.relu(z).sum(axis=1, keepdims=True),
        lambda z: tw.exp(z) / tw.exp(2 * z).sum(axis=1, keepdims=True),
        lambda z: tw.exp(z) * tw.exp(z).sum(axis=1, keepdims=True),
    ],
    ids=["over the largest", "of no powers", "over other powers", "times the sum"],
)
def test_a_similar_expression_is_not_taken_for_a_softmax(near) -> None:
    output = near(tw.tensor(np.ones((3, 4))))
    assert logits_of(output, "softmax") is output


@pytest.mark.parametrize(
    "move",
    [lambda p: p[:, :2], lambda p: p.T, lambda p: p.reshape(3, 2, 2)],
    ids=["sliced", "transposed", "reshaped"],
)
def test_a_softmax_whose_classes_were_moved_is_refused(move) -> None:
    with pytest.raises(tw.SettingError, match="changes its last axis"):
        logits_of(move(tw.softmax(tw.tensor(np.ones((3, 4))))), "softmax")
    kept = tw.softmax(tw.tensor(np.ones((4, 3))))[:2]
    assert logits_of(kept, "softmax").shape == (2, 3)
