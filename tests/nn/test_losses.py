"""Every loss against plain NumPy: values, weights, gradients, extremes, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from conformance.losses import REFERENCE, binary_cross_entropy, cross_entropy
from talweg.errors import DataError, SettingError, ShapeError, TalwegError
from talweg.nn import LOSSES

SHAPES = [(1, 1), (1, 4), (5, 1), (6, 3)]
TOLERANCE = {"float32": 3e-6, "float64": 1e-13}


CASES = [
    (name, shape)
    for name, (_, _, labels) in REFERENCE.items()
    for shape in SHAPES
    if shape[1] > 1 or labels != "classes"
]


def draw(shape: tuple[int, int], labels: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, targets and weights."""
    random = np.random.default_rng(sum(shape))
    prediction = random.normal(0, 2, shape)
    target = {
        "numbers": random.normal(0, 2, shape),
        "binary": random.uniform(0, 1, shape),
        "classes": random.dirichlet(np.ones(shape[1]), shape[0]),
    }[labels]
    return prediction, target, random.integers(0, 4, shape[0]) + 0.5


def test_the_table_is_complete() -> None:
    assert set(REFERENCE) == set(LOSSES)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_value(name: str, shape: tuple[int, int], dtype: str, weighted: bool) -> None:
    rule, is_mean, labels = REFERENCE[name]
    prediction, target, weights = draw(shape, labels)
    if not weighted:
        weights = np.ones(len(weights))
    expected = (weights * rule(prediction, target)).sum() / (weights.sum() if is_mean else 1)
    given = weights if weighted else None
    found = LOSSES[name](tw.tensor(prediction.astype(dtype)), target, given)
    assert found.dtype == dtype and found.shape == ()
    assert_allclose(found.item(), expected, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_gradients_of_first_and_second_order(name: str, shape: tuple[int, int]) -> None:
    prediction, target, weights = draw(shape, REFERENCE[name][2])
    tw.check_gradients(lambda p: LOSSES[name](p, target, weights), prediction, order=2, rtol=1e-5)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_loss_takes_arrays_too(name: str) -> None:
    prediction, target, _ = draw((6, 3), REFERENCE[name][2])
    found = LOSSES[name](prediction, target)
    assert found.item() == LOSSES[name](tw.tensor(prediction), target).item()


@pytest.mark.parametrize("labels", ["whole", "float", "column", "one-hot", "bytes"])
def test_classes_in_every_form(labels: str) -> None:
    prediction, _, _ = draw((6, 3), "classes")
    classes = np.array([0, 2, 1, 1, 0, 2])
    target = {
        "whole": classes,
        "float": classes.astype(float),
        "column": classes[:, None],
        "one-hot": np.eye(3)[classes],
        "bytes": classes.astype(np.uint8),
    }[labels]
    expected = cross_entropy(prediction, np.eye(3)[classes]).mean()
    assert_allclose(tw.cross_entropy(prediction, target).item(), expected, rtol=1e-13)


@pytest.mark.parametrize("target", [[0, 1, 1], [[0], [1], [1]], [False, True, True]], ids=str)
def test_binary_targets_in_every_form(target) -> None:
    logits = np.array([[1.0], [-2.0], [0.5]])
    expected = binary_cross_entropy(logits, np.array([[0.0], [1], [1]])).mean()
    assert_allclose(tw.binary_cross_entropy(logits, target).item(), expected, rtol=1e-13)


# Far from zero ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("end", ["identity", "sigmoid"])
def test_binary_losses_of_extreme_logits(end: str, dtype: str) -> None:
    """-log(sigmoid(-1000)) is 1000, also for a net that ends in sigmoid."""
    net = tw.Sequential(tw.Dense(1, end, init=1000.0, bias=False), dtype=dtype)
    net.init([[1.0]])
    loss = tw.binary_cross_entropy(net([[1.0], [-1.0], [1.0]]), [1, 0, 0])
    loss.backward()
    assert_allclose(loss.item(), 1000 / 3, rtol=1e-6)
    assert_allclose(loss.find("0.weight").grad, [[1 / 3]], rtol=1e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("end", ["identity", "softmax"])
def test_classes_from_extreme_logits(end: str, dtype: str) -> None:
    """A logit of -1000 beside one of 1000 costs 2000, with or without softmax."""
    net = tw.Sequential(tw.Dense(2, end, init=[[1000.0, -1000.0]], bias=False), dtype=dtype)
    net.init([[1.0]])
    loss = tw.cross_entropy(net([[1.0], [1.0]]), [0, 1])
    loss.backward()
    assert_allclose(loss.item(), 1000, rtol=1e-6)
    assert_allclose(loss.find("0.weight").grad, [[0.5, -0.5]], rtol=1e-6)


@pytest.mark.parametrize(
    ("end", "loss", "y"),
    [
        ("sigmoid", "binary_cross_entropy", [0, 1, 1, 0, 1]),
        ("softmax", "cross_entropy", [0, 1, 2, 0, 1]),
    ],
)
def test_a_network_that_ends_in_it_trains_from_its_logits(
    end: str, loss: str, y: list[int]
) -> None:
    X = np.random.default_rng(0).normal(size=(5, 2))
    units = max(y) + 1 if end == "softmax" else 1
    runs = [
        tw.fit(tw.Sequential(tw.Dense(units, each), dtype="float64"), X, y, loss=loss, epochs=20)
        for each in (end, "identity")
    ]
    assert_allclose(runs[0].history["loss"], runs[1].history["loss"], rtol=1e-12)
    assert_allclose(runs[0].net.weights.flat, runs[1].net.weights.flat, rtol=1e-12)


@pytest.mark.parametrize("name", ["mse", "sse", "half_sse", "mae", "huber"])
def test_values_far_from_zero(name: str) -> None:
    prediction = tw.tensor(np.array([[1000.0], [-1000.0]], dtype="float32"))
    loss = LOSSES[name](prediction, [-1000, 1000])
    loss.backward()
    assert np.isfinite(loss.item()) and np.isfinite(prediction.grad).all()


@pytest.mark.parametrize("delta", [0.1, 2.5])
def test_huber_with_another_delta(delta: float) -> None:
    gap = np.array([[-5.0], [-0.05], [0.0], [1.0], [3.0]])
    size = np.abs(gap)
    expected = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()
    assert_allclose(tw.Huber(delta)(gap, np.zeros(5)).item(), expected, rtol=1e-14)


# Refused ----------------------------------------------------------------------------------------

P31, P33 = np.zeros((3, 1)), np.zeros((3, 3))


@pytest.mark.parametrize(
    ("error", "words", "loss", "prediction", "target"),
    [
        (ShapeError, "shape (3,), the prediction (3, 3)", "mse", P33, [1, 2, 3]),
        (ShapeError, "shape (2, 1), the prediction (3, 1)", "mae", P31, [[1], [2]]),
        (ShapeError, "shape (3, 3), the prediction (3, 1)", "half_sse", P31, P33),
        (DataError, "holds nan at row 1 (1 such", "mse", P31, [0, np.nan, 2]),
        (DataError, "holds inf at row 2", "huber", P31, [0, 1, np.inf]),
        (DataError, "the target must hold numbers", "mse", P31, ["a", "b", "c"]),
        (DataError, "0 to 1, but row 2 holds 2.0", "binary_cross_entropy", P31, [0, 1, 2]),
        (DataError, "row 0 holds -0.5", "binary_cross_entropy", P31, [-0.5, 1, 1]),
        (ShapeError, "use binary_cross_entropy with one unit", "cross_entropy", P31, [0, 1, 1]),
        (DataError, "row 1 holds class 3, but the network has 3", "cross_entropy", P33, [0, 3, 1]),
        (DataError, "row 2 holds class -1", "cross_entropy", P33, [0, 1, -1]),
        (DataError, "must be integers", "cross_entropy", P33, [0, 0.5, 1]),
        (DataError, "are not probabilities", "cross_entropy", P33, P33),
        (DataError, "row 0 holds [2.0, -1.0, 0.0]", "cross_entropy", P33, [[2, -1, 0]] * 3),
        (ShapeError, "one integer for each row", "cross_entropy", P33, [0, 1]),
        (ShapeError, "one integer for each row", "cross_entropy", P33, [[0, 1]] * 3),
    ],
)
def test_targets_that_do_not_fit_are_refused(error, words, loss, prediction, target) -> None:
    with pytest.raises(error) as raised:
        LOSSES[loss](prediction, target)
    assert words in str(raised.value)


def test_a_class_that_is_missing_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match="row 1"):
        tw.cross_entropy(P33, [0, np.nan, 1])


def test_one_class_for_many_rows_is_refused() -> None:
    with pytest.raises(TalwegError):
        tw.cross_entropy(P33, 1)


def test_a_tensor_as_target_is_never_broadcast() -> None:
    """(N) beside (N, 1) would broadcast to (N, N), and train on nonsense."""
    with pytest.raises(ShapeError):
        tw.mse(tw.tensor(P31), tw.tensor(np.arange(3.0)))


@pytest.mark.parametrize(
    ("end", "loss", "y", "words"),
    [
        ("sigmoid", "cross_entropy", [0, 1], "use the loss 'binary_cross_entropy'"),
        ("softmax", "binary_cross_entropy", [[0, 1], [1, 0]], "use the loss 'cross_entropy'"),
    ],
)
def test_a_final_activation_that_does_not_fit_the_loss_is_refused(end, loss, y, words) -> None:
    net = tw.Sequential(tw.Dense(2, end))
    with pytest.raises(SettingError) as raised:
        tw.fit(net, np.ones((2, 3)), y, loss=loss)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [("MSE", "Did you mean 'mse'?"), ("crossentropy", "'cross_entropy'"), (3, "3")],
)
def test_unknown_losses(given, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        tw.fit(tw.Sequential(tw.Dense(1)), [[1.0]], [1.0], loss=given)
    assert words in str(raised.value)


@pytest.mark.parametrize("delta", [0, -1.0, float("nan")])
def test_huber_needs_a_positive_delta(delta: float) -> None:
    with pytest.raises(SettingError, match="delta must be a number above 0"):
        tw.Huber(delta)


def test_weights_of_another_length_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"mse: weights has shape \(2,\), but there are 3 rows"):
        tw.mse(P31, [1, 2, 3], [1, 2])
