"""The part of a report that shows where predictions err: pictures of numbers, and of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from talweg.draw.charts.canvas import COLOURS
from talweg.draw.charts.confusion_matrix import confusion_chart
from talweg.draw.charts.histogram import error_chart, typical, within
from talweg.draw.charts.plots import scatter_chart
from talweg.draw.charts.scale import Floats, number
from talweg.draw.charts.unit_plot import reliability_chart, share_chart
from talweg.draw.markup import Markup
from talweg.draw.pages import page
from talweg.draw.pages.facts import Calibrated, Classified, Curve, Regressed


def pictures(picture: Regressed | Classified | Sequence[Regressed] | None) -> list[Markup]:
    """Where the network errs, drawn; each of several targets under its name."""
    if isinstance(picture, Classified):
        return list(_classified(picture))
    if isinstance(picture, Regressed):
        return [_regressed(picture), page.pairs([_residuals(picture), _spread(picture)])]
    return [part for each in picture or () for part in (page.heading(each.target), *pictures(each))]


def _regressed(picture: Regressed) -> Markup:
    name = picture.target or "value"
    chart = scatter_chart(
        picture.true,
        picture.predicted,
        title="Predicted against true",
        x_label=f"{name}, true",
        y_label=f"{name}, predicted",
    )
    caption = (
        "Each point is one row. On the dashed line the prediction is "
        "right; above it the network says too much, below it too little."
    )
    return page.figure("Chart of predicted against true values", chart, caption)


def _residuals(picture: Regressed) -> Markup:
    name = picture.target or "value"
    chart = scatter_chart(
        picture.predicted,
        _errors(picture),
        title="Residuals against predicted",
        x_label=f"{name}, predicted",
        y_label="true minus predicted",
        diagonal=False,
        level=0.0,
    )
    caption = (
        "What the prediction leaves over. A cloud of even height around the dashed line leaves "
        "nothing to learn; a bend or a funnel says that something systematic is missing."
    )
    return page.figure("Chart of residuals against predicted values", chart, caption)


def _spread(picture: Regressed) -> Markup:
    errors = _errors(picture)
    chart = error_chart(errors, title="How far off", x_label="true minus predicted", y_label="rows")
    one, two = (f"{100 * within(errors, times):.0f} %" for times in (1, 2))
    caption = (
        f"{one} of the rows lie within one typical error of 0 ({number(typical(errors), 3)}, the "
        f"root of the mean squared error), {two} within two; errors that fall as a bell curve "
        "would be 68 % and 95 %. More within one and fewer within two: mostly small errors, and a "
        "few large ones. The outermost bars hold all that lies beyond."
    )
    return page.figure("Chart of how far predictions are off", chart, caption)


def _errors(picture: Regressed) -> Floats:
    """True minus predicted, a row each."""
    true, said = (
        np.asarray(each, np.float64).ravel() for each in (picture.true, picture.predicted)
    )
    return np.asarray(true - said)


def _classified(picture: Classified) -> Iterator[Markup]:
    yield _confusion(picture)
    yield page.table(
        "Each class against all others",
        ("Class", "Rows", "Precision", "Recall", "ROC area", "Average precision"),
        picture.classes,
    )
    if picture.calibration:
        yield _calibration(picture.calibration)
    if picture.roc:
        yield _roc(picture.roc)
    if picture.precision_recall:
        yield _precision_recall(picture.precision_recall)


def _confusion(picture: Classified) -> Markup:
    title = f"Predicted and true {picture.target or 'class'}"
    chart = confusion_chart(picture.labels, picture.counts, title=title)
    caption = (
        "Rows are true classes, columns are predicted ones. What is right lies on the diagonal; "
        "the stronger the shade, the larger the share of its row."
    )
    return page.figure("Matrix of predicted and true classes", chart, caption)


def _calibration(told: Calibrated) -> Markup:
    chart = reliability_chart(
        told.claimed,
        told.happened,
        told.counts,
        title="How far the probabilities can be believed",
        x_label=f"probability given to {told.of}",
        y_label="share of rows where it was true",
    )
    caption = (
        f"Rows in ten bins of what they were promised. Expected calibration error: "
        f"{number(told.error, 3)}, the mean distance from the dashed line, where promises are kept."
    )
    return page.figure("Chart of claimed probabilities and what happened", chart, caption)


def _roc(curves: Mapping[str, Curve]) -> Markup:
    chart = share_chart(
        _shown(curves, "area"),
        title="ROC: finding them, and false alarms",
        x_label="share of the others taken for it",
        y_label="share of the class found",
        diagonal=True,
    )
    caption = (
        f"{_areas(curves)} under the curve: the chance that a row of the class gets a higher "
        "probability than one of the others. Each threshold on the probability is one point; the "
        "dashed line is chance, 0.5."
    )
    return page.figure("Chart of receiver operating characteristics", chart, caption)


def _precision_recall(curves: Mapping[str, Curve]) -> Markup:
    chart = share_chart(
        _shown(curves, "average"),
        title="Precision and recall",
        x_label="recall: share of the class found",
        y_label="precision: share that is right",
    )
    caption = (
        f"{_areas(curves)} under the curve: the average precision; chance would reach the share "
        "of the class among the rows. Finding more rows of a class costs false alarms."
    )
    return page.figure("Chart of precision against recall", chart, caption)


def _areas(curves: Mapping[str, Curve]) -> str:
    """The areas in words, of all classes that have a curve."""
    told = [f"{number(area, 3)} for class {name}" for name, (_, _, area) in curves.items()]
    return f"Area {', '.join(told)}"


def _shown(curves: Mapping[str, Curve], word: str) -> dict[str, tuple[ArrayLike, ArrayLike]]:
    """As many curves as can be told apart, with their areas in their names."""
    first = islice(curves.items(), len(COLOURS))
    return {f"{page.short(name)}, {word} {number(curve[2], 3)}": curve[:2] for name, curve in first}
