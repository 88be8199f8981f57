"""Embeddings: shapes, initial values, invalid codes, and training as with a one-hot product."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw

RANDOM = np.random.default_rng(0)
LEVELS, SIZE = 7, 3
CODES = RANDOM.integers(0, LEVELS, (40, 2))
TABLE = RANDOM.normal(size=(LEVELS, SIZE))
Y = RANDOM.normal(size=(LEVELS, 2))[CODES].sum(axis=1)
BOTH_ENGINES = pytest.mark.parametrize("engine", ["numpy", "native"])


class Looked(tw.Module):
    """Codes (N, K) through one table to two numbers."""

    def __init__(self) -> None:
        self.rows, self.out = tw.Embedding(LEVELS, SIZE, init=TABLE), tw.Dense(2, init="ones")

    def __call__(self, x):
        return self.out(self.rows(x).reshape(len(x), -1))


class Hot(Looked):
    """The same with products of one-hot rows."""

    def __call__(self, x):
        table = self.parameter("table", TABLE.shape, TABLE)
        hot = tw.one_hot(tw.cast(x, "int64"), classes=LEVELS, dtype=x.dtype)
        return self.out((hot @ table).reshape(len(x), -1))


@pytest.mark.parametrize("shape", [(0,), (1,), (6,), (6, 1), (6, 4), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
def test_each_code_gives_its_row(shape, dtype) -> None:
    codes = RANDOM.integers(0, LEVELS, shape).astype(dtype)
    found = tw.Embedding(LEVELS, SIZE).apply({"weight": TABLE}, codes)
    assert_array_equal(found.array, TABLE[codes.astype(int)])
    assert found.shape == (*shape, SIZE)


@BOTH_ENGINES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 7, None])
def test_it_trains_as_one_hot_rows_do(batch_size, dtype, engine) -> None:
    weights = []
    for make in (Looked, Hot):
        net = make()
        net.dtype = dtype
        net.init(CODES, seed=1)
        tw.fit(net, CODES, Y, epochs=3, batch_size=batch_size, optimizer="adam", engine=engine)
        weights.append(net.weights.flat.copy())
    assert_allclose(*weights, rtol=0, atol=1e-5 if dtype == "float32" else 1e-12)
    assert (weights[0][: TABLE.size] != TABLE.ravel()).any()


def test_the_vector_of_an_unused_category_does_not_change() -> None:
    net = Looked().init(CODES, seed=1)
    few = CODES % 3
    tw.fit(net, few, Y, epochs=3, optimizer=tw.SGD(lr=0.1))
    table = net.weights["rows.weight"]
    assert_array_equal(table[3:], TABLE[3:].astype(np.float32))
    assert (table[:3] != TABLE[:3].astype(np.float32)).any()


def test_it_starts_from_a_standard_normal() -> None:
    table = tw.Embedding(2_000, 10).init(np.zeros(1), seed=1).weights["weight"]
    assert table.mean() == pytest.approx(0, abs=0.03)
    assert table.std() == pytest.approx(1, abs=0.03)
    assert (tw.Embedding(3, 2, init="zeros").init(np.zeros(1)).weights["weight"] == 0).all()


@pytest.mark.parametrize("code", [-1, LEVELS, 2**40, -(2**40)])
def test_a_code_outside_the_table_gives_nan(code) -> None:
    net = Looked()
    net.dtype = "float64"
    net.init(CODES)
    X = CODES.astype(float)
    X[5, 1] = code
    found = [net.predict(X), net(X).value]
    for each in found:
        assert np.isnan(each[5]).all() and np.isfinite(np.delete(each, 5, 0)).all()


@BOTH_ENGINES
def test_a_run_ends_with_an_error_for_a_code_outside_the_table(engine) -> None:
    X = CODES.copy()
    X[33, 0] = LEVELS
    with pytest.warns(tw.TrainingWarning, match="Give codes from 0 to 6, or a table of more rows"):
        run = tw.fit(Looked(), X, Y, epochs=2, engine=engine)
    assert run.failure is not None
    assert (run.failure.gate, run.failure.layer) == ("take", "rows")


def test_invalid_embeddings_are_refused() -> None:
    for levels, size in [(0, 2), (2, 0), (2.5, 2), (2**24 + 1, 2)]:
        with pytest.raises(tw.SettingError, match="Embedding"):
            tw.Embedding(levels, size)
    with pytest.raises(tw.DtypeError, match="must be integers"):
        tw.take(TABLE, tw.tensor(np.ones(3)))


def test_repr_and_summary() -> None:
    net = Looked().init(CODES)
    assert "Embedding(7, 3)       (N, 2, 3)  21" in net.summary()
