"""What the report of a trained table draws: predictions, columns and mistakes as plain facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from talweg.data.coded import YEAR, DateColumn
from talweg.data.scores import confusion
from talweg.data.target import Classification
from talweg.data.trained_table import HeldOut, TrainedTable
from talweg.draw.facts import (
    Calibrated,
    Classified,
    Columns,
    Curve,
    Dependence,
    Mistakes,
    Regressed,
)
from talweg.draw.scale import moments
from talweg.insight import curves
from talweg.insight.dependence import Dependence as Followed
from talweg.insight.look import Look
from talweg.insight.words import column_name, target_name

_CLASSES_DRAWN = 4  # curves in one chart
_MOST_RANKED = 4_000_000  # probabilities that are sorted for curves: a second


def table_picture(trained: TrainedTable) -> Regressed | Classified:
    """Where the network errs on the rows that it never saw."""
    held, coding, name = trained.held_out, trained.coding, target_name(trained)
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
    return sorted(np.argsort(-sizes, kind="stable")[:_CLASSES_DRAWN].tolist())


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
        names=[column_name(trained, name) for name in found.names],
        worse=found.mean,
        spread=found.spread,
        score=found.score,
        rows=found.rows,
        repeats=found.worse.shape[1],
        predicted=_predicted(trained),
        dependence=[_dependence(trained, each) for each in seen.dependence],
    )


def _predicted(trained: TrainedTable) -> str:
    """What the mean prediction is of."""
    coding = trained.coding
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
    else:
        lines = {coding.name: followed.means[:, 0]}
    name = column_name(trained, followed.name)
    values: ArrayLike | Sequence[str] = followed.values
    column = next(each for each in trained.encoder.columns if each.name == followed.name)
    if isinstance(column, DateColumn):  # from years to moments, which get an axis of dates
        values = moments((np.asarray(followed.values, np.float64) - 1970) * YEAR)
    return Dependence(name=name, values=values, lines=lines)


def table_mistakes(trained: TrainedTable, seen: Look) -> Mistakes:
    """The worst rows: truth, prediction, how wrong, and the most important columns."""
    found, classes = seen.mistakes, trained.task == "classification"
    name = target_name(trained)
    gap = "probability of the true one" if classes else "true minus predicted"
    heads = [f"{name}, true", "predicted", gap]
    cells = zip(found.true, found.predicted, found.errors.tolist(), strict=True)
    others = zip(*found.columns.values(), strict=True)
    said = "given the lowest probability of what was true" if classes else "off by most"
    return Mistakes(
        heads=[*heads, *(column_name(trained, each) for each in found.columns)],
        rows=[(*map(_cell, told), *held) for told, held in zip(cells, others, strict=True)],
        said=f"The rows that training never saw and that were {said}, with the columns that the "
        "network relies on most. Some may be rows that are wrong themselves.",
    )


def _cell(value: str | float) -> str | float:
    """A number to the digits that a network has, so that 21 is not 21.0000002."""
    return value if isinstance(value, str) else float(np.float32(value))
