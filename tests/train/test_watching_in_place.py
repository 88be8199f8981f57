"""New weights written piece by piece over the old ones, as in a step with lr_multipliers, unless a
piece reads what another has already overwritten.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.graph.functions import concatenate

X = np.random.default_rng(5).normal(size=(8, 5))
Y = np.sin(X.sum(axis=1))
HALF = 9  # of the 18 weights of a net 5-3


class Halves(tw.optim.Optimizer):
    """A rule that makes both halves of the weights from the halves (w, g) of the old ones."""

    halves: Callable[..., Any]

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        low, high = (weights[:HALF], gradient[:HALF]), (weights[HALF:], gradient[HALF:])
        pieces = type(self).halves(self.lr, low, high)
        return concatenate([each.reshape(HALF) for each in pieces]), {}


def step(lr: Any, half: Any) -> Any:
    return half[0] - lr * half[1]


RULES = {
    "each in its place": lambda lr, low, high: (step(lr, low), step(lr, high)),
    "exchanged": lambda lr, low, high: (step(lr, high), step(lr, low)),
    "turned": lambda lr, low, high: (step(lr, low)[::-1], step(lr, high)),
    "from a turned one": lambda lr, low, high: (low[0][::-1] - lr * low[1], step(lr, high)),
    "one number for all": lambda lr, low, high: (step(lr, low) + 0.1 * low[0][4], step(lr, high)),
    "from the other": lambda lr, low, high: (step(lr, low), step(lr, high) + 0.1 * low[0]),
    "transposed": lambda lr, low, high: (
        low[0].reshape(3, 3).T - lr * low[1].reshape(3, 3),
        step(lr, high),
    ),
    "twice the same": lambda lr, low, high: (step(lr, low), step(lr, low)),
    "from a sum": lambda lr, low, high: (step(lr, low), step(lr, high) - 0.1 * low[0].sum()),
    "from a later nest": lambda lr, low, high: (
        step(lr, low) * step(lr, high).sum(),
        step(lr, high),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_the_engines_agree_on_weights_made_of_pieces(name: str) -> None:
    found = []
    for engine in ("numpy", "native"):
        net = tw.Sequential(tw.Dense(3, "tanh"), dtype="float64").init(X, seed=0)
        rule = type("Rule", (Halves,), {"halves": staticmethod(RULES[name])})(lr=0.1)
        run = tw.fit(net, X, np.stack([Y] * 3, axis=1), optimizer=rule, epochs=3, engine=engine)
        found.append(run.net.weights.flat.copy())
    assert_allclose(found[1], found[0], rtol=1e-10, atol=1e-12)
