"""The report of a trained table: what it learned, gathered as plain data for a page."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from talweg.data.model.table_model import TableModel
from talweg.data.model.trained_table import TrainedTable
from talweg.draw.pages.facts import (
    Classified,
    Data,
    Network,
    Regressed,
    Report,
    Result,
    Settings,
    Training,
)
from talweg.draw.pages.report import duration, left_out as left_out_of_report, write_report
from talweg.draw.pages.sweep_report import write_sweep
from talweg.draw.pages.table_pictures import table_columns, table_mistakes, table_picture
from talweg.errors import SettingError
from talweg.insight.look import Look, look
from talweg.insight.time_words import time_sentences
from talweg.insight.words import (
    baseline,
    bins_sentence,
    headline,
    interval_sentence,
    judged_rows,
    left_out,
    notes,
    number_text,
    setting_text,
    settings_used,
    target_name,
    training_sentence,
    verdict,
    when,
)
from talweg.nn.summary import layer_rows
from talweg.train.search.restarts import Restarts
from talweg.train.search.sweep import Sweep

Part = TypeVar("Part")
Picture = Regressed | Classified | list[Regressed]
_HEADLINE = (headline, verdict, interval_sentence)


def report(
    model: TableModel | Sweep | Restarts, path: str | os.PathLike[str], *, data: Any = None
) -> Path:
    """Write what a fitted TableModel or a sweep found as one HTML page that opens offline.

    What a model relies on and where it errs is seen on rows with a target that it never saw: those
    that `fit` held out, or `data`, which a model from a file needs for that.
    """
    if isinstance(model, Restarts):
        model = model.sweep
    if isinstance(model, Sweep):
        return write_sweep(model, path)
    if not isinstance(model, TableModel):
        kind = type(model).__name__
        raise SettingError(f"report: takes a fitted TableModel, a Sweep or Restarts, not {kind}")
    trained = model.trained
    rows = trained.unseen if data is None else trained.table(data)
    return write_report(path, table_report(trained, look(trained, rows) if rows else None))


def table_report(
    trained: TrainedTable,
    seen: Look | None = None,
    *,
    command: str = "",
    code: str = "",
    strict: bool = True,
) -> Report:
    """Everything that a page says of a trained table, with what a look into it has shown.

    `command` and `code` repeat it. What cannot be computed is an error, or left out with a
    TrainingWarning where that is not `strict`.
    """
    made = partial(_made, strict)
    return Report(
        title=f"Learning {target_name(trained)} from {_file_name(trained.source)}",
        headline=" ".join(filter(None, [each(trained) for each in _HEADLINE])),
        facts=_facts(trained),
        result=_result(trained, made("Its pictures", table_picture, trained)),
        columns=made("What it relies on", table_columns, trained, seen) if seen else None,
        mistakes=made("Where it errs most", table_mistakes, trained, seen) if seen else None,
        training=_training(trained, seen),
        data=_data(trained),
        network=_network(trained),
        settings=Settings(command=command, code=code, values=_settings(trained)),
    )


def _made(strict: bool, heading: str, make: Callable[..., Part], *given: Any) -> Part | None:
    """A part of the report, or None, with a warning, where it cannot be computed."""
    try:
        return make(*given)
    except Exception as error:
        if strict:
            raise
        left_out_of_report(heading, error)
        return None


def _file_name(source: str) -> str:
    return source.replace("\\", "/").rpartition("/")[2]


def _facts(trained: TrainedTable) -> list[tuple[str, str]]:
    first = trained.scores[0]
    return [
        (f"{first.name[0].upper()}{first.name[1:]}", f"{first.network:.3g}"),
        ("Rows", f"{trained.rows:,}"),
        ("Columns used", f"{len(trained.encoder.columns):,}"),
        ("Parameters", f"{trained.net.weights.flat.size:,}"),
        ("Training time", duration(trained.training["seconds"])),
    ]


def _result(trained: TrainedTable, picture: Picture | None) -> Result:
    numbers, rows = trained.task == "regression", judged_rows(trained)
    return Result(
        scores=[each.shown for each in trained.scores],
        networks=trained.blueprint.members,
        baseline=f"Always {baseline(trained)}" if numbers else "Class frequencies of training",
        scored_on=f"{rows[:1].upper()}{rows[1:]}",
        picture=picture,
        periods=_periods(trained),
    )


def _periods(trained: TrainedTable) -> list[tuple[str, str, int, float, float]]:
    """The score of each period that was predicted from earlier rows."""
    periods = trained.in_time.periods if trained.in_time else ()
    return [(p.first, p.last, p.rows, p.network, p.trivial) for p in periods]


def _training(trained: TrainedTable, seen: Look | None) -> Training:
    told = trained.training
    return Training(
        history=trained.first_history,
        epochs=told["epochs"],
        said=training_sentence(trained),
        best_epoch=told["best_epoch"],
        networks=trained.blueprint.members,
        speed=_speed(trained, seen),
    )


def _speed(trained: TrainedTable, seen: Look | None) -> list[tuple[str, str]]:
    """How fast it compiled, learned and predicts."""
    told, found = trained.training, []
    if "compile_seconds" in told:
        found.append(("Compiling", duration(told["compile_seconds"])))
    epochs = sum(each["epochs"] for each in told["members"])
    if epochs and told["seconds"]:
        rows = trained.parts["training"] * epochs / told["seconds"]
        found.append(("Training", _rows_a_second(rows)))
    if seen:
        found.append(("Predicting, encoding included", _rows_a_second(seen.rows_a_second)))
    return found


def _rows_a_second(rows: float) -> str:
    return f"{number_text(float(f'{rows:.2g}'))} rows a second"


def _data(trained: TrainedTable) -> Data:
    encoder = trained.encoder
    return Data(
        rows=trained.rows,
        columns=[(each.name, each.kind, each.use) for each in encoder.columns],
        missing=encoder.missing,
        left_out=list(left_out(trained).items()),
        splits=list(trained.parts.items()),
        networks=1 if trained.in_time else trained.blueprint.members,
        notes=[*time_sentences(trained), *notes(trained)],
    )


def _network(trained: TrainedTable) -> Network:
    """The layers of one network, and how many of these there are."""
    blueprint = trained.blueprint
    layers = [("inputs", f"(N, {len(trained.encoder.inputs)})", 0)]
    if blueprint.bins:
        width = len(trained.encoder.inputs) + blueprint.bins.width
        layers.append((repr(blueprint.bins), f"(N, {width})", 0))
    rows = layer_rows(blueprint.one())
    layers += [(row.kind, f"(N, {row.output[0]})", row.parameters) for row in rows]
    return Network(layers=layers, copies=blueprint.members, said=bins_sentence(trained))


def _settings(trained: TrainedTable) -> list[tuple[str, str]]:
    """What was asked for, then what became of it where that was left open."""
    found = {name: trained.training[name] for name in ("loss", "engine", "dtype")}
    settings = {**settings_used(trained), **found}
    settings |= {"trained": when(trained), "talweg": trained.training.get("version")}
    return [(name.replace("_", " "), setting_text(value)) for name, value in settings.items()]
