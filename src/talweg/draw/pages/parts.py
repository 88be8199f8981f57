"""The parts of the page of each kind of report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from talweg.draw.markup import Markup
from talweg.draw.pages import (
    comparison_sections as comparison,
    page,
    run_sections as run,
    sweep_sections as sweep,
    table_sections as table,
)
from talweg.insight.comparison import Comparison
from talweg.insight.record import Report
from talweg.insight.run_report import RunReport
from talweg.insight.sweep_report import SweepReport
from talweg.insight.table_report import TableReport


@dataclass(frozen=True)
class Part:
    """A section of a page: its anchor, heading, record, and the function that renders the record.

    The part is left out if the report has no such record.
    """

    key: str
    heading: str
    record: Callable[[Any], Any]
    render: Callable[[Any], Iterable[Markup]]


@dataclass(frozen=True)
class Page:
    """The facts below the summary, and the parts in order, with a list of contents by default."""

    facts: Callable[[Any], Sequence[tuple[str, str]]]
    parts: Sequence[Part]
    has_contents: bool = True


def _whole(report: Report) -> Report:
    return report


_RUN = (
    Part("training", "How it learned", attrgetter("training"), run.training_section),
    Part("network", "The network", attrgetter("network"), run.network_section),
    Part("repeat", "How to repeat this", attrgetter("settings"), run.settings_section),
)
_TRAINING, *_REPEAT = _RUN

PAGES: Mapping[type[Report], Page] = {
    TableReport: Page(
        table.table_facts,
        (
            Part("result", "The result", attrgetter("result"), table.result_section),
            Part("columns", "What it relies on", attrgetter("inspection"), table.columns_section),
            Part(
                "mistakes", "Its largest errors", attrgetter("inspection"), table.mistakes_section
            ),
            _TRAINING,
            Part("data", "The data", attrgetter("data"), table.data_section),
            *_REPEAT,
        ),
    ),
    RunReport: Page(run.run_facts, _RUN),
    SweepReport: Page(
        sweep.sweep_facts,
        (
            Part("settings", "What the settings do", sweep.effects_of, sweep.effects_section),
            Part("curves", "How they learned", attrgetter("curves"), page.figures),
            Part("runs", "All runs", attrgetter("table"), sweep.runs_section),
        ),
    ),
    Comparison: Page(
        lambda report: (),
        (
            Part("scores", "The scores", _whole, comparison.scores_section),
            Part("training", "How they learned", attrgetter("validation_losses"), page.figures),
            Part("settings", "What differs", _whole, comparison.settings_section),
        ),
        has_contents=False,
    ),
}
