"""Learn a column of a table from the others: from a file or a data frame to a trained model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.detection import Asked
from talweg.data.columns.kinds.base import ColumnType
from talweg.data.io.read import as_table
from talweg.data.model.check_along_time import check_along_time
from talweg.data.model.inspected import InspectedTable
from talweg.data.model.learning import Learned
from talweg.data.model.model_settings import SETTINGS
from talweg.data.model.recipe import Recipe
from talweg.data.model.scores import Score
from talweg.data.model.targets.base import Target, Task
from talweg.data.model.trained_table import TrainedTable
from talweg.data.model.training import Request, TimeLimit, train
from talweg.errors import DataError, DataWarning, SettingError, counted
from talweg.optim import FullBatch, Optimizer
from talweg.random import SEED
from talweg.settings import NamesKnown, check, plain
from talweg.train.run.run import Run
from talweg.version import VERSION

Array = NDArray[Any]

_OPEN = (None, ())  # settings that follow from the table, and columns that are not named
_PARTS = ("training", "validation", "test")


class TableModel(NamesKnown):
    """Learns to predict one column of a table, or several columns of numbers, from the others.

    The task follows from the target column unless `task` names it. Every other column becomes
    inputs (see `talweg.data`) unless `drop` names it. `columns` gives the kind of a column where
    detection is wrong: "number", "category", "boolean", "ordinal" or its words in order, "date",
    "duration", "day first", "month first", "decimal comma", "decimal point", or "leave out". Rows
    without a target are left out.

    `weight` names a column of row weights; a weight of 0 leaves the row out. Rows with the same
    value in the column `groups` stay in one fold. `class_weight="balanced"` gives rare classes the
    same total weight as frequent ones. Of two classes, the rarer one is predicted if its
    probability is at least `threshold`: a number, or "balanced" or "f1" for the threshold with the
    best balanced accuracy or F1 score on validation rows.

    Rows are split into eight folds. Each of the `n_estimators` networks with `hidden` layers
    trains on six of them, keeps the weights of its best epoch on the seventh, and is tested on the
    eighth; a prediction is the mean of all networks. Numbers also go through `bins` bins each (see
    `talweg.nn.bins`; 0 for none). Settings that are not given follow from the size of the table;
    see `talweg.data.model.recipe`. `time_budget` limits the time of `fit` in seconds, to within one
    step; networks that have not started by then are left out.

    Rows in chronological order are not split at random: networks that train on earlier rows are
    tested on the last quarter, then networks train on all rows. This applies if a date, or a year
    with smaller units, rises or falls down the table (at most one step in eight may go the other
    way, so that several series may follow one another), or if `time` names such columns, the
    longest unit first. time=False splits these rows at random, too. If there is a date but the rows
    are not in its order, a DataWarning tells you if scores on random rows are too optimistic.

    >>> rows = [[x, 2 * x + 1] for x in range(40)]
    >>> model = TableModel(target=-1, epochs=20).fit(rows, seed=0)
    >>> model.predict([[3.5]]).shape, model.task
    ((1,), 'regression')
    >>> TableModel("price", epochs=20)
    TableModel(target='price', epochs=20)
    >>> both = [[x, 2 * x + 1, 9 - x] for x in range(40)]
    >>> TableModel(target=[1, 2], epochs=20).fit(both).predict([[3.5]]).shape
    (1, 2)
    """

    def __init__(
        self,
        target: str | int | Sequence[str | int],
        *,
        task: Task | None = None,
        drop: str | int | Sequence[str | int] = (),
        columns: Mapping[str, Asked] | Sequence[tuple[str, Asked]] = (),
        weight: str | int | None = None,
        groups: str | int | None = None,
        time: str | int | Sequence[str | int] | Literal[False] | None = None,
        class_weight: Literal["balanced"] | None = None,
        threshold: str | float | None = None,
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        dropout: float | None = None,
        bins: int | None = None,
        n_estimators: int | None = None,
        optimizer: str | Optimizer | FullBatch | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        time_budget: float | None = None,
    ) -> None:
        drop = plain(drop)
        given: dict[str, Any] = {
            "target": _one_or_several(plain(target)),
            "task": task,
            "drop": (drop,) if isinstance(drop, str | int) else plain(tuple(drop)),
            "columns": _pairs(columns),
            "weight": plain(weight),
            "groups": plain(groups),
            "time": _one_or_several(plain(time)),
            "class_weight": class_weight,
            "threshold": threshold,
            "hidden": tuple(hidden) if isinstance(hidden, Iterable) else hidden,
            "activation": activation,
            "dropout": dropout,
            "bins": bins,
            "n_estimators": n_estimators,
            "optimizer": optimizer,
            "epochs": epochs,
            "batch_size": batch_size,
            "patience": patience,
            "time_budget": time_budget,
        }
        self.settings = check("TableModel", given, SETTINGS)
        self._trained: TrainedTable | None = None
        self._inspected: InspectedTable | None = None

    def fit(self, source: Any, *, seed: int = 0, progress: bool | None = None) -> Self:
        """Learn from a CSV or Parquet file, a data frame, a dict of columns, a list of rows or of
        records, an array (N, D) or a Table.

        DataError: the model cannot learn from the source; the model is left unchanged.
        """
        seed = check("TableModel", {"seed": seed}, {"seed": SEED})["seed"]
        started, given = perf_counter(), self.settings
        inspected, self._inspected = self._inspect(source), None
        inspected.warn()
        fit_settings = {**_fit_settings(inspected.target, given), "progress": progress}
        request = Request(given, fit_settings, seed, TimeLimit(started, given["time_budget"]))
        trained = train(inspected, request)
        along_time = check_along_time(inspected, request, trained)
        data, learned = trained.data, trained.learned
        self._trained = TrainedTable(
            encoder=data.encoder,
            target=data.target,
            blueprint=learned.blueprint,
            net=learned.blueprint.of(learned.nets),
            held_out=trained.tested.held_out,
            settings={**given, "seed": seed},
            source=inspected.table.source,
            rows=len(inspected.table),
            parts=dict(zip(_PARTS, trained.parts, strict=True)),
            training=_training(learned, data.recipe, given["time_budget"]),
            history=_history(learned.runs, data.target),
            unseen=trained.unseen,
            decision=trained.decision,
            error_scale=trained.error_scale,
            in_time=trained.in_time,
            along_time=along_time,
        )
        if along_time and along_time.is_optimistic:
            warnings.warn(along_time.warning, DataWarning, stacklevel=2)
        return self

    def kinds(self, source: Any) -> list[ColumnType]:
        """The kind that `fit` would detect for each column, except the target.

        A Table is inspected once: a `fit` on the same Table uses the result.
        """
        return self._inspect(source).types

    def time_order(self, source: Any) -> tuple[str, ...]:
        """The columns by which `fit` would hold out the latest rows; empty for other splits."""
        time = self._inspect(source).split_time
        return time.names if time else ()

    def __repr__(self) -> str:
        """The settings that are given or, once fitted, the first score; both name the target."""
        trained = self._trained
        if trained is None:
            given = {name: value for name, value in self.settings.items() if value not in _OPEN}
            settings = (f"{name}={value!r}" for name, value in given.items())
            return f"TableModel({', '.join(settings)})"
        score, networks = trained.scores[0].shown, counted(trained.blueprint.members, "network")
        target = self.settings["target"]
        return f"<TableModel of {target!r}: {score.name} {score.network:.3g}, {networks}>"

    def __getstate__(self) -> dict[str, Any]:
        """All but the inspected table, which copies and pickles do not carry along."""
        return {**vars(self), "_inspected": None}

    def _inspect(self, source: Any) -> InspectedTable:
        """Inspect the source under these settings; the same Table only once."""
        table, inspected = as_table(source), self._inspected
        if inspected is None or inspected.table is not table:
            inspected = InspectedTable.of(table, self.settings)
        self._inspected = inspected if inspected.table is source else None
        return inspected

    # A trained model ----------------------------------------------------------------------

    @property
    def trained(self) -> TrainedTable:
        """The trained model, after `fit` or `load`. DataError: the model is not trained yet."""
        if self._trained is None:
            raise DataError("This TableModel is not trained yet. Call fit first.")
        return self._trained

    @property
    def task(self) -> Task:
        """The kind of target: "regression" or "classification"."""
        return self.trained.task

    @property
    def scores(self) -> list[Score]:
        """The scores on rows that training never saw, next to those of a trivial predictor."""
        return self.trained.scores

    @property
    def classes(self) -> Array:
        """The K classes in order, with the type and the spelling that they had in training."""
        return self.trained.classes

    def predict(self, source: Any) -> Array:
        """The predictions: numbers (N,), (N, T) for several targets, or labels (N,)."""
        return self.trained.predict(source)

    def predict_proba(self, source: Any) -> Array:
        """The probability of each class for each row, (N, K), in the order of `classes`."""
        return self.trained.predict_proba(source)

    def predict_interval(self, source: Any, coverage: float = 0.9) -> Array:
        """An interval that contains the true value of each row with the probability `coverage`.

        (N, 2), the lower and the upper end; for several targets (N, T, 2), each with that
        probability.
        """
        return self.trained.predict_interval(source, coverage)

    def score(self, source: Any) -> float:
        """R2 on rows with known targets (the mean for several targets), or the accuracy."""
        return self.trained.score(source)

    def evaluate(self, source: Any) -> list[Score]:
        """All scores on rows with known targets, next to those of a trivial predictor."""
        return self.trained.evaluate(source)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file: whole, or not at all.

        A file that is replaced keeps its permissions, and a symbolic link is followed.
        """
        self.trained.save(path)


