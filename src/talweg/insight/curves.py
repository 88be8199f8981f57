"""How well probabilities rank rows, and how well they are calibrated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.insight.record import PER_ROW, Record

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BINS = 10  # Guo et al. 2017 use 15, with 10,000 rows and more


@dataclass(frozen=True, eq=False)
class Curve(Record):
    """A curve through P points, one for each threshold on the score, and the area under it.

    The first point is that of the threshold infinity, which no row reaches.
    """

    x: Floats = field(metadata=PER_ROW)
    y: Floats = field(metadata=PER_ROW)
    thresholds: Floats = field(metadata=PER_ROW)
    area: float


@dataclass(frozen=True, eq=False)
class Calibration(Record):
    """Predicted probabilities and observed frequencies in the bins of probability that hold rows.

    Each array has one entry per bin. `error` is the expected calibration error: the mean distance
    between the two, weighted by `counts`. `event` is the event whose probability is predicted:
    "class yes", or "the predicted class".
    """

    predicted: Floats
    observed: Floats
    counts: NDArray[np.int64]
    error: float
    event: str = "the event"


def roc(positive: Mask, scores: Floats) -> Curve:
    """The receiver operating characteristic: true (y) against false (x) positive rate.

    The area is the probability that a positive row scores above a negative one, a tie counting
    half (Hanley & McNeil 1982); NaN where one of the classes is absent.

    >>> roc(np.array([False, True, False, True]), np.array([0.1, 0.9, 0.4, 0.4])).area
    0.875
    """
    hits, selected, thresholds = _counts(positive, scores)
    x, y = _rate(np.append(0, selected - hits)), _rate(np.append(0, hits))
    return Curve(x, y, np.append(np.inf, thresholds), float(np.trapezoid(y, x)))


def precision_recall(positive: Mask, scores: Floats) -> Curve:
    """Precision (y) against recall (x), up to the threshold where the recall reaches 1.

    The area is the average precision, sum (recall step * precision), without interpolation.

    >>> round(precision_recall(np.array([False, True, True]), np.array([0.5, 0.9, 0.2])).area, 4)
    0.8333
    """
    hits, selected, thresholds = _counts(positive, scores)
    needed = int(np.searchsorted(hits, hits[-1])) + 1
    recall, precision = _rate(hits[:needed]), hits[:needed] / selected[:needed]
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return Curve(
        np.append(0.0, recall),
        np.append(precision[:1], precision),
        np.append(np.inf, thresholds[:needed]),
        area,
    )


def _counts(positive: Mask, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """For each threshold from the highest score down: true positives, rows selected, threshold."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    return np.cumsum(positive[order])[last].astype(np.float64), last + 1.0, scores[order][last]


def _rate(counts: Floats) -> Floats:
    """Cumulative counts divided by the last one; NaN where that is 0."""
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)


def calibration(
    observed: Mask, predicted: Floats, bins: int = BINS, *, event: str = "the event"
) -> Calibration:
    """Compare probabilities (N,) with outcomes (N,) in `bins` bins of equal width.

    ECE = sum over bins of rows / N * |observed frequency - mean probability| (Naeini et al. 2015).

    >>> result = calibration(np.array([True, False, True]), np.array([0.9, 0.95, 0.3]))
    >>> result.counts, round(result.error, 4)
    (array([1, 2]), 0.5167)
    """
    bin_of = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    filled = counts > 0
    means, frequencies = (
        np.bincount(bin_of, values, minlength=bins)[filled] / counts[filled]
        for values in (predicted, observed)
    )
    gap = float((counts[filled] / len(bin_of) * np.abs(frequencies - means)).sum())
    return Calibration(means, frequencies, counts[filled], gap, event)


def precision_and_recall(counts: NDArray[Any]) -> tuple[Floats, Floats]:
    """The precision and the recall of each class of a confusion matrix (K, K), rows being true.

    >>> precision_and_recall(np.array([[8, 2], [0, 0]]))
    (array([1., 0.]), array([0.8, nan]))
    """
    hits = np.diagonal(counts)
    with np.errstate(invalid="ignore"):  # NaN for a class that is never predicted, or absent
        return hits / counts.sum(axis=0), hits / counts.sum(axis=1)
