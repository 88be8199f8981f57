"""Ranking and calibration against their formulas, on scores with ties."""

from itertools import product

import numpy as np
import pytest

from talweg.insight.curves import calibration, precision_and_recall, precision_recall, roc


def drawn(seed: int, rows: int = 60, steps: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores with many ties."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, steps, rows) / steps
    return random.random(rows) < 0.2 + 0.6 * scores, scores


SEEDS = pytest.mark.parametrize("seed", range(5))


@SEEDS
def test_the_roc_area_is_the_rank_statistic(seed: int) -> None:
    positive, scores = drawn(seed)
    pairs = list(product(scores[positive], scores[~positive]))
    wins = sum((a > b) + 0.5 * (a == b) for a, b in pairs)
    assert roc(positive, scores).area == pytest.approx(wins / len(pairs), rel=1e-12)


@SEEDS
def test_each_point_of_the_roc_is_a_threshold(seed: int) -> None:
    positive, scores = drawn(seed)
    curve = roc(positive, scores)
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    for threshold, x, y in zip(
        sorted(set(scores), reverse=True), curve.x[1:], curve.y[1:], strict=True
    ):
        taken = scores >= threshold
        assert (x, y) == (taken[~positive].mean(), taken[positive].mean())


@SEEDS
def test_average_precision_sums_recall_steps_times_precision(seed: int) -> None:
    positive, scores = drawn(seed)
    area = before = 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        recall = (taken & positive).sum() / positive.sum()
        area += (recall - before) * positive[taken].mean()
        before = recall
    curve = precision_recall(positive, scores)
    assert curve.area == pytest.approx(area, rel=1e-12)
    assert (curve.x[0], curve.x[-1]) == (0, 1)
    assert (curve.x < 1).sum() == len(curve.x) - 1  # what comes after all are found is left out


def test_a_perfect_and_a_backward_ranking() -> None:
    positive = np.array([True, True, False, False])
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    assert (roc(positive, scores).area, roc(positive, -scores).area) == (1, 0)
    assert precision_recall(positive, scores).area == 1


def test_a_single_class_has_no_area() -> None:
    nothing, scores = np.zeros(4, bool), np.arange(4.0)
    assert np.isnan(roc(nothing, scores).area)
    assert np.isnan(roc(~nothing, scores).area)
    assert np.isnan(precision_recall(nothing, scores).area)


def test_calibration_by_hand() -> None:
    predicted = np.array([0.05, 0.15, 0.15, 0.95, 0.95, 1.0])
    observed = np.array([False, False, True, True, True, False])
    found = calibration(observed, predicted)
    assert found.counts.tolist() == [1, 2, 3]
    np.testing.assert_allclose(found.predicted, [0.05, 0.15, 2.9 / 3])
    np.testing.assert_allclose(found.observed, [0, 0.5, 2 / 3])
    by_hand = 1 / 6 * 0.05 + 2 / 6 * 0.35 + 3 / 6 * (2.9 / 3 - 2 / 3)
    assert found.error == pytest.approx(by_hand, rel=1e-12)


def test_true_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(0)
    predicted = random.random(20_000)
    honest, boastful = (
        calibration(random.random(20_000) < share, predicted).error
        for share in (predicted, predicted**3)
    )
    assert honest < 0.02 < 0.1 < boastful


def test_precision_and_recall_of_classes() -> None:
    precision, recall = precision_and_recall(np.array([[5, 1, 0], [2, 2, 0], [0, 0, 0]]))
    np.testing.assert_allclose(precision, [5 / 7, 2 / 3, np.nan])
    np.testing.assert_allclose(recall, [5 / 6, 1 / 2, np.nan])
