"""How good predictions are, beside what a trivial predictor reaches on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Floats
from talweg.data.model.decision import Decision, decide

Array = NDArray[Any]

_ROUNDED = 1e-12  # the trivial R2 of eight networks is -2e-16 to 2e-16 on real tables


class Score(NamedTuple):
    """One score of the network, and that of the trivial predictor."""

    name: str
    network: float
    trivial: float

    @property
    def shown(self) -> Score:
        """As it is to be read: an R2 that is 0 but for what rounding left beside 1 is 0.

        >>> Score("R2", 0.75, -5.6e-17).shown
        Score(name='R2', network=0.75, trivial=0.0)
        """
        if not self.name.startswith(("R2", "mean R2")):
            return self  # an error has the unit of its target, and may be as small as it likes
        network, trivial = (0.0 if abs(each) < _ROUNDED else each for each in self[1:])
        return self._replace(network=network, trivial=trivial)


def regression_scores(
    true: Floats, predicted: Floats, mean: float, weights: Floats | None = None
) -> list[Score]:
    """R2, mean absolute and root mean squared error (N,); trivial is always saying `mean`."""
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
    """The mean R2 of T targets (N, T), then each score of each; trivial is saying `means` (T,)."""
    columns = zip(true.T, predicted.T, means.tolist(), strict=True)
    each = [regression_scores(*column, weights) for column in columns]
    squares = [scores[0] for scores in each]
    means_of = (np.mean([one[place] for one in squares]) for place in (1, 2))
    return [
        Score("mean R2", *map(float, means_of)),
        *(
            one._replace(name=f"{one.name} of {name}")
            for same in zip(*each, strict=True)
            for one, name in zip(same, names, strict=True)
        ),
    ]


def classification_scores(
    true: Array,
    shares: Floats,
    frequencies: Floats,
    weights: Floats | None = None,
    decision: Decision | None = None,
) -> list[Score]:
    """Accuracy and log loss for classes (N,) and predicted probabilities (N, K).

    Trivial is always giving the classes the `frequencies` (K,) that they had in training. Where a
    line was drawn between two classes, the mean of their recalls is told as well.
    """
    trivial = np.broadcast_to(frequencies, shares.shape)
    chosen, likeliest = decide(decision, shares), trivial.argmax(axis=1)
    losses = (_log_loss(true, each, weights) for each in (shares, trivial))
    scores = [
        Score("accuracy", *(_accuracy(true, each, weights) for each in (chosen, likeliest))),
        Score("log loss", *losses),
    ]
    if decision is not None:
        recalls = (_mean_recall(true, each, weights) for each in (chosen, likeliest))
        scores.insert(1, Score("balanced accuracy", *recalls))
    return scores


def confusion(true: Array, predicted: Array, classes: int) -> NDArray[np.int64]:
    """How often each true class (row) was predicted as each class (column), (K, K)."""
    pairs = np.bincount(true * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def r2(true: Floats, predicted: Floats, weights: Floats | None = None) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2: the share of the variance that is explained.

    Where there is no variance: 1 for predictions that are all exact, else 0.
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


def _accuracy(true: Array, chosen: Array, weights: Floats | None) -> float:
    return float(np.average(chosen == true, weights=weights))


def _mean_recall(true: Array, chosen: Array, weights: Floats | None) -> float:
    """The mean over the classes that are there of how many of their rows were found."""
    weights = np.ones(len(true)) if weights is None else weights
    rows = [true == each for each in np.unique(true)]
    return float(np.mean([np.average(chosen[r] == true[r], weights=weights[r]) for r in rows]))


def log_losses(true: Array, shares: Floats) -> Floats:
    """-log of the probability that each row's true class was given, (N,)."""
    chosen = shares[np.arange(len(true)), true]
    return np.asarray(-np.log(np.maximum(chosen, 1e-15)))


def _log_loss(true: Array, shares: Floats, weights: Floats | None) -> float:
    return float(np.average(log_losses(true, shares), weights=weights))
