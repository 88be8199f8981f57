"""The permutation importance of the most important columns."""

from __future__ import annotations

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.figure import Figure
from talweg.errors import counted
from talweg.insight.importance import Importance

MOST_BARS = 15


def importance_title(record: Importance) -> str:
    """The measure of importance: the change of the score."""
    change = "Decrease in" if record.score == "R2" else "Increase in"
    return f"{change} {record.score} when a column is shuffled"


def _draw(record: Importance) -> str:
    shown = slice(MOST_BARS)
    title, spreads = importance_title(record), record.spread[shown]
    return bar_chart(record.names[shown], record.mean[shown], title=title, spreads=spreads)


def _caption(record: Importance) -> str:
    return (
        f"{_columns_text(record)} shuffled {record.repeats} times among "
        f"{counted(record.rows, 'row')} that training never saw. Bars show the mean, whiskers the "
        "standard deviation. Columns that carry the same information share their importance, and "
        "may all look unimportant."
    )


def _columns_text(record: Importance) -> str:
    if len(record.names) == record.total:
        return "Each column was"
    return (
        f"Of {record.total:,} columns, the {len(record.names):,} most correlated with the "
        "prediction were each"
    )


IMPORTANCE = Figure(
    Importance,
    _draw,
    label=lambda record: "Chart of the importance of columns",
    caption=_caption,
)
