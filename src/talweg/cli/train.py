"""`talweg train`: from a table to a folder with the model, the report and the history."""

from __future__ import annotations

import argparse
import codecs
import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from talweg.cli.cells import write_rows
from talweg.cli.given import STANDARD_INPUT, table_given
from talweg.cli.output import claimed, replaced, usable_folder, whole_or_nothing
from talweg.cli.terminal import emit, say, tell as tell_aside, words_aside
from talweg.cli.text import paragraph
from talweg.cli.typed import typed
from talweg.data.columns.table import Table
from talweg.data.io.read import read_table
from talweg.data.model.table_model import TableModel
from talweg.data.model.trained_table import TrainedTable
from talweg.data.split.periods import InTime
from talweg.draw.pages.report import render
from talweg.errors import DataWarning, TrainingWarning, counted
from talweg.insight.inspection import Inspection, inspect
from talweg.insight.table_report import TableReport, table_report, warn_of_omission
from talweg.insight.time_sentences import order_sentence
from talweg.optim import AdamW
from talweg.optim.schedules import CosineDecay

FILES = HISTORY, REPORT, MODEL = "history.csv", "report.html", "model.talweg"
"""In the order in which they are renamed into place: the model last."""

# Options that are settings of TableModel, except for lr and seed.
_SETTINGS = (
    *("task", "drop", "columns", "weight", "groups", "time", "class_weight", "threshold"),
    *("hidden", "activation", "dropout", "bins", "n_estimators"),
    *("lr", "epochs", "batch_size", "patience", "time_budget", "seed"),
)


def train(options: argparse.Namespace) -> None:
    """Read, train, write, and tell the result."""
    out = usable_folder(options.out, FILES, {options.data: "table"})
    with claimed(out), words_aside(options.json):
        report = _train_into(out, options)
    if options.json:
        emit(report.json_text())


def _train_into(out: Path, options: argparse.Namespace) -> TableReport:
    settings = _given(options)
    seed = settings.pop("seed", 0)
    if "lr" in settings:
        settings["optimizer"] = _rule(settings.pop("lr"))
    model = TableModel(options.target, **settings)
    table = read_table(table_given(options.data), header=options.header)
    say(f"{table.source}: {counted(len(table), 'row')}, {counted(len(table.names), 'column')}")
    types = model.kinds(table)
    say(typed(types))
    _note_order(model, table)
    trained = fitted(model, table, seed=seed).trained
    known = [column.name for column in types if column.note or not column.used]
    return write_results(trained, out, command=options.command, code=_code(options), known=known)


def _note_order(model: TableModel, table: Table) -> None:
    """Tell that rows will be held out in time order although nobody asked for it."""
    names = model.time_order(table)
    if names and model.settings["time"] is None:
        tell_aside(f"note: {order_sentence(InTime(names))}")


def _rule(rate: float) -> AdamW:
    """The optimizer of TableModel with another initial learning rate, which AdamW checks."""
    return replace(AdamW(lr=rate), lr=CosineDecay(rate))


def fitted(model: TableModel, table: Table, *, seed: int) -> TableModel:
    """The model after `fit`, without the warnings that the report repeats."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*stopped being finite", TrainingWarning)
        warnings.filterwarnings("ignore", ".*is left out", DataWarning)  # `typed` has told it
        warnings.filterwarnings(
            "ignore", "The scores are too optimistic", DataWarning
        )  # and `tell` will
        return model.fit(table, seed=seed, progress=True)


def tell(report: TableReport, known: Collection[str] = ()) -> None:
    """Tell the result in sentences, except what `typed` told about the columns `known`."""
    say("\n".join(["", *map(paragraph, report.sentences(known)), ""]))


def write_results(
    trained: TrainedTable, out: Path, *, command: str, code: str, known: Collection[str] = ()
) -> TableReport:
    """Write the model, history and report, and tell where they are. Returns the report.

    A part that cannot be inspected or drawn is left out; the model is written anyway.
    """
    older = replaced(out / MODEL)
    with whole_or_nothing(*(out / name for name in FILES)) as (history, page, model):
        trained.save(model)
        _write_history(trained, history)
        report = _report(trained, command, code)
        page.write(_page(report).encode())
    tell(report, known)
    if report.inspection and report.inspection.relied_on:
        say(paragraph(f"It relies most on {', '.join(report.inspection.relied_on)}.") + "\n")
    say(f"model    {out / MODEL}{older}\nhistory  {out / HISTORY}\nreport   {out / REPORT}")
    return report


def _inspected(trained: TrainedTable) -> Inspection | None:
    try:
        return inspect(trained, trained.unseen) if trained.unseen else None
    except Exception as error:
        warn_of_omission("What it relies on, and its largest errors", error)
        return None


def _report(trained: TrainedTable, command: str, code: str) -> TableReport:
    try:
        inspection = _inspected(trained)
        return table_report(trained, inspection, command=command, code=code, strict=False)
    except Exception as error:
        return _nothing(error)


def _page(report: TableReport) -> str:
    try:
        return render(report, strict=False)
    except Exception as error:
        return render(_nothing(error))


def _nothing(error: Exception) -> TableReport:
    return TableReport(title="Left out", summary=(warn_of_omission("All of it", error),))


def _write_history(trained: TrainedTable, stream: IO[bytes]) -> None:
    """Write one line per network and epoch."""
    rows = zip(*(column.tolist() for column in trained.history.values()), strict=True)
    write_rows(codecs.getwriter("utf-8")(stream), [tuple(trained.history), *rows], exact=False)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings given on the command line; the others are left to TableModel."""
    return {name: value for name, value in vars(options).items() if name in _SETTINGS}


def _code(options: argparse.Namespace) -> str:
    """Lines of Python that repeat the run."""
    given = {name: repr(value) for name, value in _given(options).items()}
    if "columns" in given:
        given["columns"] = repr(dict(options.columns))
    seed = given.pop("seed", "0")
    if "lr" in given:
        given["optimizer"] = f"tw.AdamW(lr=tw.CosineDecay({given.pop('lr')}))"
    target = options.target if len(options.target) > 1 else options.target[0]
    model = ", ".join([repr(target), *(f"{name}={each}" for name, each in given.items())])
    lines, source = ["import talweg as tw"], repr(options.data)
    if options.data in STANDARD_INPUT:
        lines, source = ["import sys", *lines], "sys.stdin.buffer"
    if options.header is not None:
        lines.append("from talweg.data.io.read import read_table")
        source = f"read_table({source}, header={options.header})"
    return "\n".join(
        [*lines, f"model = tw.TableModel({model})", f"model.fit({source}, seed={seed})"]
    )
