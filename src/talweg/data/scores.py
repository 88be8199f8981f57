"""How good predictions are, beside what a trivial predictor reaches on the same rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns import Floats
from talweg.data.target import Classification, Regression

Array = NDArray[Any]


class Score(NamedTuple):
    """One score of the network, and that of the trivial predictor."""

    name: str
    network: float
    trivial: float


def regression_scores(true: Floats, predicted: Floats, mean: float) -> list[Score]:
    """R2, mean absolute and root mean squared error (N,); trivial is always saying `mean`."""
    trivial = np.full(len(true), mean)
    return [
        Score(name, rule(true, predicted), rule(true, trivial))
        for name, rule in (
            ("R2", r2),
            ("mean absolute error", _mae),
            ("root mean squared error", _rmse),
        )
    ]


def classification_scores(true: Array, shares: Floats, frequencies: Floats) -> list[Score]:
    """Accuracy and log loss for classes (N,) and predicted probabilities (N, K).

    Trivial is always giving the classes the `frequencies` (K,) that they had in training.
    """
    trivial = np.broadcast_to(frequencies, shares.shape)
    return [
        Score(name, rule(true, shares), rule(true, trivial))
        for name, rule in (("accuracy", _accuracy), ("log loss", _log_loss))
    ]


def scores_of(
    coding: Regression | Classification, true: Array, outputs: Floats, prior: Floats
) -> list[Score]:
    """The scores of a target's kind: `prior` is the mean, or the classes' frequencies."""
    if isinstance(coding, Regression):
        return regression_scores(true, outputs, float(prior[0]))
    return classification_scores(true, outputs, prior)


def confusion(true: Array, predicted: Array, classes: int) -> NDArray[np.int64]:
    """How often each true class (row) was predicted as each class (column), (K, K)."""
    pairs = np.bincount(true * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def r2(true: Floats, predicted: Floats) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2: the share of the variance that is explained.

    Where there is no variance: 1 for predictions that are all exact, else 0.
    """
    spread = float(((true - true.mean()) ** 2).sum())
    gap = float(((true - predicted) ** 2).sum())
    return 1.0 - gap / spread if spread else float(gap == 0.0)


def _mae(true: Floats, predicted: Floats) -> float:
    return float(np.abs(true - predicted).mean())


def _rmse(true: Floats, predicted: Floats) -> float:
    return float(np.sqrt(((true - predicted) ** 2).mean()))


def _accuracy(true: Array, shares: Floats) -> float:
    return float((shares.argmax(axis=1) == true).mean())


def log_losses(true: Array, shares: Floats) -> Floats:
    """-log of the probability that each row's true class was given, (N,)."""
    chosen = shares[np.arange(len(true)), true]
    return np.asarray(-np.log(np.maximum(chosen, 1e-15)))


def _log_loss(true: Array, shares: Floats) -> float:
    return float(log_losses(true, shares).mean())
