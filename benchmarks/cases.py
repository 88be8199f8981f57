"""The benchmark cases and their data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.problems import Array, Case, Problem

MNIST = Path(__file__).parents[2] / "shared" / "data" / "mnist"

_THIRTEEN_LINES = Case(
    name="1",
    title="3-4-1 full SGD",
    data="exclusive or",
    rows=4,
    sizes=(3, 4, 1),
    batch=4,
    rule="sgd",
    lr=1.0,
    hidden="sigmoid",
    output="sigmoid",
    loss="half_sse",
    bias=False,
    check_epochs=1000,
)
CASES = [
    _THIRTEEN_LINES,
    replace(_THIRTEEN_LINES, name="1d", title="3-4-1 full SGD f64", dtype="float64"),
    Case("2", "64-32-10 b1 SGD", "digits", 360, (64, 32, 10), 1, rule="sgd", lr=0.01),
    Case("3", "64-100-10 b32 Adam", "digits", 1437, (64, 100, 10), 32),
    Case("4", "28-128-128-1 b200 Adam", "columns", 20_000, (28, 128, 128, 1), 200, loss="mse"),
    # 20 steps: Adam amplifies rounding; the worst peer is off by 2e-4 here, by 5e-3 after 40 steps
    Case("5", "784-256-128-10 b128 Adam", "images", 2_560, (784, 256, 128, 10), 128),
    Case("6", "784-1024-1024-10 b256 Adam", "images", 5_120, (784, 1024, 1024, 10), 256),
]
PREDICTION = Case(
    "8", "30-64-32-1 one row", "columns", 1, (30, 64, 32, 1), 1, loss="mse", predicts=True
)
DIGITS = next(case for case in CASES if case.name == "3")


def problem(case: Case) -> Problem:
    """The case with its rows, generated or read."""
    X, y = _SOURCES[case.data](case)
    return Problem(case, X.astype(case.dtype), y if y.dtype.kind == "i" else y.astype(case.dtype))


def origin(case: Case) -> str:
    """A description of the rows."""
    if case.data == "images":
        return "MNIST" if MNIST.is_dir() else "drawn at random in the shape of MNIST"
    return "drawn at random" if case.data == "columns" else case.data


def _exclusive_or(case: Case) -> tuple[Array, Array]:
    X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
    return X, np.array([[0, 1, 1, 0]], dtype=float).T


def _digits(case: Case) -> tuple[Array, Array]:
    """The first rows of scikit-learn's 1,797 digits, 8 x 8 pixels from 0 to 1."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images[: case.rows] / 16, labels[: case.rows].astype(np.int64)


def _columns(case: Case) -> tuple[Array, Array]:
    """Normal columns and a nonlinear target: a sine and a product, with noise."""
    random = np.random.default_rng(0)
    X = random.standard_normal((case.rows, case.sizes[0]))
    noise = random.standard_normal(case.rows)
    return X, (np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * noise)[:, None]


def _images(case: Case) -> tuple[Array, Array]:
    if not MNIST.is_dir():
        random = np.random.default_rng(0)
        labels = random.integers(0, 10, case.rows)
        return random.random((case.rows, 784)) * (random.random((case.rows, 784)) < 0.2), labels
    images = _idx("train-images-idx3-ubyte.gz", 16, case.rows * 784).reshape(-1, 784)
    return images / 255, _idx("train-labels-idx1-ubyte.gz", 8, case.rows).astype(np.int64)


def _idx(name: str, header: int, count: int) -> Array:
    """The first `count` bytes after the header of an idx file."""
    with gzip.open(MNIST / name) as file:
        return np.frombuffer(file.read(header + count)[header:], dtype=np.uint8)


_SOURCES: dict[str, Callable[[Case], tuple[Array, Array]]] = {
    "exclusive or": _exclusive_or,
    "digits": _digits,
    "columns": _columns,
    "images": _images,
}
