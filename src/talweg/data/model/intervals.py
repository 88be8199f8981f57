"""Prediction intervals, as wide as the errors on similar rows that training never saw.

An interval extends to both sides of a prediction by

    shrink * scale(row) * quantile of |error| / scale(its row), over test rows

Split conformal prediction gives the quantile its coverage (Vovk et al., Algorithmic Learning in a
Random World, 2005). The scale makes intervals narrow where errors are small (Papadopoulos et al.,
Normalized nonconformity measures for regression conformal prediction, 2008). A quantile over rows
with similar predictions covers small and large ones alike (Bostrom & Johansson, Mondrian conformal
regressors, 2020). With fewer than 100 test rows, all intervals have one width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Floats
from talweg.data.columns.table import evenly
from talweg.data.model.targets.regression import NumericTarget
from talweg.engine.run.blas_threads import blas_threads
from talweg.errors import DataError, counted
from talweg.lazy import cached_property
from talweg.numerics import exp, inverse, log, matmul
from talweg.settings import Number, check

Array = NDArray[Any]
Indices = NDArray[np.intp]
InputsOf = Callable[[Indices], Array]
"""A function that returns the inputs (K, D) of some of the rows."""

FEWEST = 100  # test rows; with fewer, all widths are equal. Also the fewest rows of a window
_WINDOW = 10  # a window has a tenth of all rows; a fifth or a twentieth covers no better
_COVERAGE = {"coverage": Number(above=0, below=1)}
_MOST_FITTED = 10_000  # rows that the scale is fitted to
_MOST_FEATURES = 64
_ROWS_PER_FEATURE = 10
_VARIES = 0.02  # the least standard deviation, that of a level of 4 rows in 10,000; a number has 1
_RIDGE = 100.0  # the ridge penalty, for features of variance 1
_FLOOR = 0.03  # of the mean error, added to each: an exact row must not dominate the fit
_FARTHEST = 4.0  # standard deviations at which predictions are clipped
_LEAST_SHRINK = 0.5
_BLOCK = 2**20  # inputs computed at a time


def half_width(errors: Floats, coverage: float) -> float | Floats:
    """The distance w for which p - w .. p + w contains a new true value with this probability.

    It is the ceil((n + 1) coverage)-th smallest of n absolute errors on unseen rows: split
    conformal prediction, whose coverage holds for any network and any errors, as long as new rows
    have the same distribution (Lei et al., Distribution-free predictive inference for regression,
    2018). For errors (n, T) in T targets, there is a distance for each, (T,).

    >>> half_width(np.array([0.1, -0.2, 0.3, -0.4]), 0.6)
    0.3
    """
    coverage = check("predict_interval", {"coverage": coverage}, _COVERAGE)["coverage"]
    rows = len(errors)
    rank = math.ceil((rows + 1) * coverage - 1e-9)
    if rank > rows:
        raise DataError(
            f"predict_interval: {counted(rows, 'test row')} cannot support a coverage of "
            f"{coverage:.1%}. Ask for at most {rows / (rows + 1):.1%}, or train on more rows."
        )
    width = np.partition(np.abs(errors), rank - 1, axis=0)[rank - 1]
    return width if errors.ndim > 1 else float(width)


@dataclass(frozen=True, eq=False)
class ErrorScale:
    """The expected size of the errors of a row in each of T targets: exp(features @ weights).

    Features (F) are some of the row's inputs, the squares of some, the T standardized predictions
    and their squares; the last of the `weights` (F + 1, T) is the constant. Logarithms are kept
    within `limits` (2, T), those of the n test rows. `judged` (n, T) is the scale of each test row
    by a fit to the others. A prediction is the mean of all networks, but a single one predicted
    each test row: `shrink` (T,) is the error of the mean divided by that of one network.
    """

    inputs: Indices
    squares: Indices
    weights: Floats
    limits: Floats
    judged: Floats
    shrink: Floats

    @staticmethod
    def fit(
        inputs_of: InputsOf, predicted: Floats, errors: Floats, codes: Sequence[int]
    ) -> ErrorScale:
        """Fit the logarithms of errors (n, T) of rows with standardized predictions (n, T).

        `inputs_of` returns the inputs of some of the rows; `codes` are the inputs that hold codes.
        With few errors, or errors that are not finite, the scale is 1.
        """
        rows, targets = errors.shape
        if rows < FEWEST or not np.isfinite(errors).all():
            none, zeros = np.empty(0, np.intp), np.zeros((2, targets))
            weights = np.zeros((1 + 2 * targets, targets))
            return ErrorScale(
                none, none, weights, zeros, np.ones((rows, targets)), np.ones(targets)
            )
        sizes = np.abs(errors)
        logs = log(sizes + np.maximum(_FLOOR * sizes.mean(axis=0), np.finfo(np.float64).tiny))
        some = evenly(rows, _MOST_FITTED)
        most = len(some) // _ROWS_PER_FEATURE - 2 * targets
        chosen = _most_varied(inputs_of, codes, some, most)
        features = [
            np.stack([*_features(inputs_of(few), predicted[few], *chosen)], axis=1)
            for few in _blocks(some, inputs_of)
        ]
        weights, others = _ridge(np.concatenate(features), logs[some])
        limits = np.stack([others.min(axis=0), others.max(axis=0)])
        scale = ErrorScale(*chosen, weights, limits, logs, np.ones(targets))
        every = _blocks(np.arange(rows), inputs_of)
        judged = np.concatenate([scale.of(inputs_of(few), predicted[few]) for few in every])
        judged[some] = exp(others)
        return replace(scale, judged=judged)

    def of(self, x: Array, predicted: Floats) -> Floats:
        """The scale (N, T) of rows with inputs (N, D) and standardized predictions (N, T).

        Features are added one by one, so the bits of a row do not depend on the other rows.
        """
        logs = np.tile(self.weights[-1], (len(x), 1))
        features = _features(x, predicted, self.inputs, self.squares)
        for feature, weights in zip(features, self.weights, strict=False):
            logs += feature[:, None] * weights
        return exp(np.clip(logs, *self.limits))

    def shrunk(self, errors: Floats, rows: Indices, gaps: Floats, members: int) -> ErrorScale:
        """With the `shrink` of an ensemble of `members` networks, from gaps between two of them.

        `gaps` (k, T) are differences of two members that did not train on these test rows. The
        squared error of the mean is that of one member less (1 - 1 / members) of their variance,
        which is half the mean squared gap (Krogh & Vedelsby, Neural network ensembles, cross
        validation, and active learning, 1995).
        """
        if len(errors) < FEWEST or not len(rows) or not np.isfinite(errors).all():
            return self
        with np.errstate(over="ignore"):  # where errors are all 0
            variance = ((gaps / self.judged[rows]) ** 2).mean(axis=0) / 2
        error = ((errors / self.judged) ** 2).mean(axis=0)
        share = np.divide(variance, error, out=np.zeros(len(error)), where=error > 0)
        squared = 1 - (1 - 1 / members) * share
        return replace(self, shrink=np.sqrt(np.maximum(squared, _LEAST_SHRINK**2)))


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals that follow from `true` and predicted numbers (n,) or (n, T) of test rows."""

    target: NumericTarget
    scale: ErrorScale
    true: Floats
    outputs: Floats

    def reach(self, coverage: float) -> Floats:
        """The largest error (T,) with this probability, over all rows."""
        return self.scale.shrink * half_width(self._errors, coverage)

    def around(self, x: Array, predicted: Floats, coverage: float) -> Floats:
        """The ends (N, 2) or (N, T, 2) for rows with inputs (N, D) and their predictions."""
        z = by_target(self.target.standardized(predicted))
        widths = self.scale.shrink * self.scale.of(x, z)
        for target, (known, scores) in enumerate(self._sorted):
            widths[:, target] *= np.interp(z[:, target], *_quantiles(known, scores, coverage))
        return self.target.around(predicted, widths.reshape(predicted.shape))

    @cached_property
    def _errors(self) -> Floats:
        return by_target(self.target.errors(self.true, self.outputs))

    @cached_property
    def _sorted(self) -> list[tuple[Floats, Floats]]:
        """For each target: predictions (n,) in order, and the errors divided by their scale."""
        scores = np.abs(self._errors) / self.scale.judged
        predicted = by_target(self.target.standardized(self.outputs))
        order = np.argsort(predicted, axis=0, kind="stable")
        pairs = (np.take_along_axis(values, order, axis=0).T for values in (predicted, scores))
        return list(zip(*pairs, strict=True))


