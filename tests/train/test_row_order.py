"""The order of rows: a permutation that depends on seed and epoch alone."""

import numpy as np
import pytest

from talweg.random import generator, row_order


@pytest.mark.parametrize("rows", [0, 1, 2, 5, 4096, 100_003])
def test_a_permutation(rows: int) -> None:
    np.testing.assert_array_equal(np.sort(row_order(7, 3, rows)), np.arange(rows))


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1])
def test_the_same_for_the_same_seed_and_epoch(seed: int) -> None:
    np.testing.assert_array_equal(row_order(seed, 5, 50), row_order(seed, 5, 50))


def test_another_for_another_seed_or_epoch() -> None:
    orders = {tuple(row_order(seed, epoch, 20)) for seed in range(20) for epoch in range(1, 21)}
    assert len(orders) == 400


def test_the_order_depends_on_no_earlier_epoch_and_no_global_state() -> None:
    alone = row_order(1, 9, 30)
    np.random.seed(0)
    for epoch in range(1, 9):
        row_order(1, epoch, 30)
        np.random.random()
    np.testing.assert_array_equal(row_order(1, 9, 30), alone)


def test_every_row_comes_equally_often_to_every_position() -> None:
    """Chi-square of 5,000 orders of 6 rows: 36 cells of 833, 25 degrees of freedom."""
    orders = np.array([row_order(3, epoch, 6) for epoch in range(1, 5001)])
    counts = np.array([np.bincount(orders[:, place], minlength=6) for place in range(6)])
    expected = 5000 / 6
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert 10 < chi_square < 55  # all but about 1 in 1,000 at either end


def test_neighbouring_epochs_and_seeds_are_unrelated() -> None:
    def together(one: np.ndarray, other: np.ndarray) -> float:
        return abs(np.corrcoef(one, other)[0, 1])

    first = row_order(0, 1, 10_000)
    assert together(first, row_order(0, 2, 10_000)) < 0.05
    assert together(first, row_order(1, 1, 10_000)) < 0.05
    assert together(first, np.arange(10_000)) < 0.05


def test_the_orders_of_a_seed_are_fixed() -> None:
    """Another order would change every published run."""
    assert row_order(0, 1, 8).tolist() == [4, 3, 0, 1, 5, 6, 2, 7]
    assert row_order(42, 7, 8).tolist() == [0, 5, 7, 3, 2, 6, 4, 1]


def test_streams_for_different_purposes_differ() -> None:
    draws = {
        tuple(generator(5, purpose, index).integers(0, 2**63, 4))
        for purpose in range(3)
        for index in range(50)
    }
    assert len(draws) == 150
