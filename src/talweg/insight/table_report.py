"""The report of a trained table: its scores, what it relies on, and how it was trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from talweg.data.model.scores import Score
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import TrainingWarning
from talweg.insight.inspection import Inspection
from talweg.insight.notes import Note, left_out, notes
from talweg.insight.predictions import Predictions, predictions_of
from talweg.insight.record import Record, Report
from talweg.insight.result_sentences import (
    baseline,
    decision_sentence,
    headline,
    interval_sentence,
    judged_rows,
    target_name,
    verdict,
)
from talweg.insight.run_report import Layer, Network, Settings, Speed, Training, shape_text
from talweg.insight.time_sentences import time_sentences
from talweg.insight.training_sentences import (
    bins_sentence,
    provenance,
    rows_used,
    settings_used,
    training_sentence,
    when,
)

Part = TypeVar("Part")
_SUMMARY = (headline, verdict, interval_sentence)


@dataclass(frozen=True)
class PeriodScore(Record):
    """The first score in a period whose rows were predicted from earlier rows only."""

    first: str
    last: str
    rows: int
    network: float
    trivial: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(Record):
    """The scores of the network on held-out rows, beside those of a trivial predictor.

    `baseline` and `scored_on` name that predictor and these rows; `periods` has the first score
    period by period, if rows are in time order.
    """

    scores: Sequence[Score]
    networks: int = 1
    baseline: str = "Trivial predictor"
    scored_on: str = ""
    predictions: Predictions | None = None
    periods: Sequence[PeriodScore] = ()


@dataclass(frozen=True)
class UsedColumn(Record):
    """A column that the network sees: its kind, how it is encoded, and its missing cells."""

    name: str
    kind: str
    encoding: str
    inputs: int = 1
    missing: int = 0


@dataclass(frozen=True)
class LeftOut(Record):
    """A column that the network does not see, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Split(Record):
    """The number of rows in one part of the split, and their share of all rows."""

    name: str
    rows: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Data(Record):
    """The table: its rows, how they are split for each of `networks`, and its columns.

    `time_order` says how rows in time order were held out; `notes` ask for attention.
    """

    rows: int
    columns: Sequence[UsedColumn] = ()
    left_out: Sequence[LeftOut] = ()
    splits: Sequence[Split] = ()
    networks: int = 1
    time_order: Sequence[str] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class TableReport(Report):
    """The report of a trained table; a part that is None could not be made.

    `origin` says what was learned from which data, `provenance` when and how, and `remarks` what
    else a reader should know.
    """

    kind = "table"
    task: str = ""
    targets: Sequence[str] = ()
    source: str = ""
    origin: str = ""
    provenance: str = ""
    remarks: Sequence[str] = ()
    result: Result | None = None
    inspection: Inspection | None = None
    training: Training | None = None
    data: Data | None = None
    network: Network | None = None
    settings: Settings | None = None

    def sentences(self, known: Collection[str] = ()) -> list[str]:
        """All that a person should read, but for what is about the columns `known` already."""
        data, training = self.data or Data(rows=0), self.training
        notes = [note.text for note in data.notes if note.column not in known]
        left_out = [
            f"Column {column.name!r} is left out. {column.why}"
            for column in data.left_out
            if column.name not in known
        ]
        trained = [training.text] if training else []
        return [*self.summary, *data.time_order, *trained, *self.remarks, *notes, *left_out]


def table_report(
    trained: TrainedTable,
    inspection: Inspection | None = None,
    *,
    command: str = "",
    code: str = "",
    strict: bool = True,
) -> TableReport:
    """Everything that a page shows about a trained table, including the result of an inspection.

    `command` and `code` repeat the training. A part that cannot be computed is an error, or, if
    not `strict`, is left out with a TrainingWarning.
    """
    attempt = partial(_attempt, strict)
    predictions = attempt("Its charts", predictions_of, trained)
    return TableReport(
        title=f"Learning {target_name(trained)} from {_file_name(trained.source)}",
        summary=tuple(filter(None, (sentence(trained) for sentence in _SUMMARY))),
        task=trained.task,
        targets=[trained.called(name) for name in trained.target.names],
        source=trained.source,
        origin=_origin(trained),
        provenance=provenance(trained),
        remarks=tuple(filter(None, [bins_sentence(trained), decision_sentence(trained)])),
        result=attempt("The result", _result, trained, predictions),
        inspection=inspection,
        training=attempt("How it learned", _training, trained, inspection),
        data=attempt("The data", _data, trained),
        network=attempt("The network", _network, trained),
        settings=Settings(command=command, code=code, values=_settings(trained)),
    )


