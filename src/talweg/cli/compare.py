"""`talweg compare`: several models or runs side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from talweg.cli.given import table_given
from talweg.cli.output import replaced, usable_file, whole_or_nothing
from talweg.cli.show import model_file
from talweg.cli.terminal import say
from talweg.cli.text import columns, paragraph
from talweg.data.model.trained_table import TrainedTable
from talweg.draw.pages.compare_report import comparison_page
from talweg.errors import counted
from talweg.insight.comparison import Comparison, compare as compared, facts_of
from talweg.insight.words import number_text

_SCORES = 3
_WIDTH = 80  # letters of a line
_NAME, _SHORT_NAME = 24, 17  # letters of a model's name in the terminal


def compare(options: argparse.Namespace) -> None:
    """Print a line a model, the best first, and write the page if asked."""
    files = list(map(model_file, options.models))
    read = {str(each): "model" for each in files} | {options.data or "": "table"}
    out = usable_file(options.out, read) if options.out is not None else None
    trained = map(TrainedTable.from_file, files)
    models = list(zip(options.models, trained, strict=True))
    found = compared(models, table_given(options.data) if options.data else None)
    say(paragraph(f"{counted(len(models), 'model')} of {found.target}. {found.said}"))
    say("\n" + _table(found))
    if out is None:
        return
    older = replaced(out)
    with whole_or_nothing(out) as (stream,):
        stream.write(comparison_page(found).encode())
    say(f"\npage  {out}{older}")


def _table(found: Comparison) -> str:
    """The first scores, size and time of each model, and what is trivial, in the terminal's width
    if heads in two lines and shorter names can bring it there.
    """
    told = ""
    for lines, letters in ((1, _NAME), (2, _NAME), (2, _SHORT_NAME)):
        told = columns([*_heads(found, lines), *_rows(found, letters)])
        if max(map(len, told.splitlines())) <= _WIDTH:
            break
    return told


def _shown(found: Comparison) -> list[str]:
    """Which scores are told: of several targets, R2 of the first."""
    first = found.models[0].trained
    numbers = 1 + len(first.coding.names) if first.task == "regression" else _SCORES
    return found.scores[: min(numbers, _SCORES)]


def _heads(found: Comparison, lines: int) -> list[tuple[str, ...]]:
    """The names of the columns, in so many lines, the last word in the last."""
    heads = ("model", *_shown(found), *(name for name, _ in facts_of(found.models[0])))
    if lines == 1:
        return [heads]
    parts = [head.rpartition(" ") for head in heads]
    return [tuple(first for first, _, _ in parts), tuple(last for _, _, last in parts)]


def _rows(found: Comparison, letters: int) -> Iterator[tuple[str, ...]]:
    """The cells of each model, the best first."""
    names = _shown(found)
    for each in found.models:
        scores = map(each.score, names)
        reached = (number_text(score.shown.network) if score else "-" for score in scores)
        facts = [_said(value) for _, value in facts_of(each)]
        yield (_short(each.name, letters), *reached, *facts)
    trivial = map(number_text, map(found.trivial, names))
    yield ("trivial predictor", *trivial, *[""] * len(facts))


def _said(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _short(name: str, letters: int) -> str:
    """The end of a long path, which tells more than its beginning."""
    return name if len(name) <= letters else f"...{name[3 - letters :]}"
