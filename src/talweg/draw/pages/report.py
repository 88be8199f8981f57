"""Rendering and writing a report as one HTML page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from talweg.atomic_write import atomic_write
from talweg.draw.markup import Markup, tag
from talweg.draw.pages import page
from talweg.draw.pages.parts import PAGES, Part
from talweg.insight.describe import describe
from talweg.insight.record import Report
from talweg.insight.table_report import warn_of_omission


def report(result: Any, path: str | os.PathLike[str], *, data: Any = None) -> Path:
    """Write a report of a fitted TableModel, a run, a sweep or restarts as one HTML page.

    The page opens offline. A model is inspected on rows that it never saw: those that `fit` held
    out, or `data`, which a model loaded from a file needs. SettingError: `result` is of another
    type.
    """
    return write_page(path, render(describe(result, data=data)))


def write_page(path: str | os.PathLike[str], content: str) -> Path:
    """Write a page to `path`, completely or not at all."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target) as stream:
        stream.write(content.encode())
    return target


def render(report: Report, *, strict: bool = True) -> str:
    """The report as the text of an HTML page.

    If a part cannot be drawn, `strict` raises the error; otherwise a sentence and a
    TrainingWarning say that it is left out.
    """
    layout = PAGES[type(report)]
    records = [(part, part.record(report)) for part in layout.parts]
    records = [(part, record) for part, record in records if record is not None and record != []]
    sections = [
        page.section(part.key, part.heading, *_content(part, record, strict))
        for part, record in records
    ]
    links = [(part.key, part.heading) for part, _ in records]
    header = tag(
        "header",
        page.brand(),
        tag("h1", report.title),
        page.paragraph(" ".join(report.summary), class_="lead"),
        page.facts(layout.facts(report)),
        page.contents(links) if layout.has_contents else Markup(),
    )
    footer = f"Written by talweg {report.talweg}."
    return page.document(report.title, header, *sections, footer=footer)


def _content(part: Part, record: Any, strict: bool) -> list[Markup]:
    try:
        return list(part.render(record))
    except Exception as error:
        if strict:
            raise
        return [page.paragraph(warn_of_omission(part.heading, error))]
