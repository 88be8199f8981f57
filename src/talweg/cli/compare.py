"""`talweg compare`: several models or runs side by side."""

from __future__ import annotations

import argparse

from talweg.cli.given import table_given
from talweg.cli.output import usable_file, whole_or_nothing
from talweg.cli.show import model_file
from talweg.cli.terminal import say
from talweg.cli.text import columns, paragraph
from talweg.data.trained_table import TrainedTable
from talweg.draw.compare_report import comparison_page
from talweg.insight.comparison import Comparison, compare as compared, facts_of
from talweg.insight.words import number_text

_SCORES = 3
_NAME = 24  # letters of a model's name in the terminal


def compare(options: argparse.Namespace) -> None:
    """Print a line a model, the best first, and write the page if asked."""
    files = list(map(model_file, options.models))
    read = {str(each): "model" for each in files} | {options.data or "": "table"}
    out = usable_file(options.out, read) if options.out else None
    trained = map(TrainedTable.from_file, files)
    models = list(zip(options.models, trained, strict=True))
    found = compared(models, table_given(options.data) if options.data else None)
    say(paragraph(f"{len(models)} models of {found.target}. {found.said}"))
    say("\n" + columns(_rows(found)))
    if out is None:
        return
    with whole_or_nothing(out) as (stream,):
        stream.write(comparison_page(found).encode())
    say(f"\npage  {out}")


def _rows(found: Comparison) -> list[tuple[str, ...]]:
    """The first scores, size and time of each model, and what is trivial."""
    first = found.models[0]
    most = min(1 + len(first.trained.coding.names), _SCORES)  # of several targets, R2 of the first
    scores, facts = first.scores[:most], facts_of(first)
    rows = [("model", *(each.name for each in scores), *(name for name, _ in facts))]
    for each in found.models:
        reached = (number_text(score.shown.network) for score in each.scores[:most])
        rows.append(
            (_short(each.name), *reached, *map(_said, (value for _, value in facts_of(each))))
        )
    trivial, blank = (number_text(each.shown.trivial) for each in scores), [""] * len(facts)
    return [*rows, ("trivial predictor", *trivial, *blank)]


def _said(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _short(name: str) -> str:
    """The end of a long path, which tells more than its beginning."""
    return name if len(name) <= _NAME else f"...{name[3 - _NAME :]}"
