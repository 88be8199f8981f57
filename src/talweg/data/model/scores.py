"""Scores of predictions, beside those of a trivial predictor on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Floats
from talweg.data.model.decision import Decision, decide
from talweg.numerics import log

Array = NDArray[Any]

_ROUNDED = 1e-12  # the trivial R2 of an ensemble is -2e-16 to 2e-16 on real tables


class Score(NamedTuple):
    """One score of the network, and that of the trivial predictor."""

    name: str
    network: float
    trivial: float

    @property
    def shown(self) -> Score:
        """The score for display: an R2 that differs from 0 only by rounding is 0.

        >>> Score("R2", 0.75, -5.6e-17).shown
        Score(name='R2', network=0.75, trivial=0.0)
        """
        if not self.name.startswith(("R2", "mean R2")):
            return self  # an error has the unit of its target, and may be tiny
        network, trivial = (0.0 if abs(value) < _ROUNDED else value for value in self[1:])
        return self._replace(network=network, trivial=trivial)


def regression_scores(
    true: Floats, predicted: Floats, mean: float, weights: Floats | None = None
) -> list[Score]:
    """R2, mean absolute error and root mean squared error of numbers (N,).

    The trivial predictor always predicts `mean`.
    """
    trivial = np.full(len(true), mean)
    return [
        Score(name, rule(true, predicted, weights), rule(true, trivial, weights))
        for name, rule in (
            ("R2", r2),
            ("mean absolute error", _mae),
            ("root mean squared error", _rmse),
        )
    ]


def several_scores(
    true: Floats,
    predicted: Floats,
    means: Floats,
    names: Sequence[str],
    weights: Floats | None = None,
) -> list[Score]:
    """The mean R2 of T targets (N, T), then each score of each target.

    The trivial predictor always predicts `means` (T,).
    """
    columns = zip(true.T, predicted.T, means.tolist(), strict=True)
    by_target = [regression_scores(*column, weights) for column in columns]
    r2s = [scores[0] for scores in by_target]
    mean_r2s = (np.mean([score[index] for score in r2s]) for index in (1, 2))
    return [
        Score("mean R2", *map(float, mean_r2s)),
        *(
            score._replace(name=f"{score.name} of {name}")
            for same_score in zip(*by_target, strict=True)
            for score, name in zip(same_score, names, strict=True)
        ),
    ]


def classification_scores(
    true: Array,
    probabilities: Floats,
    frequencies: Floats,
    weights: Floats | None = None,
    decision: Decision | None = None,
) -> list[Score]:
    """Accuracy and log loss for classes (N,) and predicted probabilities (N, K).

    The trivial predictor always gives the classes the `frequencies` (K,) that they had in training.
    With a threshold between two classes, the balanced accuracy is added, the mean of their recalls.
    """
    trivial = np.broadcast_to(frequencies, probabilities.shape)
    predicted = (decide(decision, probabilities), trivial.argmax(axis=1))
    losses = (_log_loss(true, predictions, weights) for predictions in (probabilities, trivial))
    scores = [
        Score("accuracy", *(_accuracy(true, classes, weights) for classes in predicted)),
        Score("log loss", *losses),
    ]
    if decision is not None:
        recalls = (_mean_recall(true, classes, weights) for classes in predicted)
        scores.insert(1, Score("balanced accuracy", *recalls))
    return scores


def confusion(true: Array, predicted: Array, classes: int) -> NDArray[np.int64]:
    """How often each true class (row) was predicted as each class (column), (K, K)."""
    pairs = np.bincount(true * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def r2(true: Floats, predicted: Floats, weights: Floats | None = None) -> float:
    """R2 = 1 - sum (y - p)^2 / sum (y - mean y)^2: the share of the variance that is explained.

    Without variance: 1 if all predictions are exact, else 0.
    """
    spread = float(np.average((true - np.average(true, weights=weights)) ** 2, weights=weights))
    gap = float(np.average((true - predicted) ** 2, weights=weights))
    return 1.0 - gap / spread if spread else float(gap == 0.0)


def mean_r2(true: Floats, predicted: Floats) -> float:
    """R2 of numbers (N,), or the mean over the columns of (N, T)."""
    columns = zip(np.atleast_2d(true.T), np.atleast_2d(predicted.T), strict=True)
    return float(np.mean([r2(*column) for column in columns]))


def _mae(true: Floats, predicted: Floats, weights: Floats | None) -> float:
    return float(np.average(np.abs(true - predicted), weights=weights))


def _rmse(true: Floats, predicted: Floats, weights: Floats | None) -> float:
    return float(np.sqrt(np.average((true - predicted) ** 2, weights=weights)))


def _accuracy(true: Array, predicted: Array, weights: Floats | None) -> float:
    return float(np.average(predicted == true, weights=weights))


def _mean_recall(true: Array, predicted: Array, weights: Floats | None) -> float:
    """The mean recall of the classes that occur."""
    weights = np.ones(len(true)) if weights is None else weights
    of_classes = [true == label for label in np.unique(true)]
    recalls = [np.average(predicted[r] == true[r], weights=weights[r]) for r in of_classes]
    return float(np.mean(recalls))


def log_losses(true: Array, probabilities: Floats) -> Floats:
    """-log of the probability given to the true class of each row, (N,)."""
    of_true_class = probabilities[np.arange(len(true)), true]
    return -log(np.maximum(of_true_class, 1e-15))


def _log_loss(true: Array, probabilities: Floats, weights: Floats | None) -> float:
    return float(np.average(log_losses(true, probabilities), weights=weights))
