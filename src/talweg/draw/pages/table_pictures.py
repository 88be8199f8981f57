"""What the report of a trained table draws: predictions, columns and mistakes as plain facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from talweg.data.columns.kinds.date import YEAR
from talweg.data.model.scores import confusion
from talweg.data.model.target import Classification
from talweg.data.model.trained_table import HeldOut, TrainedTable
from talweg.draw.charts.scale import moments
from talweg.draw.pages.facts import (
    Calibrated,
    Classified,
    Columns,
    Curve,
    Dependence,
    Mistakes,
    Regressed,
)
from talweg.insight import curves
from talweg.insight.dependence import Dependence as Followed
from talweg.insight.look import Look
from talweg.insight.mistakes import Mistakes as Wrong
from talweg.insight.words import is_several, target_name

_DRAWN = 4  # curves of classes or targets in one chart
_MOST_RANKED = 4_000_000  # probabilities that are sorted for curves: a second


def table_picture(trained: TrainedTable) -> Regressed | Classified | list[Regressed]:
    """Where the network errs on the rows that it never saw; of several targets the first ones."""
    held, coding, name = trained.held_out, trained.coding, target_name(trained)
    if is_several(trained):
        columns = zip(held.true.T, held.outputs.T, _first_targets(trained), strict=False)
        return [Regressed(true=true, predicted=said, target=name) for true, said, name in columns]
    if not isinstance(coding, Classification):
        return Regressed(true=held.true, predicted=held.outputs, target=name)
    counts = confusion(held.true, trained.decided(held.outputs), len(coding.levels))
    if not np.isfinite(held.outputs).all():
        return Classified(labels=coding.levels, counts=counts, target=name)
    roc, ranked = (_each_class(held, curve) for curve in (curves.roc, curves.precision_recall))
    drawn = _drawn(held, coding.levels)
    sizes = np.bincount(held.true, minlength=len(coding.levels)).tolist()
    precision, recall = curves.precision_and_recall(counts)
    areas = [[curve[2] for curve in each] for each in (roc, ranked)]
    return Classified(
        labels=coding.levels,
        counts=counts,
        target=name,
        classes=list(zip(coding.levels, sizes, precision, recall, *areas, strict=True)),
        roc={coding.levels[each]: roc[each] for each in drawn},
        precision_recall={coding.levels[each]: ranked[each] for each in drawn},
        calibration=_calibrated(held, coding.levels),
    )


def _first_targets(trained: TrainedTable) -> list[str]:
    """What to call those that are drawn."""
    return [trained.called(name) for name in trained.coding.names[:_DRAWN]]


def _each_class(held: HeldOut, curve: Callable[..., Curve]) -> list[Curve]:
    """The curve of each class against all others, of many rows and classes from some of them."""
    some = slice(None, None, 1 + held.outputs.size // _MOST_RANKED)
    true, shares = held.true[some], held.outputs[some]
    return [curve(true == each, shares[:, each]) for each in range(shares.shape[1])]


def _drawn(held: HeldOut, levels: Sequence[str]) -> list[int]:
    """Which classes get a curve: the rarer one of two, the most frequent of several."""
    sizes = np.bincount(held.true, minlength=len(levels))
    if len(levels) == 2:
        return [int(sizes.argmin())]
    return sorted(np.argsort(-sizes, kind="stable")[:_DRAWN].tolist())


def _calibrated(held: HeldOut, levels: Sequence[str]) -> Calibrated:
    """The probabilities of the rarer class of two, or of the predicted one of several."""
    if len(levels) == 2:
        (one,) = _drawn(held, levels)
        claimed, happened, of = held.outputs[:, one], held.true == one, f"class {levels[one]}"
    else:
        claimed, happened = held.outputs.max(axis=1), held.outputs.argmax(axis=1) == held.true
        of = "the predicted class"
    found = curves.calibration(happened, claimed)
    return Calibrated(
        claimed=found.claimed,
        happened=found.happened,
        counts=found.counts,
        error=found.error,
        of=of,
    )


def table_columns(trained: TrainedTable, seen: Look) -> Columns:
    """Which columns the network relies on, and how the prediction follows them."""
    found = seen.importance
    return Columns(
        names=list(map(trained.called, found.names)),
        worse=found.mean,
        spread=found.spread,
        score=found.score,
        rows=found.rows,
        repeats=found.worse.shape[1],
        of=found.of,
        predicted=_predicted(trained),
        dependence=[_dependence(trained, each) for each in seen.dependence],
    )


def _predicted(trained: TrainedTable) -> str:
    """What the mean prediction is of."""
    coding = trained.coding
    if is_several(trained):
        return "each target, in standard deviations from its mean,"
    if not isinstance(coding, Classification):
        return target_name(trained)
    if len(coding.levels) > 2:
        return "the probability of each class"
    (one,) = _drawn(trained.held_out, coding.levels)
    return f"the probability of {coding.levels[one]}"


def _dependence(trained: TrainedTable, followed: Followed) -> Dependence:
    coding = trained.coding
    if isinstance(coding, Classification):
        drawn = _drawn(trained.held_out, coding.levels)
        lines = {coding.levels[each]: followed.means[:, each] for each in drawn}
    elif is_several(trained):
        columns = zip(coding.each, followed.means.T, _first_targets(trained), strict=False)
        lines = {name: (means - one.mean) / one.scale for one, means, name in columns}
    else:
        lines = {target_name(trained): followed.means[:, 0]}
    name = trained.called(followed.name)
    values: ArrayLike | Sequence[str] = followed.values
    column = next(each for each in trained.encoder.columns if each.name == followed.name)
    if column.axis == "moment":  # from years to moments, which get an axis of dates
        values = moments((np.asarray(followed.values, np.float64) - 1970) * YEAR)
    name = f"{name} ({column.unit})" if column.unit else name
    return Dependence(name=name, values=values, lines=lines)


def table_mistakes(trained: TrainedTable, seen: Look) -> Mistakes:
    """The worst rows: truth, prediction, how wrong, and the most important columns."""
    found, classes, several = seen.mistakes, trained.task == "classification", is_several(trained)
    gap = "probability of the true one" if classes else "true minus predicted"
    gap = "error in standard deviations" if several else gap
    said = "given the lowest probability of what was true" if classes else "off by most"
    columns = [*_true_and_predicted(trained, found), (gap, found.errors.tolist())]
    columns += [(trained.called(name), cells) for name, cells in found.columns.items()]
    return Mistakes(
        heads=[head for head, _ in columns],
        rows=[tuple(map(_cell, row)) for row in zip(*(cells for _, cells in columns), strict=True)],
        said=f"The rows that training never saw and that were {said}, with the columns that the "
        "network relies on most. Some may be rows that are wrong themselves.",
    )


def _true_and_predicted(trained: TrainedTable, found: Wrong) -> list[tuple[str, Sequence[Any]]]:
    """Columns of the worst rows: the truth and the prediction, of several targets of each."""
    if not is_several(trained):
        return [(f"{target_name(trained)}, true", found.true), ("predicted", found.predicted)]
    pairs = zip(np.transpose(found.true), np.transpose(found.predicted), strict=True)
    return [
        (f"{name}, {what}", cells.tolist())
        for name, pair in zip(_first_targets(trained), pairs, strict=False)
        for what, cells in zip(("true", "predicted"), pair, strict=True)
    ]


def _cell(value: str | float) -> str | float:
    """A number to the digits that a network has, so that 21 is not 21.0000002."""
    return value if isinstance(value, str) else float(np.float32(value))
