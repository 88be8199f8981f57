"""The networks that are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import talweg as tw
from talweg import gates


def dense(activation: Any = "tanh", outputs: int = 2, hidden: int = 6) -> tw.Module:
    return tw.Sequential(tw.Dense(hidden, activation), tw.Dense(outputs))


def between(make: Callable[..., tw.Module], *given: Any, **settings: Any) -> Any:
    """A function that makes a network with a layer between two dense ones."""
    return lambda: tw.Sequential(tw.Dense(6, "relu"), make(*given, **settings), tw.Dense(2))


def penalized() -> tw.Module:
    first = tw.Dense(6, "tanh", weight_penalty=tw.L2(0.01), activity_penalty=tw.L1(0.001))
    last = tw.Dense(2, weight_penalty=tw.L1L2(0.01, 0.02), max_norm=0.9, bias=False)
    return tw.Sequential(first, last)


def initialized() -> tw.Module:
    starts = [tw.Glorot("normal"), tw.He(), tw.LeCun("normal"), tw.Orthogonal(), tw.Uniform(-1, 1)]
    hidden = [tw.Dense(4, "tanh", init=start, bias_init=tw.Normal(0.1)) for start in starts]
    return tw.Sequential(*hidden, tw.Dense(2, init=tw.Constant(0.1)))


def embedded() -> tw.Module:
    side_by_side: Any = lambda rows: rows.reshape(len(rows), -1)  # noqa: E731
    return tw.Sequential(tw.Embedding(5, 3), side_by_side, tw.Dense(4, "tanh"), tw.Dense(2))


class Attention(tw.Module):
    """A module of one's own over rows with three axes."""

    def __init__(self) -> None:
        self.first, self.last = tw.Dense(3, "tanh"), tw.Dense(2)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        query, key = (self.parameter(name, (3, 3)) for name in ("query", "key"))
        scores = (x @ query) @ gates.transpose(x @ key, axes=(0, 2, 1))
        seen = tw.softmax(scores) @ self.first(x)
        return self.last(tw.concatenate([seen.mean(axis=1), x.max(axis=1), x[:, -1]], axis=1))


class MixedRows(tw.Module):
    """A module of one's own whose rows depend on each other."""

    def __init__(self) -> None:
        self.first, self.last = tw.Dense(3, "tanh"), tw.Dense(2)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        hidden = self.first(x)
        return self.last(hidden - hidden.mean(axis=0) + x[::-1] + tw.softmax(hidden @ x.T) @ x)


def quartic(prediction: Any, target: Any) -> Any:
    return tw.mean((prediction - target) ** 4, axis=1)
