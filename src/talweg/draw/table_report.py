"""The report of a table model: what it learnt, gathered as plain data for a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.data.columns import plain
from talweg.data.encode import CategoryColumn, NumberColumn
from talweg.data.scores import confusion
from talweg.data.table_model import TableModel
from talweg.data.target import Classification
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
from talweg.insight.words import headline, notes, number_text, training_sentence, verdict
from talweg.nn.summary import layer_rows


def table_report(model: TableModel, *, command: str = "", code: str = "") -> Report:
    """Everything that a page says of a model that was just trained; `command` repeats it."""
    data = _data(model)
    return Report(
        title=f"Learning {model.coding.name} from {_file_name(model.source)}",
        headline=f"{headline(model)} {verdict(model)}",
        facts=_facts(model, len(data.columns)),
        result=_result(model),
        training=_training(model),
        data=data,
        network=Network(layers=_layers(model)),
        settings=Settings(command=command, code=code, values=_settings(model)),
    )


def _file_name(source: str) -> str:
    return source.replace("\\", "/").rpartition("/")[2]


def _facts(model: TableModel, columns: int) -> list[tuple[str, str]]:
    first = model.scores[0]
    return [
        (first.name, f"{first.network:.3f}"),
        ("Rows", f"{model.rows:,}"),
        ("Columns used", str(columns)),
        ("Parameters", f"{model.net.weights.flat.size:,}"),
        ("Training time", f"{model.training['seconds']:.1f} s"),
    ]


def _result(model: TableModel) -> Result:
    held, coding = model.held_out, model.coding
    picture: Regressed | Classified
    if isinstance(coding, Classification):
        baseline = "Class frequencies"
        counts = confusion(held.true, held.outputs.argmax(axis=1), len(coding.levels))
        picture = Classified(labels=coding.levels, counts=counts, target=coding.name)
    else:
        baseline = f"Always the mean, {number_text(float(held.prior[0]))}"
        picture = Regressed(true=held.true, predicted=held.outputs, target=coding.name)
    return Result(
        scores=list(model.scores),
        baseline=baseline,
        scored_on=f"{len(held.true):,} rows that training never saw",
        picture=picture,
    )


def _training(model: TableModel) -> Training | None:
    told, run = model.training, model.run
    return Training(
        history=run.history if run else {},
        epochs=told["epochs"],
        seconds=told["seconds"],
        best_epoch=told["best_epoch"],
        stopped_by=training_sentence(model),
    )


def _data(model: TableModel) -> Data:
    encoder = model.encoder
    return Data(
        rows=model.rows,
        columns=[(each.name, each.kind, _use(each)) for each in encoder.columns],
        left_out=list(encoder.left_out.items()),
        splits=list(model.parts.items()),
        notes=notes(model),
    )


def _use(column: NumberColumn | CategoryColumn) -> str:
    if isinstance(column, CategoryColumn):
        shown = ", ".join(column.levels[:6]) + (", ..." if len(column.levels) > 6 else "")
        return f"one place for each of {len(column.levels)} levels ({shown}), unknown, missing"
    mean, scale = number_text(column.mean), number_text(column.scale)
    return f"(value - {mean}) / {scale}, with places for unknown and missing"


def _layers(model: TableModel) -> list[tuple[str, str, int]]:
    rows = layer_rows(model.net)
    width = len(model.encoder.inputs)
    inputs = ("inputs", f"(N, {width})", 0)
    return [inputs, *((row.kind, f"(N, {row.output[0]})", row.parameters) for row in rows)]


def _settings(model: TableModel) -> list[tuple[str, str]]:
    if model.run is None:
        return []
    return [(name.replace("_", " "), _text(value)) for name, value in model.run.settings.items()]


def _text(value: Any) -> str:
    if value is None:
        return "default"
    return plain(float(value)) if isinstance(value, float | np.floating) else str(value)
