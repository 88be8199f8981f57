"""Initializers: shapes, standard deviations, names, and the same weights for the same seed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.errors import SettingError, ShapeError
from talweg.nn.initializers import INITIALIZERS, Given, as_initializer, fans
from talweg.random import INITIAL_WEIGHTS, generator

D, H = 400, 300
SHAPES = [(D, H), (H,), (1, 1), (3, 3, 4, 8), (0, 5), ()]
# name: mean, variance and largest size of a (D, H) weight
SPREADS = {
    "uniform": (0.5, 1 / 12, 1),
    "normal": (0, 0.05**2, None),
    "glorot_uniform": (0, 2 / (D + H), np.sqrt(6 / (D + H))),
    "glorot_normal": (0, 2 / (D + H), None),
    "he_uniform": (0, 2 / D, np.sqrt(6 / D)),
    "he_normal": (0, 2 / D, None),
    "lecun_uniform": (0, 1 / D, np.sqrt(3 / D)),
    "lecun_normal": (0, 1 / D, None),
    "orthogonal": (0, 1 / D, 1),
    "zeros": (0, 0, 0),
    "ones": (1, 0, 1),
}


def drawn(given, shape=(D, H), seed: int = 0) -> np.ndarray:
    return as_initializer(given)(shape, generator(seed, INITIAL_WEIGHTS))


def test_the_table_is_complete() -> None:
    assert set(SPREADS) == set(INITIALIZERS)


@pytest.mark.quick("[!o]*")  # all but orthogonal, which has a test of its own
@pytest.mark.parametrize("name", SPREADS)
def test_mean_and_variance(name: str) -> None:
    mean, variance, reach = SPREADS[name]
    values = drawn(name)
    assert_allclose(values.mean(), mean, atol=4 * np.sqrt(variance / values.size))
    assert_allclose(values.var(), variance, rtol=0.02, atol=1e-15)
    if reach is not None:
        assert np.abs(values).max() <= reach


@pytest.mark.quick("[!o]*")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SPREADS)
def test_shape_dtype_and_seed(name: str, shape: tuple[int, ...]) -> None:
    values = drawn(name, shape)
    assert np.shape(values) == shape
    assert np.asarray(values).dtype == "float64"
    np.testing.assert_array_equal(values, drawn(name, shape))
    if SPREADS[name][1] and np.size(values) > 4:
        assert not np.array_equal(values, drawn(name, shape, seed=1))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 5), (3, 5)), ((7,), (7, 7)), ((2, 3, 4, 8), (24, 8)), ((), (1, 1))],
)
def test_fans(shape, expected) -> None:
    assert fans(shape) == expected


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (1, 3), (2, 3, 4)], ids=str)
def test_orthogonal(shape: tuple[int, ...], gain: float) -> None:
    w = drawn(tw.Orthogonal(gain), shape).reshape(-1, shape[-1])
    product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    assert_allclose(product, gain**2 * np.eye(min(w.shape)), atol=1e-14)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.25, np.full((2, 2), 0.25)),
        (np.float32(2), np.full((2, 2), 2)),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (np.eye(2), np.eye(2)),
        (tw.Constant(7), np.full((2, 2), 7)),
        (lambda shape, random: np.arange(4.0).reshape(shape), [[0, 1], [2, 3]]),
    ],
)
def test_given_values(given, expected) -> None:
    np.testing.assert_array_equal(drawn(given, (2, 2)), expected)


def test_uniform_and_normal_have_their_settings() -> None:
    values = drawn(tw.Uniform(-2, 3))
    assert -2 <= values.min() < -1.9 and 2.9 < values.max() < 3
    assert_allclose(drawn(tw.Normal(0.5, mean=4)).mean(), 4, atol=0.01)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: as_initializer("he_unifrom"), SettingError, "Did you mean 'he_uniform'?"),
        (lambda: tw.Normal(stddev=0), SettingError, "stddev must be a number above 0"),
        (lambda: tw.Uniform(low=float("nan")), SettingError, "low must be a number"),
        (lambda: tw.Glorot("gaussian"), SettingError, "one of 'uniform', 'normal'"),
        (lambda: tw.Orthogonal(gain=-1), SettingError, "gain must be a number above 0"),
        (lambda: Given([1, 2])((3,), None), ShapeError, "have shape (2,), the parameter (3,)"),
        (lambda: tw.Dense(2, bias_init=None), SettingError, "not None"),
        (lambda: tw.Dense(2, init=["a"]), SettingError, "not ['a']"),
    ],
)
def test_refused(make, error, words: str) -> None:
    with pytest.raises(error) as raised:
        make()
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        *((each, "glorot_uniform") for each in ("identity", "sigmoid", "tanh", "softmax")),
        *((each, "he_uniform") for each in ("relu", "leaky_relu", "elu", "gelu", "silu")),
        ("softplus", "he_uniform"),
        ("selu", "lecun_normal"),
    ],
)
def test_a_dense_layer_has_the_initializer_of_its_activation(activation: str, name: str) -> None:
    net = tw.Sequential(tw.Dense(H, activation)).init(np.zeros((1, D)), seed=3)
    expected = INITIALIZERS[name]((D, H), generator(3, INITIAL_WEIGHTS, 0))
    np.testing.assert_array_equal(net.weights["0.weight"], expected.astype("float32"))
    assert not net.weights["0.bias"].any()


def test_two_layers_of_one_shape_start_with_different_weights() -> None:
    weights = tw.Sequential(tw.Dense(4), tw.Dense(4)).init(np.zeros((1, 4))).weights
    assert not np.array_equal(weights["0.weight"], weights["1.weight"])


def test_a_float32_net_starts_with_rounded_float64_weights() -> None:
    X = np.zeros((1, 3))
    wide = tw.Sequential(tw.Dense(4), dtype="float64").init(X, seed=1).weights.flat
    narrow = tw.Sequential(tw.Dense(4)).init(X, seed=1).weights.flat
    np.testing.assert_array_equal(narrow, wide.astype("float32"))