def load(path: str | os.PathLike[str]) -> TableModel:
    """Load a model from a file that `TableModel.save` or `talweg train` wrote."""
    trained = TrainedTable.from_file(path)
    settings = {name: value for name, value in trained.settings.items() if name != "seed"}
    model = TableModel(**settings)
    model._trained = trained
    return model


def _one_or_several(target: Any) -> Any:
    """A list of targets as a tuple, or its only entry."""
    if isinstance(target, str) or not isinstance(target, Iterable):
        return target
    several = tuple(target)
    return several[0] if len(several) == 1 else several


def _pairs(columns: Mapping[str, Asked] | Sequence[tuple[str, Asked]]) -> tuple[Any, ...]:
    """The columns and the kinds that are asked for, as plain tuples."""
    try:
        pairs = dict(columns).items()
        asked = [(name, kind if isinstance(kind, str) else tuple(kind)) for name, kind in pairs]
    except (TypeError, ValueError):
        raise SettingError(
            "TableModel: columns must map names to kinds, or to levels in order, such as "
            f"{{'zip': 'category', 'size': ('small', 'large')}}, but {columns!r} was given."
        ) from None
    return tuple(map(plain, asked))


def _fit_settings(target: Target, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `fit` that follow from the target."""
    if given["class_weight"] and not target.has_classes:
        raise SettingError(
            f"TableModel: class_weight needs classes, but the target {target.names[0]!r} is a "
            "number. Leave it out, or give a column of row weights as weight='...'."
        )
    class_weight = given["class_weight"]
    return {"loss": target.loss, "metrics": target.metrics, "class_weight": class_weight}


def _training(learned: Learned, recipe: Recipe, budget: float | None) -> dict[str, Any]:
    """The record of the training in a model: of the first run, and in brief of each."""
    run = learned.runs[0]
    facts = ("epochs", "best_epoch", "weights_taken", "stopped_by", "stop_reason")
    settings = ("batch_size", "loss", "optimizer", "engine", "dtype")
    record: dict[str, Any] = {name: getattr(run, name) for name in facts}
    record |= {name: run.settings[name] for name in settings}
    if run.stopped_by == "time_budget":  # the run had only the share that others left
        record["stop_reason"] = (
            f"the time budget of {budget:g} s was used up after epoch {run.epochs}"
        )
    record |= {"most_epochs": recipe.epochs, "patience": recipe.patience}
    record |= {"seconds": learned.seconds, "compile_seconds": learned.compile_seconds}
    record |= {"when": datetime.now(UTC).isoformat(timespec="seconds"), "version": VERSION}
    brief = ("epochs", "best_epoch", "stopped_by")
    members = [{name: getattr(member, name) for name in brief} for member in learned.runs]
    return record | {"members": members, "left_out": learned.left_out}


def _history(runs: Sequence[Run], target: Target) -> dict[str, Array]:
    """The histories of all runs, one after another, with errors in the unit of the column."""
    epochs = [np.arange(1, 1 + len(run.history["loss"])) for run in runs]
    networks = np.repeat(np.arange(1, 1 + len(runs)), list(map(len, epochs)))
    history: dict[str, Array] = {"network": networks, "epoch": np.concatenate(epochs)}
    for name in runs[0].history:
        columns = (run.history.get(name, np.full(len(run.history["loss"]), np.nan)) for run in runs)
        values = np.concatenate([*columns])
        history[name] = values * target.unit if name.endswith("mae") else values
    return history
