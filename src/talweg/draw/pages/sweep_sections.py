"""Sections about a sweep: what the settings do, the learning curves, and the table of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from talweg.draw.markup import Markup
from talweg.draw.pages import page
from talweg.draw.pages.text import duration
from talweg.insight.sweep_report import SweepReport, SweepTable


def sweep_facts(report: SweepReport) -> list[tuple[str, str]]:
    """The facts below the summary."""
    counts = {
        "Stopped by halving": report.halted,
        "Became NaN or infinite": report.failed,
        "Left out": report.left_out,
    }
    nonzero = [(name, f"{count:,}") for name, count in counts.items() if count]
    return [("Runs", f"{report.runs:,}"), ("Time", duration(report.seconds)), *nonzero]


def effects_of(report: SweepReport) -> list[Any]:
    """The records of the effects of single settings and of pairs; none if nothing was swept."""
    return [*report.settings, *report.pairs]


def effects_section(effects: Sequence[Any]) -> list[Markup]:
    """The loss by each setting, and by pairs of settings."""
    return page.figures(*effects)


def runs_section(table: SweepTable) -> list[Markup]:
    """The runs as a table, the best first."""
    rows = zip(table.runs, *table.columns.values(), strict=True)
    shown = len(table.runs)
    caption = "Runs, the best first" + (f" ({shown} of them)" if shown < table.total else "")
    cells = [tuple(map(_cell, row)) for row in rows]
    return [page.table(caption, ["run", *table.columns], cells, wide=True)]


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