def by_target(values: Floats) -> Floats:
    """Numbers (N,) or (N, T) as (N, T)."""
    return values if values.ndim > 1 else values[:, None]


def _quantiles(predicted: Floats, scores: Floats, coverage: float) -> tuple[Floats, Floats]:
    """Predictions in order, and the `half_width` of the scores (n,) in a window around each.

    Each window overlaps half of the next one. If the coverage needs more rows than a window has,
    windows grow around their centers, so a quantile never falls as the coverage rises.
    """
    rows = len(predicted)
    least = half_width(scores, coverage)
    size = max(FEWEST, rows // _WINDOW)
    if rows < 1.5 * size:
        return predicted[:1], np.array([least])
    count = round(2 * rows / size) - 1
    centers = np.linspace(0, rows - size, count).astype(np.intp) + size // 2
    size = max(size, math.ceil(coverage / (1 - coverage) - 1e-9))
    starts = np.clip(centers - size // 2, 0, rows - size)
    windows = (scores[start : start + size] for start in starts)
    return predicted[centers], np.array([half_width(window, coverage) for window in windows])


def _blocks(rows: Indices, inputs_of: InputsOf) -> list[Indices]:
    """The rows in blocks of `_BLOCK` inputs, to bound the memory."""
    size = max(1, _BLOCK // inputs_of(rows[:1]).shape[1])
    return np.split(rows, range(size, len(rows), size))


def _most_varied(
    inputs_of: InputsOf, codes: Sequence[int], rows: Indices, most: int
) -> tuple[Indices, Indices]:
    """The inputs and the squares of inputs that vary most, chosen independently of the errors."""
    few = max(FEWEST, len(_blocks(rows, inputs_of)[0]))
    x = inputs_of(rows[evenly(len(rows), few)])
    squares = x**2
    spread = np.stack([x.std(axis=0, dtype=np.float64), squares.std(axis=0, dtype=np.float64)])
    spread[:, list(codes)] = 0
    spread[1, (squares == x).all(axis=0)] = 0  # the input of a level is its own square
    order = np.argsort(-spread, axis=None, kind="stable")[: min(max(most, 0), _MOST_FEATURES)]
    is_chosen = np.zeros(spread.size, dtype=bool)
    is_chosen[order] = True
    plain, squared = is_chosen.reshape(spread.shape) & (spread > _VARIES)
    return np.flatnonzero(plain), np.flatnonzero(squared)


def _features(x: Array, predicted: Floats, inputs: Indices, squares: Indices) -> Iterator[Floats]:
    """Each feature (N,) in turn."""
    predicted = np.clip(predicted, -_FARTHEST, _FARTHEST)
    yield from (x[:, column].astype(np.float64) for column in inputs)
    yield from (x[:, column].astype(np.float64) ** 2 for column in squares)
    yield from predicted.T
    yield from predicted.T**2


def _ridge(features: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Weights (F + 1, T) for targets t (n, T), and the leave-one-out predictions (n, T).

    These need no further fits: t - (t - fit) / (1 - leverage) (Hastie et al., The Elements of
    Statistical Learning, 2009, 7.10).
    """
    rows, count = features.shape
    middle = features.mean(axis=0)
    scale = features.std(axis=0)
    scale[scale == 0] = 1.0
    f = (features - middle) / scale
    with blas_threads(1):
        products = matmul(f.T, np.hstack([f, t]))
        hat = inverse(products[:, :count] + _RIDGE * np.eye(count))
        slopes = matmul(hat, products[:, count:])
        images = matmul(f, np.hstack([hat, slopes]))
    leverage = 1 / rows + (images[:, :count] * f).sum(axis=1)
    fit = t.mean(axis=0) + images[:, count:]
    others = t - (t - fit) / (1 - leverage)[:, None]
    slopes /= scale[:, None]
    return np.vstack([slopes, t.mean(axis=0) - (middle[:, None] * slopes).sum(axis=0)]), others
