"""Sections about a sweep: what the settings do, the learning curves, and the table of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from talweg.draw.markup import Markup
from talweg.draw.pages import page
from talweg.draw.pages.text import duration
from talweg.insight.sweep_report import SweepReport, SweepTable


def sweep_facts(report: SweepReport) -> list[tuple[str, str]]:
    """Names and values below the summary."""
    counts = {
        "stopped by halving": report.halted,
        "became NaN or infinite": report.failed,
        "left out": report.left_out,
    }
    some = [(name, f"{count:,}") for name, count in counts.items() if count]
    return [("runs", f"{report.runs:,}"), ("time", duration(report.seconds)), *some]


def effects_of(report: SweepReport) -> list[Any]:
    """The records of what single settings and pairs of them do; none if nothing was swept."""
    return [*report.settings, *report.pairs]


def effects_section(effects: Sequence[Any]) -> list[Markup]:
    """The loss by each setting, and by pairs of settings."""
    return page.figures(*effects)


def runs_section(table: SweepTable) -> list[Markup]:
    """The runs as a table, the best first."""
    rows = zip(table.runs, *table.columns.values(), strict=True)
    shown = len(table.runs)
    caption = "Runs, the best first" + (f" ({shown} of them)" if shown < table.total else "")
    return [page.table(caption, ["run", *table.columns], [tuple(map(_cell, row)) for row in rows])]


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
