"""Several trained tables side by side: scores, sizes, and the settings that differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.labels import known_rows
from talweg.data.io.files import is_file, source_of
from talweg.data.model.scores import Score
from talweg.data.model.targets.classification import Classification
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import DataError, counted
from talweg.insight.record import Record, Report
from talweg.insight.result_sentences import target_name
from talweg.insight.text import first_few, listed, range_text, setting_text
from talweg.insight.training_sentences import settings_used

Array = NDArray[Any]

_SURE = 2.0  # standard errors by which the scores of two models differ if it is not chance


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedModel(Record):
    """A model under a name: its scores on `rows` rows, its size, and the length of its training.

    `epochs` has an entry for each of its networks; `validation_loss` is that of the first, by
    epoch.
    """

    name: str
    scores: Sequence[Score]
    rows: int
    networks: int
    parameters: int
    epochs: Sequence[int]
    seconds: float
    validation_loss: Array | None

    def score(self, name: str) -> Score | None:
        """The score of this name; None if the model has none, as without a threshold."""
        return next((score for score in self.scores if score.name == name), None)

    def facts(self) -> list[tuple[str, int | str]]:
        """Names and values of the model besides its scores."""
        weights = self.parameters // self.networks
        return [
            ("weights", weights if self.networks == 1 else f"{self.networks} x {weights:,}"),
            ("epochs", range_text(self.epochs)),
            ("time", f"{self.seconds:.2g} s"),
        ]


@dataclass(frozen=True, eq=False)
class ValidationLosses:
    """The validation loss by epoch of each model that has one."""

    curves: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class ScoreByModel:
    """One score of each model that has it."""

    name: str
    models: Sequence[str]
    values: Sequence[float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison(Report):
    """Models of one target, the best first.

    `scored_on` names the rows that are scored; `settings` has the values, one per model, of each
    setting that is not the same in all; `trivial` has the scores of the trivial predictor.
    """

    kind = "comparison"
    task: str
    targets: Sequence[str]
    scored_on: str
    models: Sequence[ComparedModel]
    scores: Sequence[str]
    trivial: Mapping[str, float]
    settings: Mapping[str, Sequence[str]]

    @property
    def by_score(self) -> list[ScoreByModel]:
        """Each score, of the models that have it."""
        return [self._by_score(name) for name in self.scores]

    def _by_score(self, name: str) -> ScoreByModel:
        pairs = [(model.name, score) for model in self.models if (score := model.score(name))]
        names, values = [model for model, _ in pairs], [score.network for _, score in pairs]
        return ScoreByModel(name, names, values)

    @property
    def validation_losses(self) -> ValidationLosses:
        """The validation losses of all models."""
        curves = {m.name: m.validation_loss for m in self.models if m.validation_loss is not None}
        return ValidationLosses(curves)


def compare(models: Sequence[tuple[str, TrainedTable]], table: Any = None) -> Comparison:
    """Score models (name, model) of one target on a common table, or each on its held-out rows.

    Scores, targets and classes are matched by name. DataError: models of different targets or
    tasks, or a table that a model cannot be scored on.
    """
    _refuse_mixture(models)
    if table is not None and is_file(table):
        table = source_of(table)  # a pipe is read once
    scored = sorted((_scored(*model, table) for model in models), key=_rank)
    trained = [trained for _, trained in scored]
    target, records = target_name(trained[0]), [record for record, _ in scored]
    scored_on = " ".join([_rows_text(scored, table), *_unknown_classes(scored)])
    names = _score_names(records)
    return Comparison(
        title=f"{_models_text(len(models))} {target}",
        summary=(_ranking(records), scored_on),
        task=trained[0].task,
        targets=[trained[0].called(name) for name in trained[0].target.names],
        scored_on=scored_on,
        models=records,
        scores=names,
        trivial={name: _trivial(records, name) for name in names},
        settings=_differing([_settings(model) for model in trained]),
    )


Scored = tuple[ComparedModel, TrainedTable]


def _ranking(models: Sequence[ComparedModel]) -> str:
    """Which model is the best, or that the first two differ by no more than chance."""
    best, *others = models
    score = best.scores[0]
    first = f"{best.name}, with {score.name} {score.network:.3g}"
    if not others:
        return f"The only model is {first}."
    next_score = others[0].scores[0]
    error = math.hypot(*(_standard_error(m.scores[0], m.rows) for m in models[:2]))
    if not score.network - next_score.network <= _SURE * error:  # or NaN, after divergence
        return f"The best is {first}."
    return (
        f"First is {first}, but {others[0].name} with {next_score.network:.3g} may be as good: the "
        f"difference is within {_SURE:g} standard errors on {counted(best.rows, 'row')}."
    )


def _standard_error(score: Score, rows: int) -> float:
    """The standard error of an accuracy, or of R2 (Olkin and Finn 1995): 2 R (1 - R2) / sqrt(N)."""
    value = min(max(score.network, 0.0), 1.0)
    if score.name == "accuracy":
        return math.sqrt(value * (1 - value) / rows)
    return 2 * math.sqrt(value) * (1 - value) / math.sqrt(rows)


def _models_text(count: int) -> str:
    return "1 model that predicts" if count == 1 else f"{count:,} models that predict"


def _rank(scored: Scored) -> float:
    """The best first; a score that is NaN comes last."""
    return -float(np.nan_to_num(scored[0].scores[0].network, nan=-np.inf))


def _score_names(models: Sequence[ComparedModel]) -> list[str]:
    """The names of all scores, in the order of the model that has most of them."""
    most_first = sorted(models, key=lambda model: -len(model.scores))
    return list(dict.fromkeys(score.name for model in most_first for score in model.scores))


def _trivial(models: Sequence[ComparedModel], name: str) -> float:
    """The trivial predictor's score on the rows of the best model that has the score."""
    return next(score.trivial for model in models if (score := model.score(name)))


