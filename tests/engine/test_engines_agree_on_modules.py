"""Modules of one's own, each engine against the interpreter: shapes, paths, sizes."""

from __future__ import annotations

import numpy as np
import pytest

import talweg as tw
from conformance.engines import CLASSES, N, X, Y, agree
from conformance.networks import DEEP, FLAT, MIXING, SERIES, Net

pytestmark = pytest.mark.usefixtures("engine")

SIZES = [1, 2, 7, None]


@pytest.mark.parametrize("name", ["residual", "layer norm"])
def test_two_nets(name: str) -> None:
    agree(lambda: Net(FLAT[name]), batch_size=5, epochs=2)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FLAT)
def test_nets_of_rows(name: str, size: int | None) -> None:
    y = Y[:, 0] if name == "a prediction without columns" else Y
    agree(lambda: Net(FLAT[name]), y=y, batch_size=size, epochs=2, validation=(X[:5], y[:5]))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DEEP)
def test_nets_of_series(name: str, size: int | None, dtype: str) -> None:
    agree(lambda: Net(DEEP[name]), SERIES, batch_size=size, epochs=2, dtype=dtype, validation=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("size", [None, 4])
@pytest.mark.parametrize("name", MIXING)
def test_nets_that_mix_rows(name: str, size: int | None, shuffle: bool) -> None:
    """On full batches, and validated on other numbers of rows."""
    settings = {"batch_size": size, "shuffle": shuffle, "epochs": 3, "optimizer": tw.SGD(lr=0.02)}
    agree(lambda: Net(MIXING[name]), X[:20], Y[:20], validation=(X[:9], Y[:9]), **settings)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FLAT, *MIXING, *(f"{name} of series" for name in DEEP)])
def test_predictions_for_any_number_of_rows(name: str) -> None:
    function = (FLAT | MIXING).get(name) or DEEP[name.removesuffix(" of series")]
    x = X if name in FLAT | MIXING else SERIES
    net = Net(function)
    net.dtype = "float64"
    net.init(x, seed=1)
    for rows in (1, 2, 5, N, 1, 400):
        some = np.resize(x, (rows, *x.shape[1:]))
        np.testing.assert_allclose(net.predict(some), net(some).value, 1e-9, 1e-9)


@pytest.mark.slow
def test_outputs_of_three_axes() -> None:
    agree(lambda: Net(lambda net, x: net.first(x)), SERIES, tw.tanh(SERIES[:, ::-1]), epochs=3)


@pytest.mark.slow
def test_rows_that_are_numbers() -> None:
    make = lambda: Net(lambda net, x: x * net.parameter("w", ()) + net.parameter("b", ()))  # noqa: E731
    agree(make, X[:, 0], Y[:, 0], epochs=3)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [(1, 1), (40,), (9, 8, 7, 6), (16, 16), (33, 65), (130, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 5, 150, None])
def test_layers_of_awkward_sizes(layers: tuple[int, ...], dtype: str, size: int | None) -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(301, 11))
    make = lambda: tw.Sequential(*(tw.Dense(n, "tanh") for n in layers), tw.Dense(3))  # noqa: E731
    classes = np.resize(CLASSES, 301)
    settings = {"loss": "cross_entropy", "metrics": ["accuracy"], "validation": 0.2}
    few = 1 if size == 1 else 3
    agree(make, x, classes, dtype=dtype, batch_size=size, epochs=few, **settings)
