"""Checks that contestants compute the same: the loss of their weights, in float64 NumPy."""

from __future__ import annotations

import numpy as np

from benchmarks.contestants.by_hand import ByHand, forward, loss_of
from benchmarks.problems import Array, Problem


def judged(problem: Problem, result: list[Array]) -> float:
    """The loss of a contestant's weights over all rows, or its prediction itself."""
    if problem.case.predicts:
        return float(result[0].item())
    weights = [array.astype(np.float64) for array in result]
    prediction = forward(problem.case, weights, problem.X.astype(np.float64))[-1]
    return loss_of(problem.case, prediction, problem.y)


def reference(problem: Problem) -> float:
    """The same after `check_epochs` of the handwritten equations in float64."""
    by_hand = ByHand(problem, dtype="float64")
    by_hand.run(problem.case.check_epochs)
    return judged(problem, by_hand.result())
