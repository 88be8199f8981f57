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
from talweg.cli.terminal import say, tell as tell_aside
from talweg.cli.text import paragraph
from talweg.cli.typed import typed
from talweg.data.columns.table import Table
from talweg.data.io.read import read_table
from talweg.data.model.table_model import TableModel
from talweg.data.model.trained_table import TrainedTable
from talweg.data.split.periods import InTime
from talweg.draw.pages.facts import Report
from talweg.draw.pages.report import left_out, render
from talweg.draw.pages.table_report import table_report
from talweg.errors import DataWarning, TrainingWarning, counted
from talweg.insight.look import Look, look
from talweg.insight.time_words import order_sentence
from talweg.insight.words import sentences
from talweg.optim import AdamW
from talweg.optim.schedules import CosineDecay

FILES = HISTORY, REPORT, MODEL = "history.csv", "report.html", "model.talweg"
"""In the order in which they are put in their places: the model last."""

# Options that are settings of TableModel, but for the two that belong elsewhere.
_SETTINGS = (
    *("task", "drop", "columns", "weight", "groups", "time", "class_weight", "threshold"),
    *("hidden", "activation", "dropout", "bins", "n_estimators"),
    *("lr", "epochs", "batch_size", "patience", "time_budget", "seed"),
)


def train(options: argparse.Namespace) -> None:
    """Read, train, write, and say what was found."""
    out = usable_folder(options.out, FILES, {options.data: "table"})
    with claimed(out):
        _train_into(out, options)


def _train_into(out: Path, options: argparse.Namespace) -> None:
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
    told = [each.name for each in types if each.note or not each.used]
    write_results(trained, out, command=options.command, code=_code(options), told=told)


def _note_order(model: TableModel, table: Table) -> None:
    """That rows will be held out in the order of time, where nobody asked for it."""
    names = model.time_order(table)
    if names and model.settings["time"] is None:
        tell_aside(f"note: {order_sentence(InTime(names))}")


def _rule(rate: float) -> AdamW:
    """The rule of TableModel from another rate on, which is checked as one before it falls."""
    return replace(AdamW(lr=rate), lr=CosineDecay(rate))


def fitted(model: TableModel, table: Table, *, seed: int) -> TableModel:
    """The model after `fit`; of a run that went wrong, `tell` says what the warning would."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*stopped being finite", TrainingWarning)
        warnings.filterwarnings("ignore", ".*is left out", DataWarning)  # `typed` has said it
        warnings.filterwarnings("ignore", "The scores flatter", DataWarning)  # and `tell` will
        return model.fit(table, seed=seed, progress=True)


def tell(trained: TrainedTable, told: Collection[str] = ()) -> None:
    """What was found, in sentences, but for what `typed` told of columns."""
    say("\n".join(["", *map(paragraph, sentences(trained, told)), ""]))


def write_results(
    trained: TrainedTable, out: Path, *, command: str, code: str, told: Collection[str] = ()
) -> None:
    """Model, history and report, and where they lie; what cannot be drawn costs no model."""
    older = replaced(out / MODEL)
    with whole_or_nothing(*(out / name for name in FILES)) as (history, report, model):
        trained.save(model)
        _write_history(trained, history)
        seen = _looked(trained)
        report.write(_page(trained, seen, command, code).encode())
    tell(trained, told)
    if seen and seen.relied_on:
        names = map(trained.called, seen.relied_on)
        say(paragraph(f"It relies most on {', '.join(names)}.") + "\n")
    say(f"model    {out / MODEL}{older}\nhistory  {out / HISTORY}\nreport   {out / REPORT}")


def _looked(trained: TrainedTable) -> Look | None:
    try:
        return look(trained, trained.unseen) if trained.unseen else None
    except Exception as error:
        left_out("What it relies on, and where it errs most", error)
        return None


def _page(trained: TrainedTable, seen: Look | None, command: str, code: str) -> str:
    try:
        facts = table_report(trained, seen, command=command, code=code, strict=False)
        return render(facts, strict=False)
    except Exception as error:
        return render(Report(title="Left out", headline=left_out("All of it", error)))


def _write_history(trained: TrainedTable, stream: IO[bytes]) -> None:
    """One line an epoch of each network."""
    rows = zip(*(each.tolist() for each in trained.history.values()), strict=True)
    write_rows(codecs.getwriter("utf-8")(stream), [tuple(trained.history), *rows], exact=False)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line names; the others are left to TableModel."""
    return {name: value for name, value in vars(options).items() if name in _SETTINGS}


def _code(options: argparse.Namespace) -> str:
    """The lines of Python that repeat the run."""
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
