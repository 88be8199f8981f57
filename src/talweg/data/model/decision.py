"""From the probabilities of two classes to one of them: where to draw the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Decision:
    """The class `positive` of two is chosen from the probability `threshold` on."""

    positive: int
    threshold: float

    def classes(self, shares: Array) -> NDArray[np.intp]:
        """The chosen class of each row (N,), of probabilities (N, 2)."""
        chosen = shares[:, self.positive] >= self.threshold
        return np.where(chosen, self.positive, 1 - self.positive)


def decide(decision: Decision | None, shares: Array) -> NDArray[np.intp]:
    """The class of each row (N,), of probabilities (N, K): the likeliest, unless decided else."""
    return shares.argmax(axis=1) if decision is None else decision.classes(shares)


def best_decision(true: Array, shares: Array, goal: str) -> Decision:
    """The threshold for the rarer class that does best on these rows: classes (N,), (N, 2).

    "balanced": the mean of both classes' recalls; "f1": 2 hits / (2 hits + misses + false alarms)
    of the rarer class. Of equals the one nearest to a half.
    """
    positive = int(np.bincount(true, minlength=2).argmin())
    share, is_positive = shares[:, positive], true == positive
    order = np.argsort(-share, kind="stable")
    hits = np.cumsum(is_positive[order])
    alarms = np.arange(1, len(order) + 1) - hits
    misses = hits[-1] - hits
    if goal == "f1":
        score = 2 * hits / np.maximum(2 * hits + misses + alarms, 1)
    else:
        negatives = max(len(order) - int(hits[-1]), 1)
        score = hits / max(int(hits[-1]), 1) + 1 - alarms / negatives
    ranked = share[order]
    ends = np.append(ranked[1:] < ranked[:-1], True)  # a line runs between two probabilities
    lines = (ranked + np.append(ranked[1:], 0.0)) / 2
    best = score[ends].max()
    good = lines[ends][np.isclose(score[ends], best, rtol=0, atol=1e-12)]
    return Decision(positive, float(good[np.abs(good - 0.5).argmin()]))
