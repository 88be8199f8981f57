"""The permutation importance of the most important columns."""

from __future__ import annotations

from talweg.draw.charts.bars import bar_chart
from talweg.draw.charts.figure import Figure
from talweg.errors import counted
from talweg.insight.importance import Importance

MOST_BARS = 15


def importance_title(record: Importance) -> str:
    """What importance is measured in."""
    loss = f"{record.score} lost" if record.score == "R2" else f"Rise of the {record.score}"
    return f"{loss} where a column is shuffled"


def _draw(record: Importance) -> str:
    shown = slice(MOST_BARS)
    title, spreads = importance_title(record), record.spread[shown]
    return bar_chart(record.names[shown], record.mean[shown], title=title, spreads=spreads)


def _caption(record: Importance) -> str:
    return (
        f"{_shuffled(record)} shuffled among {counted(record.rows, 'row')} that training never "
        f"saw, {record.repeats} times; the bar is the mean, the line across its end the standard "
        "deviation. Columns that say the same share their importance, and may both seem low."
    )


def _shuffled(record: Importance) -> str:
    if len(record.names) == record.total:
        return "Each column in turn was"
    return (
        f"Of {record.total:,} columns, the {len(record.names):,} that the prediction is most "
        "correlated with were in turn"
    )


IMPORTANCE = Figure(
    Importance,
    _draw,
    label=lambda record: "Chart of the importance of columns",
    caption=_caption,
)
