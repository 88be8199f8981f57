"""What `sweep` refuses before anything is trained, and with which message."""

import re

import numpy as np
import pytest

import talweg as tw
from talweg.errors import DataError, SettingError, ShapeError, TalwegError

X = np.random.default_rng(0).normal(size=(6, 3))
Y = X.sum(axis=1)


def build(hidden: int = 2) -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dense(1))


def needs(hidden: int) -> tw.Sequential:
    return build(hidden)


SHARED = build()
PART = tw.Dense(2)
RATES = {"lr": [0.1, 0.2]}

CASES = [
    # names
    (SettingError, "neither build, fit nor Adam takes 'hiden'. Did you mean 'hidden'?",
     {"over": {"hiden": [2]}}),
    (SettingError, "sweep at optimizer=sgd, beta1=0.9: neither build, fit nor SGD takes 'beta1'.",
     {"over": {"optimizer": ["adam", "sgd"], "beta1": [0.9]}}),
    (SettingError, "threads is the same for all runs: give it outside over, as threads=...",
     {"over": {"threads": [1, 2]}}),
    (SettingError, "engine is the same for all runs", {"over": {"engine": ["numpy"]}}),
    (SettingError, "resume is the same for all runs", {"over": {"resume": [True]}}),
    (SettingError, "has no argument 'batchsize'. Did you mean 'batch_size'?",
     {"batchsize": 3}),
    (SettingError, "'lr'. It is a setting of the optimizer: give optimizer=tw.Adam(lr=...).",
     {"lr": 3}),
    (SettingError, "build needs 'hidden': give over={'hidden': [...]}, or a default",
     {"build": needs}),
    # values
    (SettingError, "over['lr'] is empty, so there is nothing to run", {"over": {"lr": []}}),
    (SettingError, "over['lr'] is empty", {"over": {"lr": np.array([])}}),
    (SettingError, "over['lr'] must be a list, a range or an array of values, or a "
     "tw.Range(low, high), but 0.1 was given; for one value write [0.1]", {"over": {"lr": 0.1}}),
    (SettingError, "for one value write ['mse']", {"over": {"loss": "mse"}}),
    (SettingError, "over['lr'] must be a list", {"over": {"lr": {0.1, 0.2}}}),
    (SettingError, "over['lr'] must be a list", {"over": {"lr": np.array(0.1)}}),
    (SettingError, "sweep: over must be a mapping", {"over": [("lr", [0.1])]}),
    (SettingError, "sweep at lr=-1, hidden=3: SGD: lr must be a number above 0, but -1 was given",
     {"over": {"lr": [0.1, -1], "hidden": [3]}, "optimizer": "sgd"}),
    (SettingError, "sweep at batch_size=0: fit: batch_size must be an integer of at least 1",
     {"over": {"batch_size": [None, 2, 0]}}),
    (SettingError, "sweep at loss=mes: no loss is called 'mes'. Did you mean 'mse'?",
     {"over": {"loss": ["mse", "mes"]}}),
    (SettingError, "sweep at seed=-1: fit: seed must be", {"over": {"seed": [0, -1]}}),
    (SettingError, "sweep at stop=EarlyStopping", {"over": {"stop": [None, tw.EarlyStopping(2)]}}),
    (SettingError, "sweep: threads must be an integer of at least 1", {"threads": 0}),
    (SettingError, "sweep: engine must be one of 'native', 'numpy' or None", {"engine": "nmupy"}),
    # build
    (SettingError, "sweep: build must be a function that builds a new network on each call",
     {"build": SHARED}),
    (SettingError, "sweep: build must be a function", {"build": 3}),
    (SettingError, "sweep at lr=0.1: build must return a network such as tw.Sequential(...), but "
     "returned None", {"build": lambda: None}),
    (SettingError, "sweep at lr=0.2: build must return a new network on each call, but it returned "
     "a Sequential again, or a part of it", {"build": lambda: SHARED}),
    (SettingError, "sweep at lr=0.2: build must return a new network on each call",
     {"build": lambda: tw.Sequential(PART, tw.Dense(1))}),
    # data
    (ShapeError, "sweep at lr=0.1: fit: X has 5 rows, but y has 6", {"X": X[:5]}),
    (DataError, "fit: X holds nan at [0, 0]", {"X": [[np.nan, 0, 0], *X[1:]]}),
    (DataError, "fit: X has 18 numbers too large for float32", {"X": X * 1e300}),
    (TalwegError, "X must hold numbers", {"X": [["a", "b", "c"]] * 6}),
    (SettingError, "sweep at validation=0.01: fit: validation=0.01 of 6 rows leaves no row",
     {"over": {"validation": [0.5, 0.01]}}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "words", "given"), CASES, ids=[c[1][:40] for c in CASES])
def test_refused_before_anything_is_trained(monkeypatch, error, words: str, given) -> None:
    monkeypatch.setattr("talweg.train.search.bracket.Executor", None)  # what trains
    given = {"build": build, "X": X, "y": Y, "over": RATES, "progress": False, **given}
    with pytest.raises(error, match=re.escape(words)):
        tw.sweep(given.pop("build"), given.pop("X"), given.pop("y"), **given)


def test_an_error_in_build_names_the_point() -> None:
    def broken(hidden: int) -> tw.Sequential:
        return build([2, 4][hidden])

    with pytest.raises(IndexError) as raised:
        tw.sweep(broken, X, Y, over={"hidden": [0, 2]})
    assert raised.value.__notes__ == ["(sweep at hidden=2)"]


def test_weights_that_are_not_finite_are_named_with_the_point() -> None:
    def broken(seed: int) -> tw.Sequential:
        net = build()
        net.weights = {"0.bias": [0, np.nan if seed else 0]}
        return net

    words = r"sweep at seed=1: fit: 0\.bias holds NaN or infinity before the first step"
    with pytest.raises(DataError, match=words):
        tw.sweep(broken, X, Y, over={"seed": [0, 1]})


def test_starting_weights_of_another_shape_are_named() -> None:
    def given(width: int) -> tw.Sequential:
        net = build()
        net.weights = {"0.bias": np.zeros(width)}
        return net

    with pytest.raises(ShapeError, match="sweep at width=3: "):
        tw.sweep(given, X, Y, over={"width": [2, 3]})
