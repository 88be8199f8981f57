"""Training steps: talweg beside plain NumPy written by hand, and beside scikit-learn's MLP."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

import talweg as tw
from benchmarks.timing import Row, paired

_X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float64)
_Y = np.array([[0, 1, 1, 0]], dtype=np.float64).T
_ITERATIONS = 5_000


def training() -> list[Row]:
    """One row a network; both sides do the same arithmetic."""
    return [thirteen_lines(), digits()]


def thirteen_lines() -> Row:
    """3-4-1, sigmoid, 4 rows, full batch, float64: the loop of the classic lesson."""
    random = np.random.default_rng(1)
    start = 2 * random.random((3, 4)) - 1, 2 * random.random((4, 1)) - 1
    assert np.allclose(_by_hand(*start), _by_talweg(*start), rtol=1e-9)
    return paired(
        f"3-4-1 sigmoid, full batch, {_ITERATIONS} steps",
        lambda: _by_talweg(*start),
        "NumPy by hand",
        lambda: _by_hand(*start),
    )


def _by_hand(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    for _ in range(_ITERATIONS):
        hidden = sigmoid(_X @ first)
        output = sigmoid(hidden @ second)
        output_delta = (output - _Y) * output * (1 - output)
        hidden_delta = output_delta @ second.T * hidden * (1 - hidden)
        first, second = first - _X.T @ hidden_delta, second - hidden.T @ output_delta
    return first


def _by_talweg(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    layers = (tw.Dense(n, "sigmoid", bias=False) for n in (4, 1))
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {"0.weight": first, "1.weight": second}
    sgd = tw.SGD(lr=1.0)
    tw.fit(net, _X, _Y, loss="half_sse", optimizer=sgd, epochs=_ITERATIONS, batch_size=None)
    return net.weights["0.weight"]


def digits() -> Row:
    """64-100-10, relu, batch 32, Adam, 10 epochs of 1,797 digits, float32."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    return paired(
        "64-100-10 relu, batch 32, Adam, 10 epochs of digits",
        _digits_by_talweg(images, labels),
        "scikit-learn's MLPClassifier",
        _digits_by_sklearn(images, labels),
        rounds=5,
    )


def _digits_by_talweg(images: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    def run() -> None:
        net = tw.Sequential(tw.Dense(100, "relu"), tw.Dense(10))
        tw.fit(net, images, labels, loss="cross_entropy", epochs=10, batch_size=32)

    return run


def _digits_by_sklearn(images: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    from sklearn.neural_network import MLPClassifier

    def run() -> None:
        peer = MLPClassifier((100,), batch_size=32, max_iter=10, alpha=0.0, tol=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that ten epochs are few
            peer.fit(images, labels)

    return run
