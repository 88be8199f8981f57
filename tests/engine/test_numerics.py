"""Functions of `talweg.numerics`: as accurate as NumPy's, and the same bits everywhere."""

import hashlib
import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from talweg import numerics

RANDOM = np.random.default_rng(0)
ELEMENTARY = pytest.mark.parametrize("name", ["exp", "log"])
INPUTS = {
    "exp": np.concatenate([RANDOM.uniform(-744, 709, 1000), RANDOM.normal(size=1000)]),
    "log": np.concatenate([2.0 ** RANDOM.uniform(-1074, 1023, 1000), RANDOM.uniform(0.5, 2, 1000)]),
}
SPECIAL = [0.0, -0.0, 1.0, -1.0, -2.0, 5e-324, 1000.0, -1000.0, np.inf, -np.inf, np.nan]


def ulps(found: float, expected: object) -> float:
    """The error in units in the last place."""
    return abs(float((found - expected) / math.ulp(float(abs(expected)))))


# Elementary functions -----------------------------------------------------------------------------


@ELEMENTARY
def test_the_error_is_below_one_unit_in_the_last_place(name: str) -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(120):
        pairs = zip(INPUTS[name].tolist(), getattr(numerics, name)(INPUTS[name]), strict=True)
        exact = getattr(mpmath, name)
        assert max(ulps(found, exact(mpmath.mpf(x))) for x, found in pairs) < 1


@ELEMENTARY
@pytest.mark.parametrize("count", [1, len(SPECIAL)])
def test_special_values_are_those_of_numpy(name: str, count: int) -> None:
    with np.errstate(all="ignore"):
        for first in range(0, len(SPECIAL), count):
            x = np.array(SPECIAL[first : first + count])
            found, expected = getattr(numerics, name)(x), getattr(np, name)(x)
            assert_allclose(found, expected, rtol=1e-15)


@ELEMENTARY
def test_a_number_has_the_bits_that_it_has_in_any_array(name: str) -> None:
    function, one = getattr(numerics, name), getattr(numerics, f"{name}_of")
    x = np.tile(INPUTS[name], 10)[:20_000].reshape(4, 5, -1)
    found = function(x)
    assert found.shape == x.shape
    assert_array_equal(found, np.reshape([one(number) for number in x.ravel().tolist()], x.shape))
    assert_array_equal(found[0, 0, :3], function(x[0, 0, :3]))


@ELEMENTARY
def test_shapes(name: str) -> None:
    function: Callable[..., np.ndarray] = getattr(numerics, name)
    for shape in ((), (0,), (0, 3), (2, 1), (100, 3)):
        assert function(np.ones(shape, np.float32)).shape == shape
    assert function(2).dtype == np.float64


def test_powers() -> None:
    mpmath = pytest.importorskip("mpmath")
    pairs = zip(RANDOM.uniform(0.1, 2, 300), RANDOM.uniform(-20, 20, 300), strict=True)
    for x, y in [(float(x), float(y)) for x, y in pairs]:
        with mpmath.workprec(120):
            assert_allclose(numerics.power(x, y), float(mpmath.mpf(x) ** mpmath.mpf(y)), 1e-14)
    whole = [(2, 10, 1024), (10, -2, 0.01), (-3, 3, -27), (0, 0, 1), (0.5, 4.0, 1 / 16)]
    assert [numerics.power(x, y) for x, y, _ in whole] == [expected for *_, expected in whole]


def test_half_a_cosine() -> None:
    t = np.linspace(0, 1, 1001)
    found = [numerics.half_cosine(fraction) for fraction in t.tolist()]
    assert_allclose(found, (1 + np.cos(np.pi * t)) / 2, atol=4e-16)
    assert found[0] == 1 and found[-1] == 0 and (np.diff(found) < 0).all()


# Vectors and matrices -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 0, 2), (20, 7, 5), (6, 3000, 4)], ids=str)
def test_products_of_matrices(shape: tuple[int, int, int]) -> None:
    rows, shared, columns = shape
    a, b = RANDOM.normal(size=(rows, shared)), RANDOM.normal(size=(shared, columns))
    a[:, ::2] *= 1e-3
    exact = [
        [math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in b.T] for row in a
    ]
    assert_allclose(
        numerics.matmul(a, b), np.reshape(exact, (rows, columns)), rtol=1e-12, atol=1e-13
    )


def test_the_order_of_the_products_changes_no_bit() -> None:
    """As another BLAS would sum them in another order."""
    a, b = RANDOM.normal(size=(5, 400)), RANDOM.normal(size=(400, 3))
    order = RANDOM.permutation(400)
    assert not np.array_equal(a @ b, a[:, order] @ b[order])
    assert_array_equal(numerics.matmul(a, b), numerics.matmul(a[:, order], b[order]))


def test_dot_and_norm() -> None:
    a, x = RANDOM.normal(size=(30, 200)), RANDOM.normal(size=200)
    assert_allclose(numerics.dot(a, x), a @ x, rtol=1e-12, atol=1e-13)
    assert_allclose(numerics.norm(x), np.linalg.norm(x), rtol=1e-15)


@pytest.mark.parametrize("size", [1, 2, 40])
def test_the_inverse_of_a_positive_definite_matrix(size: int) -> None:
    root = RANDOM.normal(size=(2 * size, size))
    a = root.T @ root + np.eye(size)
    before = a.copy()
    assert_allclose(numerics.inverse(a) @ a, np.eye(size), atol=1e-12)
    assert_array_equal(a, before)


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (9, 4), (80, 75), (200, 40), (4, 0)], ids=str)
def test_orthonormal_columns(shape: tuple[int, int]) -> None:
    a = RANDOM.normal(size=shape)
    q, r = np.linalg.qr(a)
    found = numerics.orthonormal(a)
    assert_allclose(found, q * np.sign(np.diagonal(r)), atol=1e-11)
    assert_allclose(found.T @ found, np.eye(shape[1]), atol=1e-14)


# Bits ---------------------------------------------------------------------------------------------


BITS = {
    "exp": "a405315f",
    "log": "2a91219c",
    "power": "d85e34d9",
    "half_cosine": "111704b6",
    "dot": "5da8060e",
    "matmul": "856f8222",
    "inverse": "b0b55384",
    "orthonormal": "f690458e",
}


def test_the_bits_are_those_of_every_processor() -> None:
    """Recorded on x86-64; 64-bit ARM gave the same."""
    numbers = np.random.default_rng(5).random((60, 40))
    results = {
        "exp": numerics.exp(40 * numbers - 30),
        "log": numerics.log(3 * numbers),
        "power": [numerics.power(float(x), 30.7) for x in numbers[0]],
        "half_cosine": [numerics.half_cosine(float(x)) for x in numbers[0]],
        "dot": numerics.dot(numbers, numbers[0]),
        "matmul": numerics.matmul(numbers, numbers.T),
        "inverse": numerics.inverse(numerics.matmul(numbers.T, numbers) + np.eye(40)),
        "orthonormal": numerics.orthonormal(numbers),
    }
    found = {
        name: hashlib.sha256(np.array(array).tobytes()).hexdigest()[:8]
        for name, array in results.items()
    }
    assert found == BITS
