"""The report of a trained table: what it learned, gathered as plain data for a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from talweg.data.columns import plain
from talweg.data.encode import CategoryColumn, NumberColumn
from talweg.data.scores import confusion
from talweg.data.table_model import TableModel
from talweg.data.target import Classification
from talweg.data.trained_table import TrainedTable
from talweg.draw.facts import (
    Classified,
    Data,
    Network,
    Regressed,
    Report,
    Result,
    Settings,
    Training,
)
from talweg.draw.report import write_report
from talweg.draw.sweep_report import write_sweep
from talweg.errors import SettingError
from talweg.insight.words import (
    baseline,
    ending,
    headline,
    left_out,
    notes,
    number_text,
    target_name,
    verdict,
)
from talweg.nn.summary import layer_rows
from talweg.train.restarts import Restarts
from talweg.train.sweep import Sweep

_LEVELS_SHOWN = 6


def report(model: TableModel | Sweep | Restarts, path: str | os.PathLike[str]) -> Path:
    """Write what a fitted TableModel or a sweep found as one HTML page that opens offline."""
    if isinstance(model, Restarts):
        model = model.sweep
    if isinstance(model, Sweep):
        return write_sweep(model, path)
    if not isinstance(model, TableModel):
        kind = type(model).__name__
        raise SettingError(f"report: takes a fitted TableModel, a Sweep or Restarts, not {kind}")
    return write_report(path, table_report(model.trained))


def table_report(trained: TrainedTable, *, command: str = "", code: str = "") -> Report:
    """Everything that a page says of a trained table; `command` and `code` repeat it."""
    return Report(
        title=f"Learning {target_name(trained)} from {_file_name(trained.source)}",
        headline=f"{headline(trained)} {verdict(trained)}".rstrip(),
        facts=_facts(trained),
        result=_result(trained),
        training=_training(trained),
        data=_data(trained),
        network=Network(layers=_layers(trained)),
        settings=Settings(command=command, code=code, values=_settings(trained)),
    )


def _file_name(source: str) -> str:
    return source.replace("\\", "/").rpartition("/")[2]


def _facts(trained: TrainedTable) -> list[tuple[str, str]]:
    first = trained.scores[0]
    return [
        (f"{first.name[0].upper()}{first.name[1:]}", f"{first.network:.3g}"),
        ("Rows", f"{trained.rows:,}"),
        ("Columns used", f"{len(trained.encoder.columns):,}"),
        ("Parameters", f"{trained.net.weights.flat.size:,}"),
        ("Training time", f"{trained.training['seconds']:.1f} s"),
    ]


def _result(trained: TrainedTable) -> Result:
    numbers = trained.task == "regression"
    return Result(
        scores=trained.scores,
        baseline=f"Always {baseline(trained)}" if numbers else "Class frequencies of training",
        scored_on=f"{len(trained.held_out.true):,} rows that training never saw",
        picture=_picture(trained),
    )


def _picture(trained: TrainedTable) -> Regressed | Classified:
    held, coding, name = trained.held_out, trained.coding, target_name(trained)
    if isinstance(coding, Classification):
        counts = confusion(held.true, held.outputs.argmax(axis=1), len(coding.levels))
        return Classified(labels=coding.levels, counts=counts, target=name)
    return Regressed(true=held.true, predicted=held.outputs, target=name)


def _training(trained: TrainedTable) -> Training:
    told = trained.training
    return Training(
        history=trained.history,
        epochs=told["epochs"],
        seconds=told["seconds"],
        best_epoch=told["best_epoch"],
        stopped_by=ending(trained),
    )


def _data(trained: TrainedTable) -> Data:
    encoder = trained.encoder
    return Data(
        rows=trained.rows,
        columns=[(each.name, each.kind, _use(each)) for each in encoder.columns],
        left_out=list(left_out(encoder).items()),
        splits=list(trained.parts.items()),
        notes=notes(trained),
    )


def _use(column: NumberColumn | CategoryColumn) -> str:
    if isinstance(column, CategoryColumn):
        shown = ", ".join(column.levels[:_LEVELS_SHOWN])
        more = ", ..." if len(column.levels) > _LEVELS_SHOWN else ""
        return f"a place for each of {len(column.levels)} levels ({shown}{more}), unknown, missing"
    mean, scale = number_text(column.mean), number_text(column.scale)
    return f"(value - {mean}) / {scale}, softly clipped, with places for unknown and missing"


def _layers(trained: TrainedTable) -> list[tuple[str, str, int]]:
    inputs = ("inputs", f"(N, {len(trained.encoder.inputs)})", 0)
    rows = layer_rows(trained.net)
    return [inputs, *((row.kind, f"(N, {row.output[0]})", row.parameters) for row in rows)]


def _settings(trained: TrainedTable) -> list[tuple[str, str]]:
    """What was asked for, then what became of it where that was left open."""
    found = {"task": trained.task, "batch_size": trained.training["batch_size"]}
    found |= {name: trained.training[name] for name in ("optimizer", "loss", "engine", "dtype")}
    settings = {**trained.settings, **found}
    return [(name.replace("_", " "), _text(value)) for name, value in settings.items()]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float | np.floating):
        return plain(float(value))
    return "none" if value is None else str(value)
