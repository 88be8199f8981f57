"""Operators on tensors agree with NumPy, on either side of an array."""

import operator

import numpy as np
import pytest

import talweg as tw
from talweg.graph import Tensor, tensor

X = np.array([[0.5, -1.0, 2.0], [3.0, -0.25, 1.5]])
Y = np.array([2.0, -1.0, 0.5])
same = np.testing.assert_array_equal

BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv),
    *(operator.gt, operator.lt, operator.ge, operator.le),
]
OTHERS = {"tensor": tensor(Y), "array": Y, "number": 2.0, "int": 2, "scalar": np.float64(0.5)}


@pytest.mark.parametrize("operation", BINARY)
@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
def test_an_operator_on_either_side(operation, other) -> None:
    plain = other.value if isinstance(other, Tensor) else other
    ahead, behind = operation(tensor(X), other), operation(other, tensor(X))
    assert isinstance(ahead, Tensor) and isinstance(behind, Tensor)
    same(ahead.value, operation(X, plain))
    same(behind.value, operation(plain, X))


@pytest.mark.parametrize("exponent", [2, 3.0, np.array([1.0, 2.0, 0.0]), tensor(2.0)])
def test_powers(exponent) -> None:
    plain = exponent.value if isinstance(exponent, Tensor) else exponent
    same((tensor(X) ** exponent).value, X**plain)
    same((2.0 ** tensor(X)).value, 2.0**X)
    same((abs(Y) ** tensor(X)).value, abs(Y) ** X)


def test_one_operand() -> None:
    same((-tensor(X)).value, -X)
    same(abs(tensor(X)).value, abs(X))
    same(tensor(X).T.value, X.T)
    assert len(tensor(X)) == 2
    same([row.value for row in tensor(X)], X)


@pytest.mark.parametrize("left", [(3,), (2, 3), (4, 2, 3)])
@pytest.mark.parametrize("right", [(3,), (3, 2), (4, 3, 2)])
def test_matmul_with_vectors_and_stacks(left, right) -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal(left), random.standard_normal(right)
    expected = np.matmul(x, y)
    for product in (tensor(x) @ tensor(y), x @ tensor(y), tensor(x) @ y):
        assert product.shape == expected.shape
        np.testing.assert_allclose(product.value, expected, rtol=1e-14)
    tw.check_gradients(tw.matmul, x, y, order=2)


def test_matmul_of_a_number_is_refused() -> None:
    with pytest.raises(tw.ShapeError, match="a single number has no axes"):
        tensor(X) @ 2.0


AXES = [None, 0, 1, -1, (0, 1), (-1, 0), ()]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_reductions(name: str, axis, keepdims: bool) -> None:
    expected = getattr(np, name)(X, axis=axis, keepdims=keepdims)
    for found in (
        getattr(tensor(X), name)(axis, keepdims),
        getattr(tw, name)(tensor(X), axis=axis, keepdims=keepdims),
        tensor(getattr(tw, name)(X, axis=axis, keepdims=keepdims)),
    ):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found.value, expected, rtol=1e-15)


def test_a_missing_axis_is_refused() -> None:
    with pytest.raises(tw.ShapeError, match=r"axis 2 does not exist in shape \(2, 3\)"):
        tensor(X).sum(axis=2)


@pytest.mark.parametrize("shape", [(3, 2), (-1,), (-1, 2), (2, -1, 1), ((6, 1),), ([3, -1],)])
def test_reshape(shape) -> None:
    same(tensor(X).reshape(*shape).value, X.reshape(*shape))
    same(tw.reshape(tensor(X), *shape).value, X.reshape(*shape))


def test_reshape_of_nothing() -> None:
    assert tensor(np.ones((0, 3))).reshape(-1).shape == (0,)
    assert tensor(np.ones((1, 1))).reshape(()).shape == ()


@pytest.mark.parametrize("shape", [(4,), (4, -1), (-1, -1)])
def test_a_reshape_that_does_not_fit_is_refused(shape) -> None:
    with pytest.raises(tw.ShapeError, match="reshape: 6 elements"):
        tensor(X).reshape(*shape)


def test_transpose_and_concatenate() -> None:
    cube = np.arange(24.0).reshape(2, 3, 4)
    same(tensor(cube).transpose(1, 2, 0).value, cube.transpose(1, 2, 0))
    same(tensor(cube).transpose(-1, 0, 1).value, cube.transpose(-1, 0, 1))
    for axis in (0, 1, -1):
        both = tw.concatenate([tensor(X), X], axis=axis)
        same(both.value, np.concatenate([X, X], axis=axis))
    with pytest.raises(tw.ShapeError, match="no pieces"):
        tw.concatenate([])


def test_argmax() -> None:
    same(tw.argmax(tensor(X)).value, X.argmax(axis=-1))
    same(tw.argmax(tensor(X), axis=0).value, X.argmax(axis=0))


def test_cumulative_sum() -> None:
    same(tw.cumulative_sum(tensor(X)).value, X.cumsum(axis=-1))
    backward = X[::-1].cumsum(axis=0)[::-1]
    same(tw.cumulative_sum(tensor(X), axis=0, reverse=True).value, backward)
    with pytest.raises(tw.ShapeError, match="axis 2 does not exist"):
        tw.cumulative_sum(tensor(X), axis=2)


