"""`talweg compare`: several models side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from talweg.cli.input_table import input_table
from talweg.cli.output import atomic_files, replacement_note, usable_file
from talweg.cli.show import model_file
from talweg.cli.terminal import messages_to_stderr, print_result, say
from talweg.cli.text import columns, paragraph
from talweg.data.model.trained_table import TrainedTable
from talweg.draw.pages.report import render
from talweg.insight.comparison import Comparison, compare as compared
from talweg.insight.text import number_text

_SCORES = 3
_WIDTH = 80  # characters of a line
_NAME, _SHORT_NAME = 24, 17  # characters of a model's name in the terminal


def compare(options: argparse.Namespace) -> None:
    """Print one line per model, the best first, or JSON; write an HTML page if asked."""
    files = list(map(model_file, options.models))
    inputs = {str(file): "model" for file in files} | {options.data or "": "table"}
    out = usable_file(options.out, inputs) if options.out is not None else None
    trained = map(TrainedTable.from_file, files)
    models = list(zip(options.models, trained, strict=True))
    with messages_to_stderr(options.json):
        report = compared(models, input_table(options.data) if options.data else None)
        say(paragraph(f"{report.title}. {report.scored_on}"))
        say("\n" + _table(report))
        if out is not None:
            note = replacement_note(out)
            with atomic_files(out) as (stream,):
                stream.write(render(report).encode())
            say(f"\npage  {out}{note}")
    if options.json:
        print_result(report.json_text())


def _table(report: Comparison) -> str:
    """The first scores, size and time of each model, and the trivial predictor's scores.

    If the table is too wide for a terminal, it gets two lines of headings, then shorter names too.
    """
    table = ""
    for lines, max_name in ((1, _NAME), (2, _NAME), (2, _SHORT_NAME)):
        table = columns([*_headings(report, lines), *_rows(report, max_name)])
        if max(map(len, table.splitlines())) <= _WIDTH:
            break
    return table


def _printed_scores(report: Comparison) -> Sequence[str]:
    """The first scores; of several targets, the R2 of the first ones."""
    most = 1 + len(report.targets) if report.task == "regression" else _SCORES
    return report.scores[: min(most, _SCORES)]


def _headings(report: Comparison, lines: int) -> list[tuple[str, ...]]:
    """The column headings in one line, or in two with the last word in the second."""
    headings = ("model", *_printed_scores(report), *(name for name, _ in report.models[0].facts()))
    if lines == 1:
        return [headings]
    parts = [head.rpartition(" ") for head in headings]
    return [tuple(first for first, _, _ in parts), tuple(last for _, _, last in parts)]


def _rows(report: Comparison, max_name: int) -> Iterator[tuple[str, ...]]:
    """The cells of each model, the best first, and those of the trivial predictor."""
    names = _printed_scores(report)
    for model in report.models:
        scores = map(model.score, names)
        values = (number_text(score.network) if score else "-" for score in scores)
        yield (_short(model.name, max_name), *values, *(_cell(fact) for _, fact in model.facts()))
    trivial = (number_text(report.trivial[name]) for name in names)
    yield ("trivial predictor", *trivial, *[""] * len(report.models[0].facts()))


def _cell(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _short(name: str, length: int) -> str:
    """A name; only the end of a long one, which identifies a path better than its beginning."""
    return name if len(name) <= length else f"...{name[3 - length :]}"
