"""Several trained tables side by side: scores, sizes, and what they were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.data.files import is_file, source_of
from talweg.data.scores import Score
from talweg.data.trained_table import TrainedTable
from talweg.errors import DataError
from talweg.insight.words import epochs_taken, setting_text, settings_used, target_name


@dataclass(frozen=True, eq=False)
class Compared:
    """A model under a name, with its scores on `rows` rows."""

    name: str
    trained: TrainedTable
    scores: Sequence[Score]
    rows: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models of one target, the best first; `said` tells which rows their scores are from."""

    models: Sequence[Compared]
    said: str

    @property
    def target(self) -> str:
        """What all of them predict."""
        return target_name(self.models[0].trained)

    def differing(self) -> list[tuple[str, ...]]:
        """A setting and what each model has of it, where they are not all the same."""
        found = [_settings(each.trained) for each in self.models]
        rows = [(name, *(each.get(name, "") for each in found)) for name in found[0]]
        return [row for row in rows if len(set(row[1:])) > 1]


def compare(models: Sequence[tuple[str, TrainedTable]], table: Any = None) -> Comparison:
    """Score models (name, model) of one target on a common table, or on what each held out.

    DataError: models of different targets or tasks, or a table without the target.
    """
    _refuse_mixture(models)
    held = [trained.held_out.true for _, trained in models]
    if table is None:
        scored = [
            Compared(name, trained, trained.scores, len(true))
            for (name, trained), true in zip(models, held, strict=True)
        ]
    else:
        table = source_of(table) if is_file(table) else table  # a pipe is read once
        scored = [_scored(name, trained, table) for name, trained in models]
    ordered = sorted(scored, key=lambda each: -np.nan_to_num(each.scores[0].network, nan=-np.inf))
    return Comparison(ordered, _said(ordered, held, table))


def _scored(name: str, trained: TrainedTable, table: Any) -> Compared:
    rows = trained.table(table)
    return Compared(name, trained, trained.score(rows), len(rows))


def _said(models: Sequence[Compared], held: Sequence[Any], table: Any) -> str:
    rows = f"{models[0].rows:,} rows"
    if table is not None:
        return f"Scored on the {rows} of {table}; rows that a model learned from flatter it."
    if all(np.array_equal(true, held[0]) for true in held):
        return f"Scored on the same {rows}, which no training saw."
    return (
        "Each was scored on rows that it held out, which are not the same ones: give a common table"
        " (--data) before small differences are believed."
    )


def _refuse_mixture(models: Sequence[tuple[str, TrainedTable]]) -> None:
    """Models of one target, or the same several, and one task are needed."""
    first_name, first = models[0]
    for name, trained in models[1:]:
        if (first.task, first.coding.names) != (trained.task, trained.coding.names):
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
