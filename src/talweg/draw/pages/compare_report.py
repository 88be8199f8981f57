"""The page that shows several models side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.canvas import COLOURS
from talweg.draw.charts.plots import line_chart
from talweg.draw.markup import Markup, tag
from talweg.draw.pages import page
from talweg.errors import counted
from talweg.insight.comparison import Compared, Comparison, facts_of
from talweg.version import VERSION


def comparison_page(found: Comparison) -> str:
    """The comparison as the text of an HTML page that opens offline."""
    title, best = f"{counted(len(found.models), 'model')} of {found.target}", found.models[0]
    score = best.scores[0]
    lead = f"The best is {best.name}, with {score.name} {score.network:.3g}. {found.said}"
    header = tag("header", page.brand(), tag("h1", title), page.paragraph(lead, class_="lead"))
    sections = (page.section(key, heading, *parts) for key, heading, parts in _sections(found))
    return page.document(title, header, *sections, footer=f"Written by talweg {VERSION}.")


def _sections(found: Comparison) -> Iterator[tuple[str, str, list[Markup]]]:
    """Key, heading and content of each part."""
    yield "scores", "The scores", [_scores(found), *_bars(found)]
    yield "training", "How they learned", [_curves(found)]
    differing = found.differing()
    names = [each.name for each in found.models]
    table = page.table("Settings that differ", ("Setting", *names), differing, wide=True)
    said = page.paragraph("" if differing else "All have the same settings.")
    yield "settings", "What sets them apart", [said, table]


def _scores(found: Comparison) -> Markup:
    first = found.models[0]
    facts = [name.capitalize() for name, _ in facts_of(first)]
    heads = ("Model", *found.scores, "Rows", *facts)
    rows = [_row(each, found.scores) for each in found.models]
    total: list[page.Cell] = ["trivial predictor", *map(found.trivial, found.scores)]
    total += [first.rows, *([""] * len(facts))]
    return page.table("The best first", heads, rows, total=total, wide=True)


def _row(model: Compared, names: Sequence[str]) -> list[page.Cell]:
    scores = map(model.score, names)
    reached = (score.shown.network if score else "\u2013" for score in scores)
    cells: list[page.Cell] = [model.name, *reached, model.rows]
    return [*cells, *(value for _, value in facts_of(model))]


def _bars(found: Comparison) -> Iterator[Markup]:
    """A chart of each score, of the models that have it."""
    for name in found.scores:
        reached = [
            (each.name, score.network) for each in found.models if (score := each.score(name))
        ]
        names, values = zip(*reached, strict=True)
        title = f"{name[0].upper()}{name[1:]}"
        yield page.figure(f"Chart: {title}", bar_chart(names, values, title=title), "")


def _curves(found: Comparison) -> Markup:
    """The validation loss of the first models by epoch."""
    curves = {
        page.short(each.name): (np.arange(1, len(loss) + 1), loss)
        for each in found.models[: len(COLOURS)]
        if (loss := each.trained.first_history.get("val_loss")) is not None
    }
    chart = line_chart(
        curves, title="Validation loss by epoch", x_label="epoch", y_label="validation loss"
    )
    caption = (
        "Each on its own validation rows; a loss of numbers is that of the standardised target."
    )
    return page.figure("Chart: validation loss by epoch", chart, caption)
