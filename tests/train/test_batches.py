"""The last batch of an epoch is filled up, and nobody may notice."""

import numpy as np
import pytest

import talweg as tw
from talweg.engine.batches import evaluation_batches, filled_up
from talweg.engine.program import Rows

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(6, 1))


class Centred(tw.Module):
    """Takes the mean of the batch away: a row's prediction depends on the rows beside it."""

    def __init__(self) -> None:
        self.out = tw.Dense(1)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.out(x - x.mean(axis=0))


def test_a_batch_is_filled_with_copies_that_weigh_nothing() -> None:
    rows = Rows(X, Y, np.ones(6))
    x, y, weights, count = filled_up(rows, slice(4, 6), 4, 2.0)
    np.testing.assert_array_equal(x, X[[4, 5, 4, 4]])
    np.testing.assert_array_equal(y, Y[[4, 5, 4, 4]])
    assert weights.tolist() == [1, 1, 0, 0] and count == 2


def test_evaluation_sees_each_row_once() -> None:
    rows = Rows(X, Y, np.arange(1.0, 7))
    batches = list(evaluation_batches(rows, 4))
    assert sum(weights.sum() for _, _, weights, _ in batches) == 21
    assert {float(count) for *_, count in batches} == {21}


def test_a_row_of_zeros_could_break_what_a_copy_does_not() -> None:
    """log(0) is infinite, and an infinite loss times a weight of 0 is no number."""
    net = tw.Sequential(tw.log, tw.Dense(1))
    run = tw.fit(net, np.abs(X) + 1, Y, batch_size=4, epochs=3)
    assert run.failure is None


def test_a_net_that_mixes_rows_is_refused_where_a_batch_must_be_filled() -> None:
    with pytest.raises(tw.SettingError, match="mixes the rows of a batch"):
        tw.fit(Centred(), X, Y, batch_size=4, epochs=1)
    assert tw.fit(Centred(), X, Y, batch_size=3, epochs=1).epochs == 1
    assert tw.fit(Centred(), X, Y, batch_size=None, epochs=1).epochs == 1


def test_a_net_that_mixes_rows_is_refused_where_validation_is_cut() -> None:
    held = np.ones((1025, 3)), np.ones(1025)
    with pytest.raises(tw.SettingError, match="at most 1024 rows for validation"):
        tw.fit(Centred(), X, Y, batch_size=None, epochs=1, validation=held)
