"""Sections about several models: their scores and their settings."""

from __future__ import annotations

from talweg.draw.markup import Markup
from talweg.draw.pages import page
from talweg.insight.comparison import ComparedModel, Comparison


def scores_section(report: Comparison) -> list[Markup]:
    """The scores as a table, the best model first, and a chart of each score."""
    facts = [name.capitalize() for name, _ in report.models[0].facts()]
    heads = ("Model", *report.scores, "Rows", *facts)
    rows = [_row(report, model) for model in report.models]
    total: list[page.Cell] = ["trivial predictor", *report.trivial.values(), report.models[0].rows]
    total += [""] * len(facts)
    table = page.table("Scores, the best model first", heads, rows, total=total, wide=True)
    return [table, *page.figures(*report.by_score)]


def _row(report: Comparison, model: ComparedModel) -> list[page.Cell]:
    scores = map(model.score, report.scores)
    cells: list[page.Cell] = [score.network if score else "\u2013" for score in scores]
    return [model.name, *cells, model.rows, *(value for _, value in model.facts())]


def settings_section(report: Comparison) -> list[Markup]:
    """The settings that differ between the models."""
    names = [model.name for model in report.models]
    rows = [(name, *values) for name, values in report.settings.items()]
    table = page.table("Settings that differ", ("Setting", *names), rows, wide=True)
    return [page.paragraph("" if rows else "All models have the same settings."), table]
