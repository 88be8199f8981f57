"""Networks that are found alike without a recording compute the same and start the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import talweg as tw
from talweg.train.search import net_signature as alike

X = np.random.default_rng(1).normal(size=(6, 3))
START = np.ones((3, 4))
Make = Callable[[], tw.Module]


def likeness(net: tw.Module) -> Any:
    return alike.likeness(net.named_modules())


def deep(*, last: int = 1, **first: Any) -> Make:
    return lambda: tw.Sequential(tw.Dense(4, **first), "relu", tw.Dense(last))


ALIKE: dict[str, Make] = {
    "plain": deep(),
    "an activation": deep(activation="sigmoid"),
    "an initialiser": deep(init=tw.Normal(0.5)),
    "an array to start from": deep(init=START),
    "no bias": deep(bias=False),
}
OTHERS: dict[str, tuple[Make, Make]] = {
    "units": (deep(last=1), deep(last=2)),
    "activations": (deep(activation="tanh"), deep(activation="sigmoid")),
    "biases": (deep(), deep(bias=False)),
    "true and 1": (deep(bias=True), lambda: _with(deep()(), "bias", 1)),
    "starts": (deep(init=tw.Normal(0.5)), deep(init=tw.Normal(0.6))),
    "kinds of starts": (deep(init="zeros"), deep(init="ones")),
    "arrays": (deep(init=START), deep(init=START.copy())),
    "a setting more": (deep(), lambda: _with(deep()(), "note", 1)),
    "dtypes": (lambda: tw.Sequential(tw.Dense(1)), lambda: tw.Sequential(tw.Dense(1), dtype=float)),
    "layers": (deep(), lambda: tw.Sequential(tw.Dense(4), tw.Dense(1), "relu")),
    "a shared part": (deep(), lambda: _shared()),
}


def _with(net: Any, name: str, value: Any) -> tw.Module:
    setattr(net.layers[0], name, value)
    return net


def _shared() -> tw.Module:
    part = tw.Dense(3)
    return tw.Sequential(part, "relu", part)


class Own(tw.Module):
    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return x * self.parameter("scale", (3,), "ones")


UNKNOWN: dict[str, Make] = {
    "a module of one's own": Own,
    "one within": lambda: tw.Sequential(Own(), tw.Dense(1)),
    "a function of one's own": deep(activation=lambda x: 2 * x),
    "a function that may remember": lambda: _with(deep()(), "note", tw.Dense.__call__),
    "a module that is no part": lambda: _with(deep()(), "_hidden", tw.Dense(1)),
    "an initialiser of one's own": deep(init=lambda shape, random: np.zeros(shape)),
}


@pytest.mark.parametrize("name", ALIKE)
def test_alike_networks_start_as_if_they_were_alone(name: str) -> None:
    one, two, three = (ALIKE[name]() for _ in range(3))
    assert likeness(one) is not None and likeness(one) == likeness(two)
    one.init(X, seed=1)
    assert likeness(one) == likeness(two), "being initialised makes no other"
    two.init_as(one, X, seed=7)
    three.init(X, seed=7)
    assert list(two.weights) == list(three.weights)
    assert_array_equal(two.weights.flat, three.weights.flat)
    assert two.weights.flat.dtype == three.weights.flat.dtype
    assert_array_equal(two.predict(X), three.predict(X))
    assert two.is_initialized and all(part.network is two for _, part in two.named_modules())
    assert two.row_shape == three.row_shape


@pytest.mark.parametrize("name", OTHERS)
def test_networks_that_differ_have_different_keys(name: str) -> None:
    one, two = (likeness(make()) for make in OTHERS[name])
    assert one is not None and two is not None and one != two


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_modules_have_no_key(name: str) -> None:
    assert likeness(UNKNOWN[name]()) is None


def test_an_array_that_has_changed_changes_the_key() -> None:
    start = np.ones((3, 4))
    one, two = deep(init=start)(), deep(init=start)()
    before = likeness(one)
    start += 1
    assert likeness(two) != before


def test_a_network_like_a_copy_is_initialized_by_running_it() -> None:
    one, two = copy.deepcopy(ALIKE["plain"]().init(X, seed=1)), ALIKE["plain"]()
    assert likeness(one) == likeness(two)
    two.init_as(one, X, seed=1)
    assert_array_equal(two.weights.flat, one.weights.flat)


def test_given_weights_are_kept() -> None:
    one, two = ALIKE["plain"](), ALIKE["plain"]()
    two.weights = {"0.weight": START}
    two.init_as(one.init(X), X, seed=0)
    assert_array_equal(two.weights["0.weight"], START)
    assert_array_equal(two.weights["2.weight"], one.weights["2.weight"])
    wrong = ALIKE["plain"]()
    wrong.weights = {"nothing": START}
    with pytest.raises(tw.TalwegError, match="nothing"):
        wrong.init_as(one, X, seed=0)
