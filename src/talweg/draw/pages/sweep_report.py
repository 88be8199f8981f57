"""The page of a sweep: its best run, the loss against what was swept, curves, and the table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from talweg.draw.charts.scale import Floats, number
from talweg.draw.charts.sweep import curves_chart, heat_chart, loss_chart, places, plane_chart
from talweg.draw.markup import Markup, tag
from talweg.draw.pages import page
from talweg.draw.pages.report import duration, write_page
from talweg.errors import counted
from talweg.train.search.search_space import in_words
from talweg.train.search.sweep import Sweep
from talweg.version import VERSION

_MOST_CELLS = 10  # values of a setting that a heat map shows
_MOST_PLANES = 3
_ROWS = 200  # of the table


def write_sweep(sweep: Sweep, path: str | os.PathLike[str]) -> Path:
    """Write what a sweep found as one HTML page that opens offline."""
    return write_page(path, render(sweep))


def render(sweep: Sweep) -> str:
    """The page of a sweep as text."""
    title = f"A sweep of {counted(len(sweep.runs), 'run')}"
    shown = list(_sections(sweep))
    header = tag(
        "header",
        page.brand(),
        tag("h1", title),
        page.paragraph(_lead(sweep), class_="lead"),
        page.facts(_facts(sweep)),
        page.contents([(key, heading) for key, heading, _ in shown]),
    )
    sections = (page.section(key, heading, *content) for key, heading, content in shown)
    return page.document(title, header, *sections, footer=f"Written by talweg {VERSION}.")


def _lead(sweep: Sweep) -> str:
    if sweep.table.best is None:
        return "No run has a loss to compare."
    at = ", ".join(f"{name} {in_words(value)}" for name, value in sweep.best_point.items())
    loss = number(float(_losses(sweep)[sweep.table.best]))
    return f"The best run has a {_measure(sweep)} of {loss}{f', with {at}' if at else ''}."


def _facts(sweep: Sweep) -> list[tuple[str, str]]:
    stopped = sum(run.stopped_by == "halving" for run in sweep.runs)
    failed = sum(run.failure is not None for run in sweep.runs)
    facts = [("runs", f"{len(sweep.runs):,}"), ("time", duration(sweep.seconds))]
    facts += [("halted by halving", f"{stopped:,}")] if stopped else []
    facts += [("stopped being finite", f"{failed:,}")] if failed else []
    return facts + ([("left out", f"{len(sweep.left_out):,}")] if sweep.left_out else [])


def _measure(sweep: Sweep) -> str:
    return "validation loss" if sweep.compared_by == "val_loss" else "loss"


def _losses(sweep: Sweep) -> Floats:
    """What runs are compared by; nothing for those that failed."""
    measure = sweep.compared_by
    column = sweep.table[f"run_{measure}" if f"run_{measure}" in sweep.table else measure]
    failed = [run.failure is not None for run in sweep.runs]
    return np.where(failed, np.nan, column.astype(np.float64))


def _sections(sweep: Sweep) -> Iterator[tuple[str, str, list[Markup]]]:
    if not sweep.runs:
        return
    swept = {n: [p[n] for p in sweep.points] for n in sweep.points[0]}
    swept = {n: values for n, values in swept.items() if len({in_words(v) for v in values}) > 1}
    if swept:
        yield "settings", "What the settings do", list(_settings(sweep, swept))
    curves = [run.history[sweep.compared_by] for run in sweep.runs if _has(sweep, run)]
    losses = [
        loss for loss, run in zip(_losses(sweep), sweep.runs, strict=True) if _has(sweep, run)
    ]
    chart = curves_chart(curves, losses, measure=_measure(sweep))
    caption = "A line for each run, the best one in colour."
    yield "curves", "How they learned", [page.figure("Learning curves", chart, caption)]
    yield "runs", "All runs", [_table(sweep)]


def _has(sweep: Sweep, run: Any) -> bool:
    return len(run.history.get(sweep.compared_by, ())) > 0


def _settings(sweep: Sweep, swept: dict[str, list[Any]]) -> Iterator[Markup]:
    losses, measure = _losses(sweep), _measure(sweep)
    names = [name for name in swept if name != "seed"] or list(swept)
    for name in names:
        values = swept[name] if not places(swept[name])[1] else [in_words(v) for v in swept[name]]
        chart = loss_chart(values, losses, name=name, measure=measure)
        yield page.figure(
            f"Chart: {measure} by {name}", chart, "A dot for each run; ring: the best."
        )
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    for first, second in pairs[:_MOST_PLANES]:
        yield _pair(first, second, swept, losses, measure)


def _pair(
    first: str, second: str, swept: dict[str, list[Any]], losses: Floats, measure: str
) -> Markup:
    """Two settings together: a heat map where they have few values, and otherwise a plane."""
    rows, columns = (list(dict.fromkeys(map(in_words, swept[name]))) for name in (first, second))
    names = first, second
    if max(len(rows), len(columns)) <= _MOST_CELLS:
        cells: list[list[list[float]]] = [[[] for _ in columns] for _ in rows]
        for a, b, loss in zip(swept[first], swept[second], losses.tolist(), strict=True):
            cells[rows.index(in_words(a))][columns.index(in_words(b))].append(loss)
        table = [[_median(each) for each in row] for row in cells]
        chart = heat_chart(rows, columns, table, names=names, measure=measure)
        caption = "The median where several runs share a cell. The stronger, the smaller the loss."
    else:
        chart = plane_chart(swept[first], swept[second], losses, names=names, measure=measure)
        caption = "A dot for each run, the stronger the smaller its loss; ring: the best."
    return page.figure(f"Chart: {measure} by {first} and {second}", chart, caption)


def _median(losses: Sequence[float]) -> float:
    known = [each for each in losses if np.isfinite(each)]
    return float(np.median(known)) if known else np.nan


def _table(sweep: Sweep) -> Markup:
    """The runs, the best first."""
    columns = sweep.columns
    order = np.argsort(_losses(sweep), kind="stable")[:_ROWS].tolist()
    rows = [[str(place), *(in_words(each[place]) for each in columns.values())] for place in order]
    caption = "Runs, the best first" + (
        f" ({_ROWS} of them)" if len(order) < len(sweep.runs) else ""
    )
    return page.table(caption, ["run", *columns], rows)