# Indexing -----------------------------------------------------------------------------------

KEYS = [
    *(0, -1, np.int64(1), (0, 1), (-1, -1), slice(None), slice(1, None), slice(None, None, -1)),
    *((slice(None), 0), (..., 0), (0, ...), ..., None, (None, 0), (slice(None), None, slice(1, 3))),
    *((slice(None), slice(2, 0, -1)), slice(5, 9), (..., slice(-10, 2)), (1, slice(None, None, 2))),
    *((), (..., None), (slice(1, 0), 1)),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing(key) -> None:
    assert tensor(X)[key].shape == X[key].shape
    same(tensor(X)[key].value, X[key])
    tw.check_gradients(lambda x: x[key], X)


def test_a_negative_slice_that_starts_before_the_first_element() -> None:
    same(tensor(Y)[-10::-1].value, Y[-10::-1])


REFUSED_KEYS = [
    (2, tw.ShapeError, "index 2 is out of range for an axis of size 2"),
    ((0, 0, 0), tw.ShapeError, "3 indices for a tensor"),
    ([0, 1], tw.RecordingError, "but list was given"),
    (np.array([0, 1]), tw.RecordingError, "but ndarray was given"),
    (1.0, tw.RecordingError, "but float was given"),
    (True, tw.RecordingError, "but bool was given"),
    ((..., ...), tw.TalwegError, r"\.\.\."),
]


@pytest.mark.parametrize(
    ("key", "error", "words"), REFUSED_KEYS, ids=[str(r[0]) for r in REFUSED_KEYS]
)
def test_an_index_that_a_graph_cannot_hold_is_refused(key, error, words) -> None:
    with pytest.raises(error, match=words):
        tensor(X)[key]


# Number types -------------------------------------------------------------------------------

NARROW = tensor(Y, dtype="float32")
WEAK = {
    "float": 2.5,
    "int": 2,
    "np.float64": np.float64(2.5),
    "0-d array": np.array(2.5),
    "0-d tensor": tensor(2.5),
    "whole numbers": np.array([1, 2, 3]),
}


@pytest.mark.parametrize("other", WEAK.values(), ids=list(WEAK))
def test_numbers_take_the_dtype_beside_them(other) -> None:
    assert (NARROW * other).dtype == np.float32
    assert (other * NARROW).dtype == np.float32
    assert tw.maximum(NARROW, other).dtype == np.float32
    assert (tensor(Y) * other).dtype == np.float64


@pytest.mark.parametrize("other", [Y, tensor(Y)], ids=["array", "tensor"])
def test_arrays_of_two_float_types_are_refused(other) -> None:
    for product in (lambda: NARROW * other, lambda: other * NARROW):
        with pytest.raises(tw.DtypeError, match=r"multiply: .*float.*\(test_tensor_operators"):
            product()


def test_a_number_cast_to_float32_gets_its_gradient() -> None:
    factor = tensor(2.5, name="factor")
    (factor * NARROW).sum().backward()
    assert factor.grad == Y.sum() and factor.grad.dtype == np.float64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_operator_keeps_the_dtype(dtype: str) -> None:
    x = tensor(X, dtype=dtype)
    for each in (x + 1, 1 - x, 2 / x, x**2, 2**x, -x, x @ x.T, x.mean(), x.max(), x[0], x.T):
        assert each.dtype == dtype


def test_integers_become_float64_by_default() -> None:
    assert tensor([1, 2]).dtype == np.float64
    assert tensor([1, 2], dtype="int64").dtype == np.int64
    assert tw.constant([1, 2]).dtype == np.int64
    assert tensor(np.float32(1)).dtype == np.float32


@pytest.mark.parametrize("value", [1j, "oak", None, [[1], [2, 3]], np.float16(1), [object()]])
def test_non_numbers_are_refused(value) -> None:
    with pytest.raises(tw.DtypeError, match=r"test_tensor_operators\.py:"):
        tensor(value)


def test_the_advice_of_a_dtype_error_works() -> None:
    """The message says: convert one with tw.cast(x, dtype); use tw.cast(x, 'float32')."""
    assert tw.cast(NARROW, "float64").dtype == np.float64


# What a tensor says of itself -----------------------------------------------------------------


def test_a_tensor_describes_itself() -> None:
    w = tensor(X, name="w")
    assert (w.shape, w.ndim, w.size, w.dtype) == ((2, 3), 2, 6, np.float64)
    assert repr(tensor([1.0, 2.0], name="v")) == "tensor(v = [1. 2.], float64)"
    assert w.describe().startswith("input 'w' float64[2, 3] (test_tensor_operators.py:")
    assert (w * 2).named("twice").describe().startswith("multiply 'twice' float64[2, 3]")
    assert tw.constant(1.0).describe().startswith("constant float64[]")


def test_find_by_name() -> None:
    w = tensor(2.0, name="weight")
    assert ((w * 3).named("product") + 1).find("weight") is w
    with pytest.raises(tw.GraphError, match=r"no node is called 'wieght'. Did you mean 'weight'"):
        (w * 3).find("wieght")
