"""`talweg train`: from a table to a folder with the model, the report and the history."""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import shutil
import tempfile
from pathlib import Path

from talweg.cli.text import paragraph
from talweg.data.read import read_table
from talweg.data.table_model import TableModel
from talweg.draw.report import write_report
from talweg.draw.table_report import table_report
from talweg.errors import DataError, SettingError
from talweg.insight.words import headline, notes, training_sentence, verdict
from talweg.optim import AdamW
from talweg.settings import Number, check


def train(options: argparse.Namespace) -> None:
    """Read, train, write, and say what was found."""
    out = usable_folder(options.out)
    model = _model(options)
    table = read_table(options.data, header=options.header)
    print(f"{options.data}: {len(table):,} rows, {len(table.names)} columns")
    model.fit(table, seed=options.seed)
    tell(model)
    command, code = _command(options), _code(options)
    write_results(model, out, command=command, code=code)
    print(f"model    {out / MODEL}\nhistory  {out / HISTORY}\nreport   {out / REPORT}")


MODEL, REPORT, HISTORY = "model.talweg", "report.html", "history.csv"


def tell(model: TableModel) -> None:
    """What was found, in sentences."""
    told = [headline(model), verdict(model), training_sentence(model), *notes(model)]
    print("\n".join(["", *map(paragraph, told), ""]))


def usable_folder(path: str) -> Path:
    """The folder to write to, which need not exist yet; refused before any work is done."""
    out = Path(path)
    there = next((each for each in (out, *out.absolute().parents) if each.exists()), out)
    if not there.is_dir():
        raise DataError(f"--out {out}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK):
        raise DataError(f"--out {out}: {there} cannot be written to; name another folder")
    return out


def write_results(model: TableModel, out: Path, *, command: str, code: str) -> None:
    """Model, report and history, all complete before the first of them takes its place."""
    out.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".talweg-", dir=out))
    try:
        model.save(beside / MODEL)
        write_report(beside / REPORT, table_report(model, command=command, code=code))
        _write_history(model, beside / HISTORY)
        for name in (MODEL, REPORT, HISTORY):
            os.replace(beside / name, out / name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write_history(model: TableModel, path: Path) -> None:
    history = model.run.history if model.run else {}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        for epoch, values in enumerate(zip(*history.values(), strict=True), start=1):
            writer.writerow([epoch, *(float(value) for value in values)])


def _model(options: argparse.Namespace) -> TableModel:
    check("train", {"seed": options.seed}, {"seed": Number(at_least=0, whole=True)})
    return TableModel(
        options.target,
        task=options.task,
        drop=options.drop,
        hidden=_sizes(options.hidden),
        activation=options.activation,
        optimizer=AdamW(lr=options.lr),
        epochs=options.epochs,
        batch_size=options.batch_size,
        patience=options.patience,
        time_budget=options.time_budget,
    )


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(each) for each in text.split(",") if each.strip())
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        raise SettingError(f"--hidden: sizes of layers such as 128,64, but {text!r} was given")
    return sizes


_DEFAULTS = {
    "task": None,
    "hidden": "128,64",
    "activation": "silu",
    "lr": 0.001,
    "epochs": 300,
    "batch_size": None,
    "patience": 25,
    "time_budget": None,
    "seed": 0,
}


def _changed(options: argparse.Namespace) -> dict[str, object]:
    given = vars(options)
    return {name: given[name] for name, default in _DEFAULTS.items() if given[name] != default}


def _command(options: argparse.Namespace) -> str:
    """The command line that repeats the run."""
    parts = ["talweg", "train", options.data, "--target", options.target, "--out", options.out]
    for each in options.drop:
        parts += ["--drop", each]
    if options.header is not None:
        parts.append("--header" if options.header else "--no-header")
    for name, value in _changed(options).items():
        parts += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)


def _code(options: argparse.Namespace) -> str:
    """The lines of Python that repeat the run."""
    changed = _changed(options)
    seed = changed.pop("seed", 0)
    if "lr" in changed:
        changed["optimizer"] = f"tw.AdamW(lr={changed.pop('lr')})"
    if "hidden" in changed:
        changed["hidden"] = str(_sizes(options.hidden))
    shown = {
        name: value if name in ("optimizer", "hidden") else repr(value)
        for name, value in changed.items()
    }
    if options.drop:
        shown["drop"] = repr(options.drop)
    settings = "".join(f", {name}={value}" for name, value in shown.items())
    return "\n".join(
        [
            "import talweg as tw",
            f"model = tw.TableModel({options.target!r}{settings})",
            f"model.fit({options.data!r}, seed={seed})",
        ]
    )
