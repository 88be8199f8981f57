"""`talweg train`: trains on a table and writes the model, the report and the history."""

from __future__ import annotations

import argparse
import codecs
import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from talweg.cli.cells import write_rows
from talweg.cli.column_types import column_types_text
from talweg.cli.input_table import STANDARD_INPUT, input_table
from talweg.cli.output import atomic_files, locked_folder, replacement_note, usable_folder
from talweg.cli.terminal import messages_to_stderr, print_result, say, say_on_stderr
from talweg.cli.text import paragraph
from talweg.data.columns.table import Table
from talweg.data.io.read import read_table
from talweg.data.model.table_model import TableModel
from talweg.data.model.trained_table import TrainedTable
from talweg.data.split.periods import InTime
from talweg.draw.pages.report import render
from talweg.errors import DataWarning, TrainingWarning, counted
from talweg.insight.inspection import Inspection, inspect
from talweg.insight.table_report import TableReport, table_report, warn_of_omission
from talweg.insight.text import listed
from talweg.insight.time_sentences import order_sentence
from talweg.optim.adam import AdamW
from talweg.optim.schedules import CosineDecay

FILES = HISTORY, REPORT, MODEL = "history.csv", "report.html", "model.talweg"
"""In the order in which they are renamed: the model last."""

# Options that are settings of TableModel, except for lr and seed.
_SETTINGS = (
    *("task", "drop", "columns", "weight", "groups", "time", "class_weight", "threshold"),
    *("hidden", "activation", "dropout", "bins", "n_estimators"),
    *("lr", "epochs", "batch_size", "patience", "time_budget", "seed"),
)


def train(options: argparse.Namespace) -> None:
    """Read the table, train, write the files and print the result."""
    out = usable_folder(options.out, FILES, {options.data: "table"})
    with locked_folder(out), messages_to_stderr(options.json):
        report = _train_into(out, options)
    if options.json:
        print_result(report.json_text())


def _train_into(out: Path, options: argparse.Namespace) -> TableReport:
    settings = _settings_of(options)
    seed = settings.pop("seed", 0)
    if "lr" in settings:
        settings["optimizer"] = _optimizer(settings.pop("lr"))
    model = TableModel(options.target, **settings)
    table = read_table(input_table(options.data), header=options.header)
    types = model.kinds(table)  # refuses a wrong target before anything is printed
    say(f"{table.source}: {counted(len(table), 'row')}, {counted(len(table.names), 'column')}")
    say(column_types_text(types))
    _note_order(model, table)
    trained = fit_model(model, table, seed=seed).trained
    reported = [column.name for column in types if column.note or not column.used]
    return write_results(
        trained, out, command=options.command, code=_code(options), reported=reported
    )


def _note_order(model: TableModel, table: Table) -> None:
    """Say that the latest rows are held out, if nobody asked for it."""
    names = model.time_order(table)
    if names and model.settings["time"] is None:
        say_on_stderr(f"note: {order_sentence(InTime(names))}")


def _optimizer(lr: float) -> AdamW:
    """The optimizer of TableModel with another initial learning rate, which AdamW checks."""
    return replace(AdamW(lr=lr), lr=CosineDecay(lr))


def fit_model(model: TableModel, table: Table, *, seed: int) -> TableModel:
    """Fit the model, without the warnings that the report repeats."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*stopped being finite", TrainingWarning)
        warnings.filterwarnings(
            "ignore", ".*is left out", DataWarning
        )  # `column_types_text` says it
        warnings.filterwarnings(
            "ignore", "The scores are too optimistic", DataWarning
        )  # `say_result` says it
        return model.fit(table, seed=seed, progress=True)


def say_result(report: TableReport, reported: Collection[str] = ()) -> None:
    """Print the result in sentences, without notes on columns that were `reported` before."""
    say("\n".join(["", *map(paragraph, report.sentences(reported)), ""]))


def write_results(
    trained: TrainedTable, out: Path, *, command: str, code: str, reported: Collection[str] = ()
) -> TableReport:
    """Write the model, history and report, and print their paths. Returns the report.

    A part that cannot be inspected or drawn is left out; the model is always written.
    """
    note = replacement_note(out / MODEL)
    with atomic_files(*(out / name for name in FILES)) as (history, page, model):
        trained.save(model)
        _write_history(trained, history)
        report = _report(trained, command, code)
        page.write(_page(report).encode())
    say_result(report, reported)
    if report.inspection and report.inspection.relied_on:
        say(paragraph(f"It relies most on {listed(report.inspection.relied_on)}.") + "\n")
    say(f"model    {out / MODEL}{note}\nhistory  {out / HISTORY}\nreport   {out / REPORT}")
    return report


def _inspection(trained: TrainedTable) -> Inspection | None:
    try:
        return inspect(trained, trained.unseen) if trained.unseen else None
    except Exception as error:
        warn_of_omission("What it relies on, and its largest errors", error)
        return None


def _report(trained: TrainedTable, command: str, code: str) -> TableReport:
    try:
        inspection = _inspection(trained)
        return table_report(trained, inspection, command=command, code=code, strict=False)
    except Exception as error:
        return _empty_report(error)


def _page(report: TableReport) -> str:
    try:
        return render(report, strict=False)
    except Exception as error:
        return render(_empty_report(error))


def _empty_report(error: Exception) -> TableReport:
    return TableReport(title="Left out", summary=(warn_of_omission("All of it", error),))


def _write_history(trained: TrainedTable, stream: IO[bytes]) -> None:
    """Write one line per network and epoch."""
    rows = zip(*(column.tolist() for column in trained.history.values()), strict=True)
    write_rows(codecs.getwriter("utf-8")(stream), [tuple(trained.history), *rows], exact=False)


def _settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """The settings given on the command line; the others are left to TableModel."""
    return {name: value for name, value in vars(options).items() if name in _SETTINGS}


def _code(options: argparse.Namespace) -> str:
    """Python code that repeats the run."""
    settings = {name: repr(value) for name, value in _settings_of(options).items()}
    if "columns" in settings:
        settings["columns"] = repr(dict(options.columns))
    seed = settings.pop("seed", "0")
    if "lr" in settings:
        settings["optimizer"] = f"tw.AdamW(lr=tw.CosineDecay({settings.pop('lr')}))"
    target = options.target if len(options.target) > 1 else options.target[0]
    model = ", ".join([repr(target), *(f"{name}={value}" for name, value in settings.items())])
    lines, source = ["import talweg as tw"], repr(options.data)
    if options.data in STANDARD_INPUT:
        lines, source = ["import sys", *lines], "sys.stdin.buffer"
    if options.header is not None:
        lines.append("from talweg.data.io.read import read_table")
        source = f"read_table({source}, header={options.header})"
    return "\n".join(
        [*lines, f"model = tw.TableModel({model})", f"model.fit({source}, seed={seed})"]
    )
