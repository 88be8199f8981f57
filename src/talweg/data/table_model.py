"""Learning one column of a table from the others: from a file or a frame to a trained network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns import Cells
from talweg.data.encode import TableEncoder
from talweg.data.kinds import Asked, ColumnType, type_columns
from talweg.data.read import as_table
from talweg.data.scores import Score
from talweg.data.split import split
from talweg.data.table import Table
from talweg.data.target import Classification, Regression, Target, Task
from talweg.data.trained_table import (
    Coding,
    HeldOut,
    TrainedTable,
    network_for,
    outputs_of,
    truth,
)
from talweg.engine.random import SEED
from talweg.errors import DataError
from talweg.nn import Sequential
from talweg.nn.activations import ACTIVATIONS
from talweg.optim import FullBatch, Optimizer, as_optimizer
from talweg.settings import Choice, Number, Rule, check
from talweg.train.fit import fit
from talweg.train.run import Run
from talweg.train.stopping import Patience, Stop, TimeBudget
from talweg.version import VERSION

Array = NDArray[Any]

FEWEST_ROWS = 10  # with a target: fewer leave a test of a single row, or none

_UNSEEN = 10_000  # rows kept for the report: drawn, or ranked by their error, more say no more

_PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class _Sizes:
    """The rule for `hidden`."""

    def allows(self, value: Any) -> bool:
        return isinstance(value, tuple) and all(map(Number(at_least=1, whole=True).allows, value))

    def __str__(self) -> str:
        return "sizes of layers such as (128, 64)"


_RULES: dict[str, Rule] = {
    "task": Choice(("regression", "classification"), optional=True),
    "hidden": _Sizes(),
    "activation": Choice(tuple(ACTIVATIONS)),
    "epochs": Number(at_least=1, whole=True),
    "batch_size": Number(at_least=1, whole=True, optional=True),
    "patience": Number(at_least=1, whole=True),
    "time_budget": Number(above=0, optional=True),
}


class TableModel:
    """Learns one column of a table from the others.

    The task follows from the target column unless given; each other column becomes numbers
    (see `talweg.data`) unless it is named in `drop`; `columns` says what a column is where what
    is seen in it misleads: "number", "category", "boolean", "ordinal" or its words in order,
    "date", "day first", "month first", or "leave out". Rows are dealt into training, validation
    and test; the network of `hidden` layers keeps the weights of its best validation epoch. A
    row whose target is missing is left out. `batch_size` follows from the number of rows unless
    given; `time_budget` is in seconds.

    >>> rows = [[x, 2 * x + 1] for x in range(40)]
    >>> model = TableModel(target=-1, epochs=20).fit(rows, seed=0)
    >>> model.predict([[3.5]]).shape, model.task
    ((1,), 'regression')
    """

    def __init__(
        self,
        target: str | int,
        *,
        task: Task | None = None,
        drop: str | int | Sequence[str | int] = (),
        columns: Mapping[str, Asked] | Sequence[tuple[str, Asked]] = (),
        hidden: Sequence[int] = (128, 64),
        activation: str = "silu",
        optimizer: str | Optimizer | FullBatch = "adamw",
        epochs: int = 300,
        batch_size: int | None = None,
        patience: int = 25,
        time_budget: float | None = None,
    ) -> None:
        self.settings: dict[str, Any] = {
            "target": target,
            "task": task,
            "drop": (drop,) if isinstance(drop, str | int) else tuple(drop),
            "columns": _pairs(columns),
            "hidden": tuple(hidden) if isinstance(hidden, Sequence) else hidden,
            "activation": activation,
            "optimizer": optimizer,
            "epochs": epochs,
            "batch_size": batch_size,
            "patience": patience,
            "time_budget": time_budget,
        }
        check("TableModel", self.settings, _RULES)
        self._trained: TrainedTable | None = None

    def fit(self, source: Any, *, seed: int = 0, progress: bool | None = None) -> Self:
        """Learn from a CSV file, a data frame, a dict of columns, an array (N, D) or a Table.

        Raises DataError for what cannot be learned from; the model is then as it was before.
        """
        check("TableModel", {"seed": seed}, {"seed": SEED})
        table, given = as_table(source), self.settings
        target, dropped = _chosen(table, given["target"], given["drop"], given["columns"])
        coding, kept = _learnable(table, target, given["task"])
        cells = kept.columns[target]
        parts = split(len(kept), labels=_classes(coding, cells), seed=seed)
        train = parts[0]
        coding = _scaled_by(coding, cells[train])
        asked = dict(given["columns"])
        encoder = TableEncoder.fit(kept, [target, *dropped], rows=train, asked=asked)
        # Part after part, so that each is one piece of what may be mapped from a file.
        order, ends = np.concatenate(parts), np.cumsum([len(each) for each in parts])[:-1]
        x = np.split(encoder.encode(kept, order), ends)
        y = np.split(coding.encode(cells)[order], ends)
        net = network_for(coding, given["hidden"], given["activation"])
        _start(net, x[0], seed)
        run = self._run(net, coding, x, y, seed, progress)
        self._trained = TrainedTable(
            encoder=encoder,
            coding=coding,
            net=net,
            held_out=_hold_out(net, coding, x[2], y[2], y[0]),
            settings={**given, "seed": seed},
            source=table.source,
            rows=len(table),
            parts={name: len(rows) for name, rows in zip(_PARTS, parts, strict=True)},
            training=_training(run),
            history=_history(run, coding),
            unseen=kept.take(_spread(parts[2])),
        )
        return self

    def kinds(self, source: Any) -> list[ColumnType]:
        """What each column but the target would be taken for: look before you `fit`."""
        table, given = as_table(source), self.settings
        target, dropped = _chosen(table, given["target"], given["drop"], given["columns"])
        kept = _learnable(table, target, given["task"])[1]
        return type_columns(kept, [target, *dropped], dict(given["columns"]))

    def _run(
        self,
        net: Sequential,
        coding: Coding,
        x: Sequence[Array],
        y: Sequence[Array],
        seed: int,
        progress: bool | None,
    ) -> Run:
        given = self.settings
        stop: list[Stop] = [Patience(given["patience"], decrease=_LEAST)]
        if given["time_budget"] is not None:
            stop.append(TimeBudget(given["time_budget"]))
        numbers = isinstance(coding, Regression)
        return fit(
            net,
            x[0],
            y[0],
            loss="mse" if numbers else "cross_entropy",
            metrics=["mae" if numbers else "accuracy"],
            optimizer=given["optimizer"],
            epochs=given["epochs"],
            batch_size=given["batch_size"] or _batch_size(len(x[0]), given["optimizer"]),
            validation=(x[1], y[1]),
            stop=stop,
            seed=seed,
            progress=progress,
        )

    # Using --------------------------------------------------------------------------------

    @property
    def trained(self) -> TrainedTable:
        """All that `fit` or a file left. DataError: nothing has been learned yet."""
        if self._trained is None:
            raise DataError("This TableModel has not learned anything yet. Call fit first.")
        return self._trained

    @property
    def task(self) -> Task:
        """What the target asks for: regression or classification."""
        return self.trained.task

    @property
    def scores(self) -> list[Score]:
        """How good the network is on rows that it never saw, beside a trivial predictor."""
        return self.trained.scores

    @property
    def labels(self) -> Array:
        """The K classes in order, as numbers where all of them are."""
        return self.trained.labels

    def predict(self, source: Any) -> Array:
        """The target for each row: numbers (N,), or labels (N,)."""
        return self.trained.predict(source)

    def probabilities(self, source: Any) -> Array:
        """How likely each class is for each row, (N, K), in the order of `labels`."""
        return self.trained.probabilities(source)

    def score(self, source: Any) -> list[Score]:
        """The scores on other rows that hold the target."""
        return self.trained.score(source)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as one file: whole, or not at all."""
        self.trained.save(path)


