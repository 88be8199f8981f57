"""Scores against numbers computed by hand, and against the formulas in NumPy."""

import numpy as np
import pytest

from talweg.data.model.scores import (
    Score,
    classification_scores,
    confusion,
    r2,
    regression_scores,
)
from talweg.data.model.targets.base import Predicted
from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.regression import Regression


def test_regression_by_hand() -> None:
    # y = 1, 2, 6 (mean 3, squares 4 + 1 + 9); errors 1, 0, -2; always 2: errors 1, 0, -4
    found = regression_scores(np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 4.0]), 2.0)
    expected = [
        ("R2", 1 - 5 / 14, 1 - 17 / 14),
        ("mean absolute error", 1.0, 5 / 3),
        ("root mean squared error", (5 / 3) ** 0.5, (17 / 3) ** 0.5),
    ]
    assert [score.name for score in found] == [name for name, *_ in expected]
    np.testing.assert_allclose([score[1:] for score in found], [row[1:] for row in expected])


def test_an_r2_of_0_up_to_rounding_is_shown_as_0() -> None:
    noisy = [5.6e-17, -5.6e-17, -0.0]
    for name in ("R2", "mean R2", "R2 of rent"):
        shown = [Score(name, each, each).shown for each in noisy]
        assert [str(value) for score in shown for value in score[1:]] == ["0.0"] * 6
    for name in ("mean absolute error", "root mean squared error of R2", "log loss"):
        assert Score(name, 5.6e-17, 1.5e-13).shown == (name, 5.6e-17, 1.5e-13)
    assert Score("R2", 0.123456789, -1e-9).shown == ("R2", 0.123456789, -1e-9)
    assert np.isnan(Score("R2", np.nan, -np.inf).shown.network)


def test_classification_by_hand() -> None:
    shares = np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])
    accuracy, log_loss = classification_scores(np.array([0, 0, 1]), shares, np.array([0.25, 0.75]))
    assert accuracy == ("accuracy", 1 / 3, 1 / 3)  # of equal shares, the first class is taken
    assert log_loss.network == pytest.approx(-np.log([0.8, 0.4, 0.5]).mean())
    assert log_loss.trivial == pytest.approx(-np.log([0.25, 0.25, 0.75]).mean())


def test_a_probability_of_0_has_a_finite_log_loss() -> None:
    _, log_loss = classification_scores(np.array([1]), np.array([[1.0, 0.0]]), np.array([1.0, 0.0]))
    assert log_loss.network == log_loss.trivial == pytest.approx(15 * np.log(10))


@pytest.mark.parametrize(
    ("true", "predicted", "score"),
    [
        *(([1, 2, 3], [1, 2, 3], 1.0), ([1, 2, 3], [2, 2, 2], 0.0), ([1, 2, 3], [3, 2, 1], -3.0)),
        *(([5, 5], [5, 5], 1.0), ([5, 5], [5, 6], 0.0), ([7], [7], 1.0)),
    ],
)
def test_r2(true, predicted, score: float) -> None:
    assert r2(np.array(true, float), np.array(predicted, float)) == score


def test_scores_against_numpy() -> None:
    random = np.random.default_rng(0)
    true, predicted = random.normal(size=(2, 500))
    found = {score.name: score.network for score in regression_scores(true, predicted, 0.1)}
    assert found["R2"] == pytest.approx(1 - np.var(true - predicted) / np.var(true), abs=0.01)
    assert found["mean absolute error"] == pytest.approx(np.mean(np.abs(true - predicted)))
    assert found["root mean squared error"] ** 2 == pytest.approx(np.mean((true - predicted) ** 2))


def test_confusion() -> None:
    true, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 0, 2])
    assert confusion(true, predicted, 4).tolist() == [
        [1, 1, 0, 0],
        [0, 1, 0, 0],
        [2, 0, 1, 0],
        [0, 0, 0, 0],
    ]
    random = np.random.default_rng(0)
    true, predicted = random.integers(0, 5, (2, 300))
    pairs = list(zip(true.tolist(), predicted.tolist(), strict=True))
    counts = confusion(true, predicted, 5)
    assert all(counts[pair] == pairs.count(pair) for pair in np.ndindex(5, 5))


def test_a_target_chooses_its_scores() -> None:
    numbers, shares = np.array([1.0, 2.0]), np.array([[0.9, 0.1], [0.2, 0.8]])
    regression = Regression("y", 0.0, 1.0).scores(Predicted(numbers, numbers, np.array([1.5])))
    assert regression[0].name == "R2"
    classes = Classification("y", ("a", "b")).scores(Predicted(np.array([0, 1]), shares, shares[0]))
    assert classes[0][:2] == ("accuracy", 1.0)
