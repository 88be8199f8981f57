"""Modules of one's own, native against the interpreter: shapes, paths and sizes of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from both_engines import CLASSES, RANDOM, N, X, Y, agree

import talweg as tw
from talweg import gates

pytest.importorskip("llvmlite")

T, D = 4, 3
SERIES = RANDOM.normal(size=(N, T, D))
SIZES = [1, 2, 7, None]


class Net(tw.Module):
    """A net from a function of (the net, x), with parts at hand."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function
        self.first, self.second = tw.Dense(D, "tanh"), tw.Dense(D, "tanh")
        self.last = tw.Dense(2)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        result: tw.Tensor = self.function(self, x)
        return result


def layer_norm(net: Any, x: Any) -> Any:
    gap = x - x.mean(axis=-1, keepdims=True)
    scaled = gap / tw.sqrt((gap * gap).mean(axis=-1, keepdims=True) + 1e-5)
    width = x.shape[-1]
    factor, shift = net.parameter("factor", (width,), "ones"), net.parameter("shift", (width,))
    return net.last(scaled * factor + shift)


def attention(net: Any, x: Any) -> Any:
    query, key, value = (x @ net.parameter(name, (D, D)) for name in ("query", "key", "value"))
    scores = tw.softmax(query @ gates.transpose(key, axes=(0, 2, 1)) / np.sqrt(D))
    return net.last((scores @ value).reshape(len(x), -1))


def recurrent(net: Any, x: Any) -> Any:
    state = net.first(x[:, 0])
    for step in range(1, x.shape[1]):
        state = tw.tanh(net.second(state) + x[:, step])
    return net.last(state)


def gated(net: Any, x: Any) -> Any:
    gate = tw.sigmoid(x @ net.parameter("gate", (D, D)))
    return net.last(gate * net.first(x) + (1.0 - gate) * x)


def embedded(net: Any, x: Any) -> Any:
    hot = tw.one_hot(tw.cast(x[:, 0] > 0.0, dtype="int64"), classes=2, dtype=x.dtype)
    return net.last(hot @ net.parameter("rows", (2, D)))


def looked_up(net: Any, x: Any) -> Any:
    rows = tw.take(net.parameter("table", (5, D)), tw.cast(5.0 * tw.sigmoid(x), dtype="int64"))
    return net.last(rows.reshape(len(x), -1) + rows.sum(axis=1) @ net.parameter("w", (D, D * D)))


