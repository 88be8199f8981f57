"""Every activation against plain NumPy, one row for each."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.errors import SettingError
from talweg.nn import ACTIVATIONS
from talweg.nn.activations import as_activation

SHAPES = [(1, 1), (1, 5), (5, 1), (4, 3), (0, 3), (2, 3, 4)]
TOLERANCE = {"float32": {"rtol": 2e-6, "atol": 1e-6}, "float64": {"rtol": 1e-13, "atol": 1e-14}}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


REFERENCE = {
    "identity": lambda x: x,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: x * (x > 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": elu,
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf, otypes="d")(x / math.sqrt(2))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softmax": softmax,
}
AT_1000 = {  # values at -1000 and at 1000; softmax sees them side by side
    "identity": (-1000, 1000),
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, 1000),
    "leaky_relu": (-10, 1000),
    "elu": (-1, 1000),
    "selu": (-1.7580993408473766, 1050.7009873554805),
    "gelu": (0, 1000),
    "silu": (0, 1000),
    "softplus": (0, 1000),
    "softmax": (0, 1),
}


def draw(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers between -3 and 3, none within 0.01 of the kink at 0."""
    x = np.random.default_rng(0).uniform(-3, 3, shape)
    return x + np.where(x < 0, -0.01, 0.01)


def test_the_tables_are_complete() -> None:
    assert set(REFERENCE) == set(AT_1000) == set(ACTIVATIONS)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", REFERENCE)
def test_value(name: str, shape: tuple[int, ...], dtype: str) -> None:
    x = draw(shape)
    found = ACTIVATIONS[name].function(tw.tensor(x.astype(dtype)))
    assert found.dtype == dtype
    assert_allclose(found.value, REFERENCE[name](x), **TOLERANCE[dtype])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", REFERENCE)
def test_gradients_of_first_and_second_order(name: str, shape: tuple[int, ...]) -> None:
    tw.check_gradients(ACTIVATIONS[name].function, draw(shape), order=2, rtol=2e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", REFERENCE)
def test_far_from_zero(name: str, dtype: str) -> None:
    x = tw.tensor(np.array([[-1000.0, 1000.0]], dtype=dtype))
    output = ACTIVATIONS[name].function(x)
    output.backward(np.ones((1, 2), dtype))
    assert_allclose(output.value, [AT_1000[name]], rtol=1e-6)
    assert np.isfinite(x.grad).all()


def test_selu_keeps_mean_0_and_variance_1() -> None:
    output = ACTIVATIONS["selu"].function(tw.tensor(np.random.default_rng(0).normal(size=100_000)))
    assert_allclose([output.value.mean(), output.value.var()], [0, 1], atol=0.02)


def test_an_activation_may_be_any_function_of_a_tensor() -> None:
    net = tw.Sequential(tw.Dense(1, lambda x: x * x, init=3.0)).init([[1.0]])
    assert net.predict([[2.0]]).item() == 36


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("sigmod", "Did you mean 'sigmoid'?"),
        ("ReLU", "Did you mean 'relu'?"),
        (3, "an activation is a name or a function, but 3 was given"),
    ],
)
def test_unknown(given, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        as_activation(given)
    assert words in str(raised.value)
