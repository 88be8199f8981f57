"""How well probabilities rank and how far they can be believed: curves, areas, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BINS = 10  # of probabilities, as in Guo et al. 2017 (who take 15, of 10,000 rows and more)


class Curve(NamedTuple):
    """Points of a curve (P,), and the area under it."""

    x: Floats
    y: Floats
    area: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was claimed and what happened, in bins of probability (B,) that hold rows.

    `error` is the expected calibration error: the mean gap between both, weighted by the counts.
    """

    claimed: Floats
    happened: Floats
    counts: NDArray[np.int64]
    error: float


def roc(positive: Mask, scores: Floats) -> Curve:
    """Share of the positives found (y) against share of the negatives taken for them (x).

    The area is the chance that a positive row scores above a negative one, ties counting half
    (Hanley & McNeil 1982); NaN where one kind is missing.

    >>> roc(np.array([False, True, False, True]), np.array([0.1, 0.9, 0.4, 0.4])).area
    0.875
    """
    found, taken = _counts(positive, scores)
    x, y = _share(np.append(0, taken - found)), _share(np.append(0, found))
    return Curve(x, y, float(np.trapezoid(y, x)))


def precision_recall(positive: Mask, scores: Floats) -> Curve:
    """Share of right ones among the rows taken (y) against share of the positives found (x).

    The area is the average precision, sum (recall step * precision), without interpolation.

    >>> round(precision_recall(np.array([False, True, True]), np.array([0.5, 0.9, 0.2])).area, 4)
    0.8333
    """
    found, taken = _counts(positive, scores)
    needed = int(np.searchsorted(found, found[-1])) + 1  # once all are found, more adds no recall
    recall, precision = _share(found[:needed]), found[:needed] / taken[:needed]
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return Curve(np.append(0.0, recall), np.append(precision[:1], precision), area)


def _counts(positive: Mask, scores: Floats) -> tuple[Floats, Floats]:
    """For each threshold from the highest score down: positives among the rows taken, and rows."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    return np.cumsum(positive[order])[last].astype(np.float64), last + 1.0


def _share(counts: Floats) -> Floats:
    """Counts as shares of the last one, NaN where that is 0."""
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)


def calibration(happened: Mask, claimed: Floats, bins: int = BINS) -> Calibration:
    """Probabilities (N,) beside what came true (N,), in `bins` equal bins.

    ECE = sum over bins of rows / N * |share that happened - mean claim| (Naeini et al. 2015).

    >>> told = calibration(np.array([True, False, True]), np.array([0.9, 0.95, 0.3]))
    >>> told.counts, round(told.error, 4)
    (array([1, 2]), 0.5167)
    """
    place = np.minimum((claimed * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    kept = counts > 0
    claims, hits = (
        np.bincount(place, each, minlength=bins)[kept] / counts[kept]
        for each in (claimed, happened)
    )
    gap = float((counts[kept] / len(place) * np.abs(hits - claims)).sum())
    return Calibration(claims, hits, counts[kept], gap)


def precision_and_recall(counts: NDArray[Any]) -> tuple[Floats, Floats]:
    """Of each class of a confusion matrix (K, K): right among those taken, and found of the true.

    >>> precision_and_recall(np.array([[8, 2], [0, 0]]))
    (array([1., 0.]), array([0.8, nan]))
    """
    right = np.diagonal(counts)
    with np.errstate(invalid="ignore"):  # a class that is never taken or never true: NaN
        return right / counts.sum(axis=0), right / counts.sum(axis=1)