_LEAST = (
    1e-4  # what counts as better, of a loss that starts near 1: mushroom takes 40 epochs, not 242
)


def load(path: str | os.PathLike[str]) -> TableModel:
    """The model in a file that `TableModel.save` or `talweg train` wrote."""
    trained = TrainedTable.from_file(path)
    settings = {name: value for name, value in trained.settings.items() if name != "seed"}
    model = TableModel(**settings)
    model._trained = trained
    return model


def _pairs(columns: Mapping[str, Asked] | Sequence[tuple[str, Asked]]) -> tuple[Any, ...]:
    """What was asked for by column, as a file can keep it."""
    pairs = dict(columns).items()
    return tuple((name, each if isinstance(each, str) else tuple(each)) for name, each in pairs)


def _chosen(
    table: Table,
    target: str | int,
    drop: Sequence[str | int],
    asked: Sequence[tuple[str, Asked]],
) -> tuple[str, tuple[str, ...]]:
    """The names of the target and of the columns to leave out."""
    name, dropped = table.find(target), tuple(table.find(each) for each in drop)
    if name in dropped:
        raise DataError(f"Column {name!r} is the target and is to be dropped. Choose one of both.")
    if name in (table.find(each) for each, _ in asked):
        raise DataError(f"Column {name!r} is the target: `task` says what it is, not `columns`.")
    return name, dropped


