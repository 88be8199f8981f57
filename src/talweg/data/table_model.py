"""A network for a table: from a file or a frame to predictions in the column's own terms."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns import number
from talweg.data.encode import TableEncoder
from talweg.data.model_file import read_model, write_model
from talweg.data.read import as_table, read_table
from talweg.data.scores import Score, scores_of
from talweg.data.split import split
from talweg.data.table import Table
from talweg.data.target import Classification, Regression, Target, Task
from talweg.errors import DataError, ModelFileError, SettingError
from talweg.nn import Dense, Sequential
from talweg.optim import AdamW, Optimizer
from talweg.settings import Choice, Number, Rule, check
from talweg.train.fit import fit
from talweg.train.run import Run
from talweg.train.stopping import Patience, TimeBudget

Array = NDArray[Any]

_RULES: dict[str, Rule] = {
    "task": Choice(("regression", "classification"), optional=True),
    "epochs": Number(at_least=1, whole=True),
    "batch_size": Number(at_least=1, whole=True, optional=True),
    "patience": Number(at_least=1, whole=True),
    "time_budget": Number(above=0, optional=True),
}


@dataclass(frozen=True)
class HeldOut:
    """Rows that training never saw: true numbers or classes (N,), and what the network says.

    `outputs` are numbers (N,), or the probabilities of classes (N, K); `prior` is what a trivial
    predictor says: the training rows' mean (1,), or their classes' frequencies (K,).
    """

    true: Array
    outputs: Array
    prior: Array


class TableModel:
    """Learns one column of a table from the others.

    The task follows from the target column unless given; each other column becomes numbers
    (see `talweg.data`); rows are dealt into training, validation and test; the network of
    `hidden` layers keeps the weights of its best validation epoch. A row whose target is
    missing is left out. `batch_size` follows from the number of rows unless given.

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
        drop: Sequence[str | int] = (),
        hidden: Sequence[int] = (128, 64),
        activation: str = "silu",
        optimizer: Optimizer | None = None,
        epochs: int = 300,
        batch_size: int | None = None,
        patience: int = 25,
        time_budget: float | None = None,
    ) -> None:
        self.settings: dict[str, Any] = {
            "task": task,
            "epochs": epochs,
            "batch_size": batch_size,
            "patience": patience,
            "time_budget": time_budget,
        }
        check("TableModel", self.settings, _RULES)
        self.target = target
        self.drop = tuple(drop)
        self.hidden = tuple(hidden)
        self.activation = activation
        self.optimizer = optimizer or AdamW(lr=1e-3)
        self.run: Run | None = None
        self._encoder: TableEncoder | None = None

    # Training -----------------------------------------------------------------------------

    def fit(self, source: Any, *, seed: int = 0, progress: bool | None = None) -> Self:
        """Learn from a CSV file, a data frame, a dict of columns, an array (N, D) or a Table.

        Raises DataError for what cannot be learnt from; the model is then as it was before.
        """
        table = as_table(source)
        target = table.find(self.target)
        known = Target.known(table.columns[target])
        if not known.any():
            raise DataError(f"Target {target!r}: every cell is missing. Choose another column.")
        kept = table.take(known)
        cells = kept.columns[target]
        coding = Target.fit(cells, task=self.settings["task"], name=target)
        y = coding.encode(cells)
        labels = y if isinstance(coding, Classification) else None
        parts = split(len(kept), labels=labels, seed=seed)
        coding = _fitted_on(coding, cells[parts[0]])
        y = coding.encode(cells)
        encoder = TableEncoder.fit(kept, [target, *self.drop], rows=parts[0])
        x = encoder.encode(kept)
        net = _network(coding, self.hidden, self.activation)
        _start(net, x[parts[0]], seed)
        self.run = fit(
            net,
            x[parts[0]],
            y[parts[0]],
            **self._run_settings(coding, x, y, parts),
            seed=seed,
            progress=progress,
        )
        self.net, self._encoder, self.coding, self.seed = net, encoder, coding, seed
        self.source, self.rows = table.source, len(table)
        self.parts = {name: len(each) for name, each in zip(_PARTS, parts, strict=True)}
        self.held_out = self._hold_out(x[parts[2]], y[parts[2]], y[parts[0]])
        return self

    def _run_settings(
        self, coding: Regression | Classification, x: Array, y: Array, parts: Sequence[Array]
    ) -> dict[str, Any]:
        given = self.settings
        stops = [Patience(given["patience"])]
        if given["time_budget"]:
            stops.append(TimeBudget(given["time_budget"]))  # type: ignore[arg-type]
        is_number = isinstance(coding, Regression)
        return {
            "loss": "mse" if is_number else "cross_entropy",
            "metrics": ["mae"] if is_number else ["accuracy"],
            "optimizer": self.optimizer,
            "epochs": given["epochs"],
            "batch_size": given["batch_size"] or _batch_size(len(parts[0])),
            "validation": (x[parts[1]], y[parts[1]]),
            "stop": stops,
        }

    def _hold_out(self, x: Array, y: Array, trained: Array) -> HeldOut:
        outputs = self._decoded(x)
        if isinstance(self.coding, Regression):
            prior = self.coding.decode(trained).mean(keepdims=True)
            return HeldOut(self.coding.decode(y), outputs, prior)
        counts = np.bincount(trained, minlength=len(self.coding.levels))
        return HeldOut(y, outputs, counts / counts.sum())

    # Using --------------------------------------------------------------------------------

    @property
    def encoder(self) -> TableEncoder:
        """How columns become the network's inputs."""
        if self._encoder is None:
            raise DataError("this TableModel has not learnt anything yet: call fit first")
        return self._encoder

    @property
    def task(self) -> Task:
        """What the target asks for: regression or classification."""
        return self.coding.task

    @property
    def scores(self) -> list[Score]:
        """How good the network is on rows that it never saw, beside a trivial predictor."""
        held = self.held_out
        return scores_of(self.coding, held.true, held.outputs, held.prior)

    def predict(self, source: Any) -> Array:
        """The target for each row: numbers (N,), or labels (N,)."""
        outputs = self._decoded(self.encoder.encode(self._table(source)))
        return self.labels[outputs.argmax(axis=1)] if outputs.ndim == 2 else outputs

    def probabilities(self, source: Any) -> Array:
        """How likely each class is for each row, (N, K), in the order of `labels`."""
        if isinstance(self.coding, Regression):
            raise SettingError("probabilities are for classes; this model predicts numbers")
        return self._decoded(self.encoder.encode(self._table(source)))

    @property
    def labels(self) -> Array:
        """The K classes in order, as numbers where all of them are."""
        assert isinstance(self.coding, Classification)
        levels = self.coding.levels
        values = np.array([number(each) for each in levels])
        if not np.isfinite(values).all():
            return np.array(levels, dtype=object)
        return values.astype(np.int64) if np.array_equal(values, np.rint(values)) else values

    def score(self, source: Any) -> list[Score]:
        """The scores on other rows that hold the target; DataError where they do not."""
        table = self._table(source)
        cells = table.columns[table.find(self._target_in(table))]
        known = Target.known(cells)
        y = self.coding.encode(cells[known])
        outputs = self._decoded(self.encoder.encode(table.take(known)))
        true = self.coding.decode(y) if isinstance(self.coding, Regression) else y
        return scores_of(self.coding, true, outputs, self.held_out.prior)

    def _target_in(self, table: Table) -> str:
        name = self.coding.name
        if self.encoder.positional and len(table.names) == len(self.encoder.names):
            return table.names[self.encoder.names.index(name)]
        return name

    def _table(self, source: Any) -> Table:
        if isinstance(source, str | os.PathLike) and self.encoder.positional:
            return read_table(source, header=False)
        return as_table(source)

    def _decoded(self, x: Array) -> Array:
        """Numbers (N,) in the column's unit, or probabilities (N, K)."""
        outputs = self.net.predict(x).astype(np.float64)
        if isinstance(self.coding, Regression):
            return self.coding.decode(outputs)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    # Files --------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model, encoding included, as one file: whole, or not at all."""
        config = {
            "kind": "table",
            "encoder": self.encoder.to_json(),
            "target": self.coding.to_json(),
            "network": {"hidden": list(self.hidden), "activation": self.activation},
            "seed": self.seed,
            "source": os.path.basename(self.source),
            "rows": self.rows,
            "parts": self.parts,
            "training": _training(self.run) if self.run else self._loaded_training,
        }
        held = self.held_out
        arrays = {"weights": self.net.weights.flat}
        arrays |= {"true": held.true, "outputs": held.outputs, "prior": held.prior}
        write_model(path, config, arrays)

    @property
    def training(self) -> Mapping[str, Any]:
        """How the training went: epochs, best_epoch, seconds, stopped_by, why."""
        return _training(self.run) if self.run else self._loaded_training

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TableModel:
        """The model that `save` wrote; ModelFileError for a file that cannot be trusted."""
        config, arrays = read_model(path)
        if config.get("kind") != "table":
            raise ModelFileError(f"{path} holds no table model: train one with talweg train")
        try:
            return cls._rebuilt(config, arrays)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelFileError(
                f"{path} lacks a part of a table model or holds a wrong one ({error!r}): copy it "
                "again from where it was saved, or train again"
            ) from None

    @classmethod
    def _rebuilt(cls, config: Mapping[str, Any], arrays: Mapping[str, Array]) -> TableModel:
        network, coding = config["network"], Target.from_json(config["target"])
        model = cls(coding.name, hidden=network["hidden"], activation=network["activation"])
        model._encoder, model.coding = TableEncoder.from_json(config["encoder"]), coding
        model.net = _network(coding, model.hidden, model.activation)
        model.net.init(np.zeros((1, len(model._encoder.inputs))))
        if arrays["weights"].shape != model.net.weights.flat.shape:
            raise ValueError("the weights do not fit the network")
        model.net.weights.flat[:] = arrays["weights"]
        model.held_out = HeldOut(arrays["true"], arrays["outputs"], arrays["prior"])
        model.seed, model.source = config["seed"], config["source"]
        model.rows, model.parts = config["rows"], config["parts"]
        model._loaded_training = config["training"]
        return model

    _loaded_training: Mapping[str, Any]
    net: Sequential
    coding: Regression | Classification
    held_out: HeldOut


