"""Networks with paths of every kind, made of a user's own modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import talweg as tw
from conformance.engines import RANDOM, N
from talweg import gates

T, D = 4, 3


SERIES = RANDOM.normal(size=(N, T, D))


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
    "running sums": lambda net, x: net.last(
        tw.cumulative_sum(tw.cumulative_sum(net.first(x), axis=0, reverse=True) / len(x)) + x
    ),
}  # fmt: skip
