"""The report of a run: plain facts in, one HTML file out, which opens offline."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from talweg.atomic_write import atomic_write
from talweg.draw.charts.plots import line_chart
from talweg.draw.charts.scale import number
from talweg.draw.markup import Markup, tag
from talweg.draw.pages import page
from talweg.draw.pages.columns import column_parts, mistake_parts
from talweg.draw.pages.facts import Data, Network, Report, Result, Settings, Training
from talweg.draw.pages.result import pictures
from talweg.errors import TrainingWarning, counted

Make = Callable[[], list[Markup]]


def write_report(path: str | os.PathLike[str], report: Report) -> Path:
    """Write the report to `path` as one HTML file, whole or not at all."""
    return write_page(path, render(report))


def write_page(path: str | os.PathLike[str], content: str) -> Path:
    """Write a page to `path`, whole or not at all."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target) as stream:
        stream.write(content.encode())
    return target


def render(report: Report, *, strict: bool = True) -> str:
    """The report as the text of an HTML page.

    A part that cannot be drawn is an error; where that is not `strict`, its place says so, as does
    a TrainingWarning.
    """
    shown = [(key, heading, _drawn(heading, make, strict)) for key, heading, make in _parts(report)]
    header = tag(
        "header",
        page.brand(),
        tag("h1", report.title),
        page.paragraph(report.headline, class_="lead"),
        page.facts(report.facts),
        page.contents([(key, heading) for key, heading, _ in shown]),
    )
    sections = (page.section(key, heading, *content) for key, heading, content in shown)
    footer = f"Written by talweg {report.version}."
    return page.document(report.title, header, *sections, footer=footer)


def _drawn(heading: str, make: Make, strict: bool) -> list[Markup]:
    try:
        return make()
    except Exception as error:
        if strict:
            raise
        return [page.paragraph(left_out(heading, error))]


def left_out(heading: str, error: Exception) -> str:
    """What is said of a part that could not be drawn, also as a warning."""
    said = f"{heading!r} is left out of the report ({type(error).__name__}: {error})."
    warnings.warn(said, TrainingWarning, stacklevel=2)
    return said


def _parts(report: Report) -> Iterator[tuple[str, str, Make]]:
    """Key and heading of each part that the report has, and what draws it."""
    if report.result:
        yield "result", "The result", partial(_result, report.result)
    if report.columns:
        yield "columns", "What it relies on", partial(column_parts, report.columns)
    if report.mistakes:
        yield "mistakes", "Where it errs most", partial(mistake_parts, report.mistakes)
    if report.training:
        yield "training", "How it learned", partial(_training, report.training)
    if report.data:
        yield "data", "The data", partial(_data, report.data)
    if report.network:
        yield "network", "The network", partial(_network, report.network)
    if report.settings:
        yield "repeat", "To repeat this", partial(_settings, report.settings)


def _result(result: Result) -> list[Markup]:
    whose = "These networks" if result.networks > 1 else "This network"
    heads = ("Score", whose, result.baseline)
    scores = page.table(result.scored_on or "Scores", heads, result.scores)
    return [scores, _periods(result), *pictures(result.picture)]


def _periods(result: Result) -> Markup:
    """How the first score changed from one period to the next."""
    name = result.scores[0][0] if result.periods else ""
    heads = ("From", "To", "Rows", name, f"{name} of the trivial predictor")
    return page.table(f"{name}, period by period", heads, result.periods)


def _training(training: Training) -> list[Markup]:
    metrics = dict.fromkeys(name.removeprefix("val_") for name in training.history)
    speed = page.table("Speed", ("What", "How fast"), training.speed)
    return [
        page.paragraph(training.said),
        *(_curves(metric, training) for metric in metrics),
        speed,
    ]


_WORDS = {
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "r2": "R²",
}


def _curves(name: str, training: Training) -> Markup:
    """The curves of one metric over the epochs, on training and validation rows."""
    names = {"training": name, "validation": f"val_{name}"}
    found = {
        label: training.history[key] for label, key in names.items() if key in training.history
    }
    words = _WORDS.get(name, name.replace("_", " "))
    title = f"{words[:1].upper()}{words[1:]} by epoch"
    chart = line_chart(
        {label: (_epochs(values), values) for label, values in found.items()},
        title=title,
        x_label="epoch",
        y_label=words,
        marks=_marks(training),
    )
    first = f"The first of {training.networks} networks. " if training.networks > 1 else ""
    caption = first + _curves_caption(found, training.best_epoch)
    return page.figure(f"Chart: {title}", chart, caption)


def _epochs(values: ArrayLike) -> list[int]:
    return list(range(1, np.size(values) + 1))


def _marks(training: Training) -> list[tuple[float, str]]:
    best, last = training.best_epoch, training.epochs
    marks = [] if best is None else [(float(best), f"best: {best:,}")]
    return marks if best == last else [*marks, (float(last), f"stopped: {last:,}")]


def _curves_caption(curves: Mapping[str, ArrayLike], best: int | None) -> str:
    ends = {
        label: np.ravel(np.asarray(values, dtype=np.float64)) for label, values in curves.items()
    }
    parts = [f"{label} {number(values[-1])}" for label, values in ends.items() if values.size]
    said = f"At the last epoch: {', '.join(parts)}." if parts else "No epoch was run."
    return said if best is None else f"{said} The network keeps its weights of epoch {best:,}."


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(0.0123), duration(4.21), duration(754)
    ('12 ms', '4.2 s', '12 min 34 s')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _data(data: Data) -> list[Markup]:
    shares = [(name, rows, f"{rows / max(data.rows, 1):.0%}") for name, rows in data.splits]
    used = f"Each of {data.networks} networks uses" if data.networks > 1 else "Used for"
    return [
        page.notes("Worth a look", data.notes),
        page.table(counted(data.rows, "row"), (used, "Rows", "Share"), shares),
        _columns(data),
        page.table("Columns left out", ("Column", "Why"), data.left_out),
    ]


def _columns(data: Data) -> Markup:
    """The columns that are used, with their missing cells where there are any."""
    if not data.missing:
        return page.table("Columns", ("Column", "Kind", "How it is used"), data.columns)
    heads = ("Column", "Kind", "Missing cells", "How it is used")
    rows = [(name, kind, data.missing.get(name, 0), use) for name, kind, use in data.columns]
    return page.table("Columns", heads, rows)


def _network(network: Network) -> list[Markup]:
    total = sum(count for _, _, count in network.layers)
    heads = ("Layer", "Output", "Parameters")
    layers = page.table(
        "Layers, from the input on", heads, network.layers, total=("All", "", total)
    )
    many = network.copies
    all_of_them = f"{many} of these, with {many * total:,} parameters." if many > 1 else ""
    return [layers, page.paragraph(f"{all_of_them} {network.said}".strip())]


def _settings(settings: Settings) -> list[Markup]:
    return [
        *_copied("On the command line", settings.command),
        *_copied("In Python", settings.code),
        page.table("All settings", ("Setting", "Value"), settings.values),
    ]


def _copied(heading: str, lines: str) -> list[Markup]:
    return [tag("h3", heading), page.code(heading, lines)] if lines else []
