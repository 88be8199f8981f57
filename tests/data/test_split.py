"""Dealing rows: disjoint, complete, in proportion, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from talweg.data.split import split
from talweg.errors import DataError, SettingError


@given(st.integers(3, 300), st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_every_row_is_in_one_part(n: int, seed: int, classes: int) -> None:
    labels = np.arange(n) % classes if classes else None
    parts = split(n, labels=labels, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(n))
    assert min(map(len, parts)) >= 1
    for part, again in zip(parts, split(n, labels=labels, seed=seed), strict=True):
        np.testing.assert_array_equal(part, again)


@pytest.mark.parametrize(
    ("n", "fractions", "sizes"),
    [
        (1000, (0.7, 0.15, 0.15), (700, 150, 150)),
        (3, (0.7, 0.15, 0.15), (1, 1, 1)),
        (4, (0.7, 0.15, 0.15), (2, 1, 1)),
        (10, (0.8, 0.2, 0), (8, 2, 0)),
        (1, (1, 0, 0), (1, 0, 0)),
        (2, (0.01, 0.99, 0.0), (1, 1, 0)),
    ],
)
def test_sizes(n, fractions, sizes) -> None:
    assert tuple(map(len, split(n, fractions=fractions))) == sizes


def test_seeds_differ() -> None:
    assert not np.array_equal(split(100, seed=1)[0], split(100, seed=2)[0])


def test_the_rows_of_a_seed_stay_what_they_are() -> None:
    assert split(12, seed=7)[1].tolist() == [0, 6]


def test_each_part_has_its_share_of_each_class() -> None:
    labels = np.random.default_rng(0).choice(["a", "b", "c"], 1000, p=[0.9, 0.08, 0.02])
    for part, fraction in zip(split(1000, labels=labels), (0.7, 0.15, 0.15), strict=True):
        for label in "abc":
            expected = fraction * (labels == label).sum()
            assert abs((labels[part] == label).sum() - expected) <= 2


@pytest.mark.parametrize("seed", range(20))
def test_every_class_is_met_in_training(seed: int) -> None:
    labels = np.array([*"aaaaaaaaaaaaaaaaaaaaaaaabbccd"])
    train = split(len(labels), labels=labels, seed=seed)[0]
    assert set(labels[train]) == set("abcd")


def test_rare_classes_are_not_always_in_the_same_part() -> None:
    labels = np.array([0] * 40 + [1] * 3)
    in_test = [any(row >= 40 for row in split(43, labels=labels, seed=s)[2]) for s in range(40)]
    assert 0 < sum(in_test) < 40


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (DataError, "2 rows cannot fill 3 parts. Give more rows, or", {"n": 2}),
        (DataError, "labels have shape (3,), but (5,) is needed", {"n": 5, "labels": [1, 2, 3]}),
        (SettingError, "fractions must be three numbers", {"n": 9, "fractions": (0.5, 0.5, 0.5)}),
        (SettingError, "fractions must be three numbers", {"n": 9, "fractions": (0.5, 0.5)}),
        (SettingError, "fractions must be three numbers", {"n": 9, "fractions": (1.5, -0.5, 0)}),
        (SettingError, "seed must be a whole number at least 0", {"n": 9, "seed": -1}),
        (SettingError, "n must be a whole number", {"n": 9.5}),
    ],
)
def test_bad_settings(error, words, arguments) -> None:
    with pytest.raises(error) as raised:
        split(**arguments)
    assert words in str(raised.value)
