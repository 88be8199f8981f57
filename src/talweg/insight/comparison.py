"""Several trained tables side by side: scores, sizes, and what they were trained with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.io.files import is_file, source_of
from talweg.data.model.scores import Score
from talweg.data.model.target import Classification, Target
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import DataError, counted
from talweg.insight.words import (
    epochs_taken,
    first_few,
    listed,
    setting_text,
    settings_used,
    target_name,
)


@dataclass(frozen=True, eq=False)
class Compared:
    """A model under a name, with its scores on `rows` rows."""

    name: str
    trained: TrainedTable
    scores: Sequence[Score]
    rows: int

    def score(self, name: str) -> Score | None:
        """The score of this name; None where the model has none, as without a threshold."""
        return next((each for each in self.scores if each.name == name), None)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models of one target, the best first; `said` tells which rows their scores are from."""

    models: Sequence[Compared]
    said: str

    @property
    def target(self) -> str:
        """What all of them predict."""
        return target_name(self.models[0].trained)

    @property
    def scores(self) -> list[str]:
        """The names of all scores, in the order of the model that has most of them."""
        most_first = sorted(self.models, key=lambda each: -len(each.scores))
        return list(dict.fromkeys(score.name for each in most_first for score in each.scores))

    def trivial(self, name: str) -> float:
        """What a trivial predictor reaches on the rows of the best model that has the score."""
        return next(score.shown.trivial for each in self.models if (score := each.score(name)))

    def differing(self) -> list[tuple[str, ...]]:
        """A setting and what each model has of it, where they are not all the same."""
        found = [_settings(each.trained) for each in self.models]
        names = dict.fromkeys(name for each in found for name in each)
        rows = [(name, *(each.get(name, "") for each in found)) for name in names]
        return [row for row in rows if len(set(row[1:])) > 1]


def compare(models: Sequence[tuple[str, TrainedTable]], table: Any = None) -> Comparison:
    """Score models (name, model) of one target on a common table, or on what each held out.

    Scores, targets and classes are matched by name. DataError: models of different targets or
    tasks, or a table that a model cannot be scored on.
    """
    _refuse_mixture(models)
    if table is None:
        scored = [
            Compared(name, trained, trained.scores, len(trained.held_out.true))
            for name, trained in models
        ]
    else:
        table = source_of(table) if is_file(table) else table  # a pipe is read once
        scored = [_scored(name, trained, table) for name, trained in models]
    ordered = sorted(scored, key=lambda each: -np.nan_to_num(each.scores[0].network, nan=-np.inf))
    return Comparison(ordered, " ".join([_rows_said(ordered, table), *_other_classes(ordered)]))


def _scored(name: str, trained: TrainedTable, table: Any) -> Compared:
    try:
        rows = trained.table(table)
        known = Target.known(*trained.target_cells(rows))
        return Compared(name, trained, trained.evaluate(rows), int(known.sum()))
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


def _rows_said(models: Sequence[Compared], table: Any) -> str:
    rows = counted(models[0].rows, "row")
    if table is not None:
        return f"Scored on the {rows} of {table}; rows that a model learned from flatter it."
    if len(models) == 1:
        return f"Scored on {rows} that training never saw."
    first, *others = (_true(each.trained) for each in models)
    if all(np.array_equal(first, each) for each in others):
        return f"Scored on the same {rows}, which no training saw."
    return (
        "Each was scored on rows that it held out, which are not the same ones: give a common table"
        " (--data) before small differences are believed."
    )


def _true(trained: TrainedTable) -> NDArray[Any]:
    """The truth of the held-out rows: labels, or numbers with targets in the order of names."""
    true, coding = trained.held_out.true, trained.coding
    if isinstance(coding, Classification):
        return np.array(coding.levels, dtype=object)[true]
    return true[:, np.argsort(coding.names)] if true.ndim > 1 else true


def _other_classes(models: Sequence[Compared]) -> Iterator[str]:
    """Which classes of the others a model does not know: it can never be right on their rows."""
    codings = [each.trained.coding for each in models]
    levels = [each.levels if isinstance(each, Classification) else () for each in codings]
    every = dict.fromkeys(level for each in levels for level in each)
    for model, known in zip(models, levels, strict=True):
        if lost := [level for level in every if level not in known]:
            word = "class" if len(lost) == 1 else "classes"
            yield f"{model.name} does not know the {word} {listed(first_few(lost))}."


def _refuse_mixture(models: Sequence[tuple[str, TrainedTable]]) -> None:
    """Models of one target, or the same several in any order, and one task are needed."""
    first_name, first = models[0]
    for name, trained in models[1:]:
        one, other = ((each.task, sorted(each.coding.names)) for each in (first, trained))
        if one != other:
            raise DataError(
                f"compare: {first_name} predicts {target_name(first)} ({first.task}), but {name}"
                f" predicts {target_name(trained)} ({trained.task}). Compare models of one target."
            )


def _settings(trained: TrainedTable) -> dict[str, str]:
    found = {**settings_used(trained), "source": trained.source}
    found |= {"columns used": len(trained.encoder.columns)}
    return {name.replace("_", " "): setting_text(value) for name, value in found.items()}


def facts_of(model: Compared) -> list[tuple[str, int | str]]:
    """Names and values of a model besides its scores: its size, and what training took."""
    trained = model.trained
    many, size = trained.blueprint.members, trained.net.weights.flat.size
    return [
        ("weights", size if many == 1 else f"{many} x {size // many:,}"),
        ("epochs", epochs_taken(trained)),
        ("time", f"{trained.training['seconds']:.2g} s"),
    ]
