"""The threshold on a probability that decides between two classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Decision:
    """Predict the class `positive` if its probability is at least `threshold`, else the other."""

    positive: int
    threshold: float

    def classes(self, probabilities: Array) -> NDArray[np.intp]:
        """The class of each row (N,), from probabilities (N, 2)."""
        is_positive = probabilities[:, self.positive] >= self.threshold
        return np.where(is_positive, self.positive, 1 - self.positive)


def decide(decision: Decision | None, probabilities: Array) -> NDArray[np.intp]:
    """The class of each row (N,), from probabilities (N, K); the likeliest without a decision."""
    return probabilities.argmax(axis=1) if decision is None else decision.classes(probabilities)


def best_decision(true: Array, probabilities: Array, goal: str) -> Decision:
    """The threshold for the rarer class with the best score, from classes (N,) and probabilities
    (N, 2).

    The score is for the goal "balanced" the mean recall of both classes, and for "f1" the F1 score
    of the rarer class, 2 TP / (2 TP + FN + FP). Ties go to the threshold nearest to 1/2.
    """
    positive = int(np.bincount(true, minlength=2).argmin())
    probability, is_positive = probabilities[:, positive], true == positive
    order = np.argsort(-probability, kind="stable")
    true_positives = np.cumsum(is_positive[order])
    false_positives = np.arange(1, len(order) + 1) - true_positives
    false_negatives = true_positives[-1] - true_positives
    if goal == "f1":
        denominator = 2 * true_positives + false_negatives + false_positives
        score = 2 * true_positives / np.maximum(denominator, 1)
    else:
        positives = int(true_positives[-1])
        negatives = max(len(order) - positives, 1)
        score = true_positives / max(positives, 1) + 1 - false_positives / negatives
    ranked = probability[order]
    ends = np.append(ranked[1:] < ranked[:-1], True)  # a threshold lies between two of them
    thresholds = (ranked + np.append(ranked[1:], 0.0)) / 2
    best = score[ends].max()
    good = thresholds[ends][np.isclose(score[ends], best, rtol=0, atol=1e-12)]
    return Decision(positive, float(good[np.abs(good - 0.5).argmin()]))
