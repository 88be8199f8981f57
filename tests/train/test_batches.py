"""Copies of rows fill up the last batch of an epoch without any effect."""

import numpy as np
import pytest

import talweg as tw
from talweg.engine.run.rows import Rows, evaluation_batches, filled_up
from talweg.nn import ACTIVATIONS
from talweg.train.run.rows import mixes_rows

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(6, 1))


class Centred(tw.Module):
    """Subtracts the mean of the batch, so a prediction depends on the other rows."""

    def __init__(self) -> None:
        self.out = tw.Dense(1)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.out(x - x.mean(axis=0))


def test_copies_of_weight_0_fill_up_a_batch() -> None:
    rows = Rows(X, Y, np.ones(6))
    x, y, weights, count = filled_up(rows, slice(4, 6), 4, 2.0)
    np.testing.assert_array_equal(x, X[[4, 5, 4, 4]])
    np.testing.assert_array_equal(y, Y[[4, 5, 4, 4]])
    assert weights.tolist() == [1, 1, 0, 0] and count == 2


def test_evaluation_uses_each_row_once() -> None:
    rows = Rows(X, Y, np.arange(1.0, 7))
    batches = list(evaluation_batches(rows, 4))
    assert sum(weights.sum() for _, _, weights, _ in batches) == 21
    assert {float(count) for *_, count in batches} == {21}


def test_a_batch_filled_with_zeros_could_become_non_finite() -> None:
    """log(0) is infinite, and an infinite loss times a weight of 0 is NaN."""
    net = tw.Sequential(tw.log, tw.Dense(1))
    run = tw.fit(net, np.abs(X) + 1, Y, batch_size=4, epochs=3)
    assert run.failure is None


def test_a_net_that_mixes_rows_needs_full_batches() -> None:
    with pytest.raises(tw.SettingError, match="combines the rows of a batch"):
        tw.fit(Centred(), X, Y, batch_size=4, epochs=1)
    assert tw.fit(Centred(), X, Y, batch_size=3, epochs=1).epochs == 1
    assert tw.fit(Centred(), X, Y, batch_size=None, epochs=1).epochs == 1


def test_a_net_that_mixes_rows_needs_full_validation_batches() -> None:
    held = np.ones((1025, 3)), np.ones(1025)
    with pytest.raises(tw.SettingError, match="at most 1024 validation rows"):
        tw.fit(Centred(), X, Y, batch_size=None, epochs=1, validation=held)


MIXERS = {
    "the mean": lambda x: x - x.mean(axis=0),
    "the largest": lambda x: x - x.max(axis=0),
    "a neighbour": lambda x: tw.concatenate([x[1:], x[:1]]),
}


@pytest.mark.parametrize("mixer", MIXERS.values(), ids=list(MIXERS))
@pytest.mark.parametrize("seed", range(4))
def test_nets_that_mix_rows_are_detected_for_any_data(mixer, seed) -> None:
    x = np.random.default_rng(seed).normal(size=(30, 3))
    x[15] = x[0]
    with pytest.raises(tw.SettingError, match="combines the rows"):
        tw.fit(tw.Sequential(mixer, tw.Dense(1)), x, x[:, 0], batch_size=8, epochs=1)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nets_that_do_not_mix_rows_pass(activation, dtype) -> None:
    """Every bit is equal, since BLAS treats products of the same shape alike."""
    x = 10 * np.random.default_rng(1).normal(size=(33, 17))
    net = tw.Sequential(tw.Dense(129, activation), tw.Dense(7, activation), dtype=dtype).init(x)
    assert not mixes_rows(net, Rows(x, x, np.ones(33)))


@pytest.mark.parametrize("shrink", [lambda x: x[:1], lambda x: x.mean(), lambda x: x.mean(0)])
def test_a_net_gives_one_prediction_for_each_row(shrink) -> None:
    """Otherwise one prediction would be broadcast over all targets."""
    for batch_size in (None, 4):
        with pytest.raises(tw.ShapeError):
            tw.fit(tw.Sequential(tw.Dense(1), shrink), X, Y, batch_size=batch_size, epochs=1)
