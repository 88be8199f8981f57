"""The parts of a report that open the model up: the columns it relies on, and its worst rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.plots import line_chart
from talweg.draw.charts.scale import number
from talweg.draw.markup import Markup
from talweg.draw.pages import page
from talweg.draw.pages.facts import Columns, Dependence, Mistakes
from talweg.errors import counted

MOST_BARS = 15


def column_parts(told: Columns) -> list[Markup]:
    """How important each column is, and how the prediction follows the first ones."""
    pictures = [_dependence(each, told.predicted) for each in told.dependence]
    said = (
        f"Each picture shows {told.predicted} as predicted on average where every row is given the "
        "value below and keeps the rest; of columns that go together, such rows may not exist."
    )
    follow = [page.heading("How the prediction follows them"), page.paragraph(said)]
    return [*_importance(told), *(follow if pictures else []), page.pairs(pictures)]


def _importance(told: Columns) -> list[Markup]:
    """Bars of the most important columns, and a table of all where there are more."""
    worse, spread = (np.ravel(np.asarray(each, np.float64)) for each in (told.worse, told.spread))
    order = np.argsort(-worse, kind="stable").tolist()
    shown, names = order[:MOST_BARS], [str(name) for name in told.names]
    title = f"{_what(told.score)} where a column is shuffled"
    chart = bar_chart(
        [names[place] for place in shown], worse[shown], title=title, spreads=spread[shown]
    )
    caption = (
        f"{_shuffled(told)} shuffled among {counted(told.rows, 'row')} that training never saw, "
        f"{told.repeats} times; the bar is the mean, the line across its end the standard "
        "deviation. Columns that say the same share their importance, and may both seem low."
    )
    rows = [(names[place], number(worse[place], 3), number(spread[place], 2)) for place in order]
    every = page.table(f"All {len(order)} columns", ("Column", title, "Spread"), rows)
    figure = page.figure("Chart of the importance of columns", chart, caption)
    return [figure, page.fold("All columns", every) if len(order) > len(shown) else Markup()]


def _shuffled(told: Columns) -> str:
    if len(told.names) == told.of:
        return "Each column in turn was"
    return (
        f"Of {told.of:,} columns, the {len(told.names):,} that the prediction is most correlated "
        "with were in turn"
    )


def _what(score: str) -> str:
    return f"{score} lost" if score == "R2" else f"Rise of the {score}"


def _dependence(told: Dependence, predicted: str) -> Markup:
    lines = {name: np.ravel(np.asarray(values)) for name, values in told.lines.items()}
    label = f"Chart: {predicted} by {told.name}"
    if all(isinstance(value, str) for value in np.asarray(told.values).ravel().tolist()):
        return page.figure(label, _levels(told, lines), "")
    curves = {name: (told.values, values) for name, values in lines.items()}
    chart = line_chart(curves, title=page.short(told.name), log_y=False)
    return page.figure(label, chart, "")


def _levels(told: Dependence, lines: dict[str, np.ndarray]) -> str:
    """Bars of one line; of several classes the one that varies most."""
    name = max(lines, key=lambda each: float(np.ptp(lines[each])))
    names: Sequence[str] = [str(each) for each in np.asarray(told.values).tolist()]
    title = page.short(told.name) + (f", for {page.short(name)}" if len(lines) > 1 else "")
    return bar_chart(names, lines[name], title=title)


def mistake_parts(told: Mistakes) -> list[Markup]:
    """The worst rows as a table."""
    table = page.table("The worst first", told.heads, told.rows, wide=True)
    return [page.paragraph(told.said), table]
