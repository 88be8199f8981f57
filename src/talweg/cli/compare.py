"""`talweg compare`: several models side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from talweg.cli.given import table_given
from talweg.cli.output import replaced, usable_file, whole_or_nothing
from talweg.cli.show import model_file
from talweg.cli.terminal import emit, say, words_aside
from talweg.cli.text import columns, paragraph
from talweg.data.model.trained_table import TrainedTable
from talweg.draw.pages.report import render
from talweg.insight.comparison import Comparison, compare as compared
from talweg.insight.text import number_text

_SCORES = 3
_WIDTH = 80  # letters of a line
_NAME, _SHORT_NAME = 24, 17  # letters of a model's name in the terminal


def compare(options: argparse.Namespace) -> None:
    """Print one line per model, the best first, or JSON, and write the page if asked."""
    files = list(map(model_file, options.models))
    read = {str(file): "model" for file in files} | {options.data or "": "table"}
    out = usable_file(options.out, read) if options.out is not None else None
    trained = map(TrainedTable.from_file, files)
    models = list(zip(options.models, trained, strict=True))
    with words_aside(options.json):
        report = compared(models, table_given(options.data) if options.data else None)
        say(paragraph(f"{report.title}. {report.scored_on}"))
        say("\n" + _table(report))
        if out is not None:
            older = replaced(out)
            with whole_or_nothing(out) as (stream,):
                stream.write(render(report).encode())
            say(f"\npage  {out}{older}")
    if options.json:
        emit(report.json_text())


def _table(report: Comparison) -> str:
    """The first scores, size and time of each model, and the trivial predictor's scores.

    If the table is too wide for a terminal, heads get two lines, and then names are cut.
    """
    table = ""
    for lines, letters in ((1, _NAME), (2, _NAME), (2, _SHORT_NAME)):
        table = columns([*_heads(report, lines), *_rows(report, letters)])
        if max(map(len, table.splitlines())) <= _WIDTH:
            break
    return table


def _shown(report: Comparison) -> Sequence[str]:
    """The scores that are printed: of several targets, R2 of the first."""
    most = 1 + len(report.targets) if report.task == "regression" else _SCORES
    return report.scores[: min(most, _SCORES)]


def _heads(report: Comparison, lines: int) -> list[tuple[str, ...]]:
    """The names of the columns, in so many lines, the last word in the last."""
    heads = ("model", *_shown(report), *(name for name, _ in report.models[0].facts()))
    if lines == 1:
        return [heads]
    parts = [head.rpartition(" ") for head in heads]
    return [tuple(first for first, _, _ in parts), tuple(last for _, _, last in parts)]


def _rows(report: Comparison, letters: int) -> Iterator[tuple[str, ...]]:
    """The cells of each model, the best first, and those of the trivial predictor."""
    names = _shown(report)
    for model in report.models:
        scores = map(model.score, names)
        reached = (number_text(score.network) if score else "-" for score in scores)
        yield (_short(model.name, letters), *reached, *(_cell(fact) for _, fact in model.facts()))
    trivial = (number_text(report.trivial[name]) for name in names)
    yield ("trivial predictor", *trivial, *[""] * len(report.models[0].facts()))


def _cell(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _short(name: str, letters: int) -> str:
    """A name, or the end of a long one, which tells more than its beginning."""
    return name if len(name) <= letters else f"...{name[3 - letters :]}"