def _differing(settings: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """The settings that are not the same in all models, with the value of each model."""
    names = dict.fromkeys(name for given in settings for name in given)
    rows = {name: tuple(given.get(name, "") for given in settings) for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _scored(name: str, trained: TrainedTable, table: Any) -> Scored:
    """A model with its scores on a table, or on its held-out rows if there is none."""
    scores, rows = trained.scores, len(trained.held_out.true)
    if table is not None:
        try:
            cells = trained.table(table)
            rows = int(known_rows(*trained.target_cells(cells)).sum())
            scores = trained.evaluate(cells)
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
    record = ComparedModel(
        name=name,
        scores=[score.shown for score in scores],
        rows=rows,
        networks=trained.blueprint.members,
        parameters=trained.net.weights.flat.size,
        epochs=[member["epochs"] for member in trained.training["members"]],
        seconds=trained.training["seconds"],
        validation_loss=trained.first_history.get("val_loss"),
    )
    return record, trained


def _rows_text(models: Sequence[Scored], table: Any) -> str:
    rows = counted(models[0][0].rows, "row")
    if table is not None:
        seen = "A model scores too well on rows that it was trained on."
        return f"Scored on the {rows} of {table}. {seen}"
    if len(models) == 1:
        return f"Scored on {rows} that training never saw."
    first, *others = (_true(trained) for _, trained in models)
    if all(np.array_equal(first, other) for other in others):
        return f"Scored on the same {rows}, which no model was trained on."
    return (
        "Each model was scored on its own held-out rows, which differ: use a common table (--data)"
        " before trusting small differences."
    )


def _true(trained: TrainedTable) -> Array:
    """The truth of the held-out rows: labels, or numbers with targets in the order of names."""
    true, coding = trained.held_out.true, trained.target
    if isinstance(coding, Classification):
        return np.array(coding.levels, dtype=object)[true]
    return true[:, np.argsort(coding.names)] if true.ndim > 1 else true


def _unknown_classes(models: Sequence[Scored]) -> Iterator[str]:
    """Classes of other models that a model does not have: it is always wrong on their rows."""
    codings = [trained.target for _, trained in models]
    levels = [coding.levels if isinstance(coding, Classification) else () for coding in codings]
    every = dict.fromkeys(level for known in levels for level in known)
    for (model, _), known in zip(models, levels, strict=True):
        if lost := [level for level in every if level not in known]:
            word = "class" if len(lost) == 1 else "classes"
            yield f"{model.name} was not trained on the {word} {listed(first_few(lost))}."


def _refuse_mixture(models: Sequence[tuple[str, TrainedTable]]) -> None:
    """Models of one target, or the same several in any order, and one task are needed."""
    first_name, first = models[0]
    for name, trained in models[1:]:
        one, other = ((model.task, sorted(model.target.names)) for model in (first, trained))
        if one != other:
            raise DataError(
                f"compare: {first_name} predicts {target_name(first)} ({first.task}), but {name} "
                f"predicts {target_name(trained)} ({trained.task}). Compare models of the same "
                "target."
            )


def _settings(trained: TrainedTable) -> dict[str, str]:
    settings = {**settings_used(trained), "source": trained.source}
    settings |= {"columns used": len(trained.encoder.columns)}
    return {name.replace("_", " "): setting_text(value) for name, value in settings.items()}