_PARTS = ("training", "validation", "test")


def load(path: str | os.PathLike[str]) -> TableModel:
    """The model in a file that `TableModel.save` or `talweg train` wrote."""
    return TableModel.from_file(path)


def _training(run: Run) -> dict[str, Any]:
    return {
        "epochs": run.epochs,
        "best_epoch": run.best_epoch,
        "seconds": run.seconds,
        "stopped_by": run.stopped_by,
        "why": run.why,
    }


def _fitted_on(coding: Regression | Classification, cells: Array) -> Regression | Classification:
    """The coding with the scale of the training rows alone; classes are those of all rows."""
    if isinstance(coding, Classification) or len(set(cells.tolist())) < 2:
        return coding
    return Regression.of(coding.name, cells)


def _network(
    coding: Regression | Classification, hidden: Sequence[int], activation: str
) -> Sequential:
    outputs = 1 if isinstance(coding, Regression) else len(coding.levels)
    return Sequential(*(Dense(units, activation) for units in hidden), Dense(outputs))


def _batch_size(rows: int) -> int:
    """Small batches for few rows, which need many steps; large ones for many, which need speed."""
    return 32 if rows < 1_000 else 64 if rows < 10_000 else 256


def _start(net: Sequential, x: Array, seed: int) -> None:
    """Draw the weights; those of inputs that training never varies start at 0.

    Such an input (the place of a missing cell where none is missing) learns nothing, so a cell
    that meets it later must not add a random number.
    """
    net.init(x, seed=seed)
    first = net.weights["0.weight"]
    first[np.all(x == x[:1], axis=0)] = 0.0
