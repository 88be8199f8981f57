"""The flat parameter vector and its live views: reading, writing, and refusals."""

import numpy as np
import pytest

import talweg as tw
from talweg.errors import RecordingError, ShapeError, TalwegError

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.fixture
def net() -> tw.Sequential:
    return tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(1)).init(X, seed=1)


def test_views_write_through_in_both_directions(net: tw.Sequential) -> None:
    weights = net.weights
    assert weights.flat.dtype == "float32" and weights.flat.shape == (21,)
    start = 0
    for name, view in weights.items():
        assert np.shares_memory(view, weights.flat)
        view[...] = start
        assert (weights.flat[start : start + view.size] == start).all(), name
        start += view.size
    weights.flat[:] = 0.5
    assert (weights["1.bias"] == 0.5).all()


@pytest.mark.parametrize("change", ["view", "flat", "assign", "in place", "mapping", "update"])
def test_a_change_reaches_the_next_prediction(net: tw.Sequential, change: str) -> None:
    before = net.predict(X)
    match change:
        case "view":
            net.weights["1.bias"][0] += 1
        case "flat":
            net.weights.flat[-1] += 1
        case "assign":
            net.weights["1.bias"] = [1]
        case "in place":
            net.weights["1.bias"] += 1
        case "mapping":
            net.weights = {"1.bias": [1.0]}
        case "update":
            net.weights.update({"1.bias": np.ones(1)})
    np.testing.assert_allclose(net.predict(X), before + 1, rtol=1e-5)


def test_the_views_outlive_training(net: tw.Sequential) -> None:
    view, start = net.weights["0.weight"], net.weights.copy()
    tw.fit(net, X, X.sum(axis=1), epochs=3)
    assert np.shares_memory(view, net.weights["0.weight"])
    assert not np.array_equal(view, start["0.weight"])
    net.weights = start
    np.testing.assert_array_equal(net.weights["0.weight"], start["0.weight"])


def test_weights_given_before_the_data() -> None:
    net = tw.Sequential(tw.Dense(2), dtype="float64")
    net.weights = {"0.weight": [[1, 2], [3, 4]], "0.bias": [5, 6]}
    np.testing.assert_array_equal(net.predict([[1.0, 1.0]]), [[9, 12]])


def test_some_weights_given_and_the_rest_drawn() -> None:
    net, plain = (tw.Sequential(tw.Dense(4), tw.Dense(1)) for _ in range(2))
    net.weights = {"1.weight": np.ones((4, 1))}
    net.init(X, seed=3)
    np.testing.assert_array_equal(net.weights["1.weight"], np.ones((4, 1)))
    np.testing.assert_array_equal(
        net.weights["0.weight"], plain.init(X, seed=3).weights["0.weight"]
    )


def test_given_weights_are_copied() -> None:
    given = np.ones((3, 1))
    net = tw.Sequential(tw.Dense(1, bias=False), dtype="float64")
    net.weights = {"0.weight": given}
    tw.fit(net, X, X.sum(axis=1) * 2, epochs=3)
    assert (given == 1).all()


def test_too_few_weights_given_and_no_init() -> None:
    net = tw.Sequential(tw.Dense(1))
    net.weights = {"0.weight": np.ones((3, 1))}
    with pytest.raises(ShapeError, match=r"0\.bias: no weights were given; give all"):
        net.predict(X)
    assert not net.is_initialized


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"0.wieght": np.zeros((3, 4))}, TalwegError, "Did you mean '0.weight'?"),
        ({"2.weight": np.zeros((3, 4))}, TalwegError, "no parameter is called '2.weight'"),
        ({"0.bias": np.zeros(4), "0.weight": np.zeros((4, 3))}, ShapeError,
         "0.weight: values of shape (4, 3) were given, but (3, 4) is needed"),
        ({"0.bias": np.zeros(4), "1.bias": 0.0}, ShapeError, "1.bias: values of shape () were"),
        ({"0.weight": np.zeros((3, 4)), "0.bias": list("abcd")}, Exception, "0.bias"),
    ],
)  # fmt: skip
def test_a_refused_assignment_changes_nothing(net: tw.Sequential, given, error, words: str) -> None:
    start = net.weights.flat.copy()
    with pytest.raises(error) as raised:
        net.weights = given
    np.testing.assert_array_equal(net.weights.flat, start)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"0.wieght": np.zeros((3, 1))}, "Did you mean '0.weight'?"),
        (
            {"0.weight": np.zeros((1, 3))},
            "0.weight: weights of shape (1, 3) were given, but (3, 1)",
        ),
    ],
)
def test_wrong_initial_weights_are_refused_by_init(given, words: str) -> None:
    net = tw.Sequential(tw.Dense(1))
    net.weights = given
    with pytest.raises(TalwegError) as raised:
        net.init(X)
    assert words in str(raised.value)
    with pytest.raises(RecordingError):
        _ = net.weights


def test_weights_are_a_mapping_of_fixed_names(net: tw.Sequential) -> None:
    assert len(net.weights) == 4 and "0.bias" in net.weights and "2.bias" not in net.weights
    assert "0.weight: float32[3, 4]" in repr(net.weights)
    with pytest.raises(TalwegError, match="cannot be deleted"):
        del net.weights["0.bias"]
