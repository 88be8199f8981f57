"""Sections about a trained table: its scores, its inspection, its largest errors, its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from talweg.draw.charts.canvas import capitalized
from talweg.draw.charts.importance import MOST_BARS, importance_title
from talweg.draw.charts.scale import number
from talweg.draw.markup import Markup
from talweg.draw.pages import page
from talweg.draw.pages.text import duration
from talweg.errors import counted
from talweg.insight.dependence import Dependence
from talweg.insight.importance import Importance
from talweg.insight.inspection import Inspection
from talweg.insight.mistakes import Mistakes
from talweg.insight.predictions import PredictedClasses, PredictedNumbers, Predictions
from talweg.insight.table_report import Data, Result, TableReport
from talweg.insight.text import percent


def table_facts(report: TableReport) -> list[tuple[str, str]]:
    """Names and values below the summary, of the parts that the report has."""
    facts = []
    if report.result and report.result.scores:
        first = report.result.scores[0]
        facts.append((capitalized(first.name), f"{first.network:.3g}"))
    if report.data:
        facts.append(("Rows", f"{report.data.rows:,}"))
        facts.append(("Columns used", f"{len(report.data.columns):,}"))
    if report.network:
        facts.append(("Parameters", f"{report.network.total_parameters:,}"))
    if report.training and report.training.seconds is not None:
        facts.append(("Training time", duration(report.training.seconds)))
    return facts


def result_section(result: Result) -> list[Markup]:
    """The scores, and charts of predicted and true values."""
    model = "These networks" if result.networks > 1 else "This network"
    heads = ("Score", model, result.baseline)
    scores = page.table(result.scored_on or "Scores", heads, result.scores)
    return [scores, _periods(result), *_predictions(result.predictions)]


def _periods(result: Result) -> Markup:
    """The first score in each period."""
    name = result.scores[0].name if result.periods else ""
    heads = ("From", "To", "Rows", name, f"{name} of the trivial predictor")
    rows = [(p.first, p.last, p.rows, p.network, p.trivial) for p in result.periods]
    return page.table(f"{name}, period by period", heads, rows)


def _predictions(predictions: Predictions | None) -> list[Markup]:
    if isinstance(predictions, PredictedClasses):
        return list(_classes(predictions))
    if isinstance(predictions, PredictedNumbers):
        return page.figures(predictions)
    return [
        part
        for target in predictions or ()
        for part in (page.heading(target.target), *page.figures(target))
    ]


def _classes(predictions: PredictedClasses) -> Iterator[Markup]:
    yield from page.figures(predictions)
    heads = ("Class", "Rows", "Precision", "Recall", "ROC AUC", "Average precision")
    rows = [
        (c.name, c.rows, c.precision, c.recall, c.roc_area, c.average_precision)
        for c in predictions.classes
    ]
    yield page.table("Each class against all others", heads, rows)
    yield from page.figures(predictions.calibration, predictions.ranking)


def columns_section(inspection: Inspection) -> list[Markup]:
    """The importance of each column, and the dependence of the prediction on the first ones."""
    return [*_importance(inspection.importance), *_dependence(inspection.dependence)]


def _importance(importance: Importance) -> list[Markup]:
    """A chart of the most important columns; if there are more, a table of all."""
    figures = page.figures(importance)
    if len(importance.names) <= MOST_BARS:
        return figures
    values = zip(importance.names, importance.mean, importance.spread, strict=True)
    rows = [(name, number(mean, 3), number(spread, 2)) for name, mean, spread in values]
    heads = ("Column", importance_title(importance), "Spread")
    table = page.table(f"All {len(rows)} columns", heads, rows)
    return [*figures, page.fold("All columns", table)]


def _dependence(dependence: Sequence[Dependence]) -> list[Markup]:
    if not dependence:
        return []
    text = (
        f"Each chart shows the mean prediction ({dependence[0].predicted}) if all rows had the "
        "same value in one column and kept their other values. If columns are correlated, some of "
        "these rows are unrealistic."
    )
    heading = page.heading("How the prediction depends on them")
    return [heading, page.paragraph(text), *page.figures(*dependence)]


def mistakes_section(inspection: Inspection) -> list[Markup]:
    """The rows with the largest errors, as a table."""
    mistakes = inspection.mistakes
    largest = (
        "lowest probability of the true class"
        if mistakes.measure.startswith("probability")
        else "largest errors"
    )
    text = (
        f"The held-out rows with the {largest}, and the columns that the network relies on most. "
        "Some of these rows may contain errors themselves."
    )
    columns = mistake_columns(mistakes)
    heads, cells = [head for head, _ in columns], [values for _, values in columns]
    rows = [tuple(map(_cell, row)) for row in zip(*cells, strict=True)]
    return [page.paragraph(text), page.table("Largest errors first", heads, rows, wide=True)]


def mistake_columns(mistakes: Mistakes) -> list[tuple[str, Sequence[Any]]]:
    """Heading and cells: the true and predicted values, the error, and the columns of the table."""
    errors = (mistakes.measure, np.asarray(mistakes.errors).tolist())
    return [*_true_and_predicted(mistakes), errors, *mistakes.columns.items()]


def _true_and_predicted(mistakes: Mistakes) -> list[tuple[str, Sequence[Any]]]:
    first, *others = mistakes.targets
    if not others:
        return [(f"{first}, true", mistakes.true), ("predicted", mistakes.predicted)]
    pairs = zip(np.transpose(mistakes.true), np.transpose(mistakes.predicted), strict=True)
    return [
        (f"{name}, {word}", cells.tolist())
        for name, pair in zip(mistakes.targets, pairs, strict=False)
        for word, cells in zip(("true", "predicted"), pair, strict=True)
    ]


def _cell(value: str | float) -> str | float:
    """A number in the precision of a network, so that 21 does not print as 21.0000002."""
    return value if isinstance(value, str) else float(np.float32(value))


def data_section(data: Data) -> list[Markup]:
    """The split of the rows, and the use of each column."""
    used = f"Each of {data.networks} networks uses" if data.networks > 1 else "Used for"
    splits = [(split.name, split.rows, percent(split.share)) for split in data.splits]
    left_out = [(column.name, column.why) for column in data.left_out]
    return [
        page.notes("Worth a look", [*data.time_order, *(note.text for note in data.notes)]),
        page.table(counted(data.rows, "row"), (used, "Rows", "Share"), splits),
        _used_columns(data),
        page.table("Columns left out", ("Column", "Why"), left_out),
    ]


def _used_columns(data: Data) -> Markup:
    """The columns that the network uses, with their missing cells if there are any."""
    if not any(column.missing for column in data.columns):
        rows = [(column.name, column.kind, column.encoding) for column in data.columns]
        return page.table("Columns", ("Column", "Kind", "Encoding"), rows)
    heads = ("Column", "Kind", "Missing cells", "Encoding")
    counts = [(c.name, c.kind, c.missing, c.encoding) for c in data.columns]
    return page.table("Columns", heads, counts)
