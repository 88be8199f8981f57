"""Counter-based randomness: a stream depends on its key and on nothing else."""

import numpy as np
import pytest

from talweg.random import INITIAL_WEIGHTS, ROW_ORDER, SPLIT, generator, row_order


def test_same_key_same_numbers() -> None:
    first = generator(7, INITIAL_WEIGHTS, 3).random(5)
    np.random.default_rng().random(100)
    generator(7, INITIAL_WEIGHTS, 2).random(100)
    np.testing.assert_array_equal(generator(7, INITIAL_WEIGHTS, 3).random(5), first)


def test_each_part_of_the_key_tells() -> None:
    keys = [(7, INITIAL_WEIGHTS, 0), (8, INITIAL_WEIGHTS, 0), (7, SPLIT, 0), (7, ROW_ORDER, 0)]
    keys += [(7, INITIAL_WEIGHTS, 1), (2**64 - 1, INITIAL_WEIGHTS, 0)]
    draws = {tuple(generator(*key).random(3)) for key in keys}
    assert len(draws) == len(keys)


def test_streams_of_different_index_do_not_overlap() -> None:
    long = set(generator(7, SPLIT, 0).integers(0, 2**63, 10_000).tolist())
    assert long.isdisjoint(generator(7, SPLIT, 1).integers(0, 2**63, 10_000).tolist())


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_a_row_order_is_a_permutation(rows: int) -> None:
    np.testing.assert_array_equal(np.sort(row_order(1, 1, rows)), np.arange(rows))


def test_the_order_changes_with_the_epoch_and_stays_for_all_time() -> None:
    assert row_order(1, 1, 50).tolist() != row_order(1, 2, 50).tolist()
    assert row_order(1, 1, 8).tolist() == [0, 1, 4, 5, 6, 3, 2, 7]
    assert generator(7, INITIAL_WEIGHTS).random() == 0.8720734548204873