FLAT: dict[str, Callable[[Any, Any], Any]] = {
    "a part used twice": lambda net, x: net.last(net.first(net.first(x))),
    "residual": lambda net, x: net.last(x + net.second(x + net.first(x))),
    "transposed": lambda net, x: net.last((net.parameter("w", (D, D)) @ x.T).T),
    "computed when transposed": lambda net, x: net.last(tw.exp(0.1 * net.first(x).T).T * x),
    "columns": lambda net, x: net.last(net.first(x[:, :2]) * x[:, ::-1] + x[:, 1:2]),
    "concatenated": lambda net, x: net.last(tw.concatenate([x, net.first(x), x[:, :1]], axis=1)),
    "layer norm": layer_norm,
    "gated": gated,
    "embedded": embedded,
    "looked up": looked_up,
    "softmax inside": lambda net, x: net.last(tw.softmax(net.first(x)) * x),
    "one number": lambda net, x: net.last(x * net.parameter("scale", (), "ones")),
    "a number a row": lambda net, x: net.last(x * net.first(x).sum(axis=1, keepdims=True)),
    "a prediction without columns": lambda net, x: net.first(x).sum(axis=1),
    "the largest": lambda net, x: net.last(x - net.first(x).max(axis=1, keepdims=True)),
    "weights times weights": lambda net, x: (
        x @ (net.parameter("a", (D, 4)) @ net.parameter("b", (4, 2)))
    ),
    "a piece of the weights": lambda net, x: x @ net.parameter("w", (2 * D, 2))[::2],
    "weights turned": lambda net, x: tw.tanh(x @ net.parameter("w", (2, D)).T),
    "tied weights": lambda net, x: (
        tw.tanh(x @ net.parameter("w", (D, D))) @ net.parameter("w", (D, D)).T
    )[:, :2],
    "weights that nothing needs": lambda net, x: net.last(x + 0.0 * net.parameter("idle", (D,))),
    "a stopped gradient": lambda net, x: net.last(net.first(x) + tw.stop_gradient(net.second(x))),
    "kinks": lambda net, x: net.last(abs(net.first(x)) + tw.maximum(x, 0.1) - tw.minimum(x, 0.2)),
    "powers": lambda net, x: net.last((1.1 + net.first(x)) ** x),
    "a wide layer": lambda net, x: net.last(tw.relu(x @ net.parameter("wide", (D, 130)))),
    "a column of ones": lambda net, x: (
        tw.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1) @ net.parameter("w", (D + 1, 2))
    ),
    "zeros to start from": lambda net, x: net.last(x + np.full((len(x), D), 0.5, x.dtype)),
    "the place in the batch": lambda net, x: net.last(
        x + 0.1 * np.arange(len(x), dtype=x.dtype)[:, None]
    ),
}
DEEP: dict[str, Callable[[Any, Any], Any]] = {
    "a product of three axes": lambda net, x: net.last(
        (x @ net.parameter("w", (D, D))).sum(axis=1)
    ),
    "dense over steps": lambda net, x: net.last(net.first(x).mean(axis=1)),
    "attention": attention,
    "recurrent": recurrent,
    "over steps and columns": lambda net, x: net.last(
        tw.concatenate([x.max(axis=1), x.mean(axis=1), x.sum(axis=2)], axis=1)
    ),
    "softmax over steps": lambda net, x: net.last(
        (tw.softmax(net.first(x), axis=1) * x).sum(axis=1)
    ),
    "layer norm": lambda net, x: layer_norm(net, x.reshape(len(x), -1)),
    "steps first": lambda net, x: net.last(gates.transpose(x, axes=(1, 0, 2))[0]),
    "columns last": lambda net, x: net.last(
        gates.transpose(net.first(x), axes=(0, 2, 1)).reshape(len(x), -1)
    ),
    "rows of steps": lambda net, x: net.last(
        tw.tanh(x.reshape(-1, D) @ net.parameter("w", (D, D))).reshape(len(x), -1)
    ),
    "weights by steps": lambda net, x: net.last((x * net.parameter("w", (T, 1))).sum(axis=1)),
    "weights from the left": lambda net, x: net.last(
        (net.parameter("w", (2, T)) @ x).reshape(len(x), -1)
    ),
    "steps by steps": lambda net, x: net.last((x @ x.reshape(-1, D, T)).reshape(len(x), -1)),
}
MIXING: dict[str, Callable[[Any, Any], Any]] = {
    "less the mean": lambda net, x: net.last(net.first(x) - net.first(x).mean(axis=0)),
    "batch norm": lambda net, x: net.last(
        (x - x.mean(axis=0)) / tw.sqrt(((x - x.mean(axis=0)) ** 2.0).mean(axis=0) + 1e-5)
    ),
    "neighbours": lambda net, x: net.last(tw.softmax(net.first(x) @ x.T) @ x),
    "reversed rows": lambda net, x: net.last(x + net.first(x)[::-1]),
    "the row before": lambda net, x: net.last(tw.concatenate([x[-1:], x[:-1]], axis=0)),
    "the first row": lambda net, x: net.last(x + net.first(x)[0]),
    "the first row, looked up": lambda net, x: net.last(
        x + tw.take(net.first(x), tw.cast(x[:, 0] > 99.0, dtype="int64"))
    ),
    "one less than the rows": lambda net, x: net.last(x + x.sum(axis=0) / (len(x) + 1)),
    "a small number": lambda net, x: net.last(x + x.sum(axis=0) * (3e-13 / len(x)) * 1e12),
    "rows squared": lambda net, x: net.last(x + x.sum(axis=0) / len(x) ** 2),
    "the largest of all": lambda net, x: net.last(x / abs(x).max()),
}  # fmt: skip


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
