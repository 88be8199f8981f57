"""Predictions beside the truth, on rows that training never saw: errors, confusion, curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.data.model.held_out import HeldOut
from talweg.data.model.scores import confusion
from talweg.data.model.targets.classification import Classification
from talweg.data.model.trained_table import TrainedTable
from talweg.insight import curves
from talweg.insight.curves import Calibration, Curve
from talweg.insight.record import PER_ROW, Record
from talweg.insight.result_sentences import is_several, target_name

Floats = NDArray[np.float64]

SHOWN = 4  # classes or targets that are drawn
MOST_RANKED = 4_000_000  # probabilities that are sorted for curves, in about a second
REACH, PARTS = 4, 4  # bins of a fourth of a typical error, up to four of them on each side
LARGEST = 1e150  # the square of a larger error may overflow


@dataclass(frozen=True, eq=False)
class ErrorSpread(Record):
    """How far predictions are off, over the rows with a finite error.

    `typical` is sqrt(mean(errors^2)); `within_one` and `within_two` are the shares of errors of at
    most one and two of it. The outermost bins hold what lies beyond `edges` (B + 1,), too.
    """

    rows: int
    typical: float
    within_one: float
    within_two: float
    edges: Floats
    counts: NDArray[np.int64]

    @staticmethod
    def of(errors: ArrayLike) -> ErrorSpread:
        """The spread of these errors.

        >>> spread = ErrorSpread.of([0.0, 0.0, 0.0, 2.0, float("nan")])
        >>> spread.rows, spread.typical, spread.within_one, spread.within_two
        (4, 1.0, 0.75, 1.0)
        """
        array = np.ravel(np.asarray(errors, np.float64))
        known = array[np.isfinite(array) & (np.abs(array) < LARGEST)]
        if not known.size:
            nothing = np.array([], np.int64)
            return ErrorSpread(0, np.nan, np.nan, np.nan, np.array([]), nothing)
        typical = float(np.sqrt(np.mean(known**2)))
        one, two = (float(np.mean(np.abs(known) <= times * typical)) for times in (1, 2))
        edges = typical * np.linspace(-REACH, REACH, 2 * REACH * PARTS + 1)
        counts = _counts(known, edges)
        return ErrorSpread(known.size, typical, one, two, edges, counts)


def _counts(errors: Floats, edges: Floats) -> NDArray[np.int64]:
    if not edges[-1] > 0:  # all predictions are exact
        return np.zeros(len(edges) - 1, np.int64)
    return np.histogram(np.clip(errors, edges[0], edges[-1]), edges)[0]


@dataclass(frozen=True, eq=False)
class PredictedNumbers(Record):
    """True and predicted numbers of a target, row by row (N,), and the spread of the errors."""

    target: str
    true: ArrayLike = field(metadata=PER_ROW)
    predicted: ArrayLike = field(metadata=PER_ROW)
    errors: ErrorSpread

    @staticmethod
    def of(true: ArrayLike, predicted: ArrayLike, target: str = "") -> PredictedNumbers:
        """The record of these rows."""
        record = PredictedNumbers(target, true, predicted, ErrorSpread.of([]))
        return PredictedNumbers(target, true, predicted, ErrorSpread.of(record.residuals))

    @property
    def residuals(self) -> Floats:
        """True minus predicted, (N,)."""
        true, predicted = (
            np.asarray(values, np.float64).ravel() for values in (self.true, self.predicted)
        )
        return np.asarray(true - predicted)


@dataclass(frozen=True)
class ClassScores(Record):
    """How well one class is separated from all others; NaN where a score is not defined."""

    name: str
    rows: int
    precision: float
    recall: float
    roc_area: float
    average_precision: float


@dataclass(frozen=True, eq=False)
class Ranking(Record):
    """How well the probabilities of a class rank rows, by class, each against all others.

    With two classes, `threshold` is the least probability at which the class is predicted.
    """

    roc: Mapping[str, Curve]
    precision_recall: Mapping[str, Curve]
    threshold: float | None = None


@dataclass(frozen=True, eq=False)
class PredictedClasses(Record):
    """How often each true class (row) was predicted as each class (column), (K, K).

    Scores, calibration and ranking are absent where a probability is not finite.
    """

    target: str
    labels: Sequence[str]
    counts: ArrayLike
    classes: Sequence[ClassScores] = ()
    calibration: Calibration | None = None
    ranking: Ranking | None = None


Predictions = PredictedNumbers | PredictedClasses | tuple[PredictedNumbers, ...]
"""Of one target, or of each of the first few targets."""


def predictions_of(trained: TrainedTable) -> Predictions:
    """The predictions for the held-out rows."""
    held, coding, name = trained.held_out, trained.target, target_name(trained)
    if is_several(trained):
        columns = zip(held.true.T, held.outputs.T, shown_targets(trained), strict=False)
        return tuple(PredictedNumbers.of(*column) for column in columns)
    if not isinstance(coding, Classification):
        return PredictedNumbers.of(held.true, held.outputs, name)
    return _predicted_classes(trained, coding.levels, name)


def _predicted_classes(
    trained: TrainedTable, labels: Sequence[str], target: str
) -> PredictedClasses:
    held = trained.held_out
    counts = confusion(held.true, trained.decided(held.outputs), len(labels))
    if not np.isfinite(held.outputs).all():
        return PredictedClasses(target, labels, counts)
    roc, ranked = (_by_class(held, curve) for curve in (curves.roc, curves.precision_recall))
    rows = np.bincount(held.true, minlength=len(labels)).tolist()
    areas = [[curve.area for curve in by_class] for by_class in (roc, ranked)]
    columns = (labels, rows, *curves.precision_and_recall(counts), *areas)
    shown = shown_classes(held, labels)
    return PredictedClasses(
        target,
        labels,
        counts,
        classes=[ClassScores(*row) for row in zip(*columns, strict=True)],
        calibration=_calibration(held, labels),
        ranking=Ranking(
            roc={labels[index]: roc[index] for index in shown},
            precision_recall={labels[index]: ranked[index] for index in shown},
            threshold=_threshold(trained, shown),
        ),
    )


def _threshold(trained: TrainedTable, shown: Sequence[int]) -> float | None:
    """The threshold on the probability of the class that is shown, of two."""
    if trained.held_out.outputs.shape[1] != 2:
        return None
    if trained.decision is None:
        return 0.5
    threshold = trained.decision.threshold
    return threshold if shown[0] == trained.decision.positive else 1 - threshold


def shown_targets(trained: TrainedTable) -> list[str]:
    """The names of the targets that are drawn."""
    return [trained.called(name) for name in trained.target.names[:SHOWN]]


def shown_classes(held: HeldOut, labels: Sequence[str]) -> list[int]:
    """The classes that are drawn: the rarer one of two, the most frequent of several."""
    rows = np.bincount(held.true, minlength=len(labels))
    if len(labels) == 2:
        return [int(rows.argmin())]
    return sorted(np.argsort(-rows, kind="stable")[:SHOWN].tolist())


def _by_class(held: HeldOut, curve: Callable[..., Curve]) -> list[Curve]:
    """The curve of each class against all others, from a part of the rows where they are many."""
    part = slice(None, None, 1 + held.outputs.size // MOST_RANKED)
    true, probabilities = held.true[part], held.outputs[part]
    return [curve(true == k, probabilities[:, k]) for k in range(probabilities.shape[1])]


def _calibration(held: HeldOut, labels: Sequence[str]) -> Calibration:
    """That of the rarer class of two, or of the predicted one of several."""
    if len(labels) == 2:
        (k,) = shown_classes(held, labels)
        return curves.calibration(held.true == k, held.outputs[:, k], event=f"class {labels[k]}")
    right, predicted = held.outputs.argmax(axis=1) == held.true, held.outputs.max(axis=1)
    return curves.calibration(right, predicted, event="the predicted class")