def _learnable(table: Table, target: str, task: Task | None) -> tuple[Coding, Table]:
    """What the target is, and the rows that have one."""
    cells = table.columns[target]
    known = Target.known(cells)
    count = np.count_nonzero(known)
    if 0 < count < FEWEST_ROWS:
        raise DataError(
            f"{table.source}: too few rows with a target ({count}) to train, validate and test on."
            f" Give at least {FEWEST_ROWS}, or use tw.fit on arrays."
        )
    kept = table if known.all() else table.take(known)
    return Target.fit(cells, task=task, name=target), kept


def _classes(coding: Coding, cells: Cells) -> Array | None:
    return coding.encode(cells) if isinstance(coding, Classification) else None


def _scaled_by(coding: Coding, cells: Cells) -> Coding:
    """The coding with the scale of the training rows alone; classes are those of all rows."""
    if isinstance(coding, Classification) or np.ptp(coding.encode(cells)) == 0:
        return coding
    return Regression.of(coding.name, cells)


def _batch_size(rows: int, optimizer: Any) -> int:
    """Small batches for few rows, which need many steps; large ones for many, which need speed."""
    if isinstance(as_optimizer(optimizer), FullBatch):
        return rows
    return 32 if rows < 1_000 else 64 if rows < 10_000 else 256


def _start(net: Sequential, x: Array, seed: int) -> None:
    """Draw the weights; those of inputs that training never varies start at 0.

    Such an input (the place of a missing cell where none is missing) learns nothing, so a cell
    that meets it later must not add a random number.
    """
    net.init(x, seed=seed)
    first = net.weights["0.weight"]
    first[x.min(axis=0) == x.max(axis=0)] = 0.0


def _hold_out(net: Sequential, coding: Coding, x: Array, y: Array, trained: Array) -> HeldOut:
    outputs = outputs_of(net, coding, x)
    if isinstance(coding, Regression):
        return HeldOut(truth(coding, y), outputs, coding.decode(trained).mean(keepdims=True))
    return HeldOut(y, outputs, np.bincount(trained, minlength=len(coding.levels)) / len(trained))


def _spread(rows: Array) -> Array:
    """At most `_UNSEEN` of the rows, evenly from first to last."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), _UNSEEN)).astype(np.intp)]


def _training(run: Run) -> dict[str, Any]:
    told = ("epochs", "best_epoch", "kept", "seconds", "compile_seconds", "stopped_by", "why")
    used = ("batch_size", "loss", "optimizer", "engine", "dtype")
    found = {name: getattr(run, name) for name in told}
    found |= {"when": datetime.now(UTC).isoformat(timespec="seconds"), "version": VERSION}
    return found | {name: run.settings[name] for name in used}


def _history(run: Run, coding: Coding) -> dict[str, Array]:
    """The run's history, errors of standardised numbers turned into the column's unit."""
    scale = coding.scale if isinstance(coding, Regression) else 1.0
    return {
        name: values * scale if name.endswith("mae") else values
        for name, values in run.history.items()
    }