def _attempt(strict: bool, heading: str, make: Callable[..., Part], *arguments: Any) -> Part | None:
    """A part of the report; if not strict, None and a warning where it cannot be computed."""
    try:
        return make(*arguments)
    except Exception as error:
        if strict:
            raise
        warn_of_omission(heading, error)
        return None


def warn_of_omission(heading: str, error: Exception) -> str:
    """Warn that a part of the report is left out; returns the text of the warning."""
    words = f"{heading!r} is left out of the report ({type(error).__name__}: {error})."
    warnings.warn(words, TrainingWarning, stacklevel=2)
    return words


def _file_name(source: str) -> str:
    return source.replace("\\", "/").rpartition("/")[2]


def _origin(trained: TrainedTable) -> str:
    task, target = trained.task.capitalize(), target_name(trained)
    return f"{task} of {target}, learned from {trained.source} ({rows_used(trained)})."


def _result(trained: TrainedTable, predictions: Predictions | None) -> Result:
    is_regression, rows = trained.task == "regression", judged_rows(trained)
    periods = trained.in_time.periods if trained.in_time else ()
    return Result(
        scores=[score.shown for score in trained.scores],
        networks=trained.blueprint.members,
        baseline=f"Always {baseline(trained)}" if is_regression else "Training class frequencies",
        scored_on=f"{rows[:1].upper()}{rows[1:]}",
        predictions=predictions,
        periods=[PeriodScore(p.first, p.last, p.rows, p.network, p.trivial) for p in periods],
    )


def _training(trained: TrainedTable, inspection: Inspection | None) -> Training:
    record = trained.training
    epochs = sum(member["epochs"] for member in record["members"])
    is_timed = epochs and record["seconds"]
    return Training(
        history=trained.first_history,
        epochs=record["epochs"],
        text=training_sentence(trained),
        best_epoch=record["best_epoch"],
        networks=trained.blueprint.members,
        seconds=record["seconds"],
        speed=Speed(
            compile_seconds=record.get("compile_seconds"),
            training=trained.parts["training"] * epochs / record["seconds"] if is_timed else None,
            predicting=inspection.rows_per_second if inspection else None,
        ),
    )


def _data(trained: TrainedTable) -> Data:
    encoder, rows = trained.encoder, trained.rows
    return Data(
        rows=rows,
        columns=[
            UsedColumn(
                column.name,
                column.kind,
                column.use,
                column.width,
                encoder.missing.get(column.name, 0),
            )
            for column in encoder.columns
        ],
        left_out=[LeftOut(*pair) for pair in left_out(trained).items()],
        splits=[Split(name, n, n / max(rows, 1)) for name, n in trained.parts.items()],
        networks=1 if trained.in_time else trained.blueprint.members,
        time_order=time_sentences(trained),
        notes=notes(trained),
    )


def _network(trained: TrainedTable) -> Network:
    """The layers of one network, and how many networks there are."""
    blueprint, width = trained.blueprint, len(trained.encoder.inputs)
    first = [Layer("inputs", shape_text([width]), 0)]
    if blueprint.bins:
        first.append(Layer(repr(blueprint.bins), shape_text([width + blueprint.bins.width]), 0))
    return Network.of(blueprint.one(), first, copies=blueprint.members, text=bins_sentence(trained))


def _settings(trained: TrainedTable) -> dict[str, object]:
    """All settings, with the chosen values for those that were left open."""
    used = {name: trained.training[name] for name in ("loss", "engine", "dtype")}
    stamps = {"trained": when(trained), "talweg": trained.training.get("version")}
    return {**settings_used(trained), **used, **stamps}
