"""A trained model of a table: encoder, network and target, and the record of the training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Floats
from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.columns.unfamiliar import Unfamiliar
from talweg.data.io.files import is_file
from talweg.data.io.read import as_table, read_table
from talweg.data.model.decision import Decision, decide
from talweg.data.model.held_out import HeldOut, Unseen
from talweg.data.model.intervals import ErrorScale, Intervals
from talweg.data.model.model_file import read_model, write_model
from talweg.data.model.model_record import CONFIG, ERRORS, HELD_OUT, HISTORY, PLACES, misfit
from talweg.data.model.model_settings import settings_from_json, settings_to_json
from talweg.data.model.network import Blueprint, embedding_size
from talweg.data.model.recipe import Recipe
from talweg.data.model.scores import Score
from talweg.data.model.targets.base import Predicted, Target, Task
from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.regression import NumericTarget
from talweg.data.model.targets.table import target_from_json
from talweg.data.split.periods import AlongTime, InTime
from talweg.errors import ModelFileError, SettingError
from talweg.lazy import cached_property
from talweg.nn import Module
from talweg.schema import fault

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TrainedTable:
    """A trained model of a table, and the record of its training.

    `net` is the ensemble of all networks, as `blueprint` describes it.

    `settings` are those of the TableModel and the seed; `parts` counts the training, validation and
    test rows. `training` records the run of the first network (epochs, best_epoch, weights_taken,
    seconds, compile_seconds, stopped_by, stop_reason), in brief that of each (`members`), and when,
    by which version and with which settings they were trained. `history` has one entry for each
    epoch of each network ("network" and "epoch" count from 1): "mae" is in the unit of the target,
    the loss of numbers is that of standardized targets.

    `unseen` holds up to 10,000 of the test rows; a file does not. `error_scale` is the expected
    size of the errors of each row, for numbers. `in_time` is set if rows were held out in
    chronological order, and `along_time` if they could have been. `met`, if it is set, collects the
    cells in rows to predict that training did not have; otherwise each call warns of them.
    """

    encoder: TableEncoder
    target: Target
    blueprint: Blueprint
    net: Module
    held_out: HeldOut
    settings: Mapping[str, Any]
    source: str
    rows: int
    parts: Mapping[str, int]
    training: Mapping[str, Any]
    history: Mapping[str, Array]
    unseen: Unseen | None = None
    decision: Decision | None = None
    error_scale: ErrorScale | None = None
    in_time: InTime | None = None
    along_time: AlongTime | None = None
    met: Unfamiliar | None = None

    @property
    def task(self) -> Task:
        """The kind of target: "regression" or "classification"."""
        return self.target.task

    @property
    def first_history(self) -> dict[str, Array]:
        """The losses and metrics of the first network, one entry for each epoch."""
        is_first = self.history["network"] == 1
        history = self.history.items()
        return {name: values[is_first] for name, values in history if name not in PLACES}

    @property
    def scores(self) -> list[Score]:
        """The scores on rows that training never saw, next to those of a trivial predictor."""
        held = self.held_out
        return self._scores_on(held.true, held.outputs, held.weights)

    @property
    def classes(self) -> Array:
        """The K classes in order, with the type that they had in training. SettingError: none."""
        return self._classes("classes").classes

    def table(self, source: Any) -> Table:
        """The source as a table; it has a header if the training data had one."""
        if is_file(source):
            return read_table(source, expected=self.encoder.expected)
        return as_table(source)

    def predict(self, source: Any) -> Array:
        """The predictions: numbers (N,), (N, T) for several targets, or labels (N,)."""
        outputs = outputs_of(self.net, self.target, self._inputs(source))
        return self.classes[self.decided(outputs)] if self.target.has_classes else outputs

    def decided(self, probabilities: Array) -> NDArray[np.intp]:
        """The class of each row (N,), from probabilities (N, K)."""
        return decide(self.decision, probabilities)

    def predict_proba(self, source: Any) -> Array:
        """The probability of each class for each row, (N, K). SettingError: no classes."""
        target = self._classes("probabilities")
        return outputs_of(self.net, target, self._inputs(source))

    def predict_interval(self, source: Any, coverage: float = 0.9) -> Array:
        """An interval that contains the true value of each row with the probability `coverage`.

        (N, 2), the lower and the upper end; for several targets (N, T, 2), each with that
        probability. Errors are those of `reach`.
        """
        return self.predict_with_interval(source, coverage)[..., 1:]

    def predict_with_interval(self, source: Any, coverage: float = 0.9) -> Array:
        """The prediction for each row, low and high: (N, 3), or (N, T, 3) for several targets."""
        intervals, x = self._intervals, self._inputs(source)
        outputs = outputs_of(self.net, self.target, x)
        ends = intervals.around(x, outputs, coverage)
        return np.concatenate([outputs[..., None], ends], axis=-1)

    def reach(self, coverage: float) -> Floats:
        """The largest error (T,) with the probability `coverage`, over all rows.

        Of logarithms where these are learned. SettingError: a target of classes. DataError: too few
        test rows for that coverage.
        """
        return self._intervals.reach(coverage)

    @cached_property
    def _intervals(self) -> Intervals:
        if not isinstance(self.target, NumericTarget) or self.error_scale is None:
            raise SettingError(
                f"The model predicts {self.target.names[0]!r} as a class, which has no interval. "
                "Use predict_proba (--probabilities)."
            )
        held = self.held_out
        return Intervals(self.target, self.error_scale, held.true, held.outputs)

    def _inputs(self, source: Any) -> Array:
        """The source as inputs (N, D); a single row takes a shorter path.

        Cells unlike those of training cause a warning, or are counted in `met`.
        """
        met = self.met or self.encoder.unfamiliar()
        row = self.encoder.encode_row(source, met)
        if row is None:
            return self._encode(self.table(source))
        if self.met is None:
            met.warn("the row")
        return row

    def _encode(self, table: Table, rows: Array | None = None) -> Array:
        """A table, or the rows of it that a mask selects, as inputs (N, D)."""
        self.encoder.warn_of_marks(table)
        met = self.met or self.encoder.unfamiliar()
        x = self.encoder.encode(table if rows is None else table.take(rows), met=met)
        if self.met is None:
            met.warn(table.source)
        return x

    def score(self, source: Any) -> float:
        """The first score of `evaluate`: R2, the mean R2 of several targets, or the accuracy."""
        return self.evaluate(source)[0].network

    def evaluate(self, source: Any) -> list[Score]:
        """The scores on rows with known targets. DataError: a target is missing."""
        table = self.table(source)
        cells = self.target_cells(table)
        known = self.target.known(*cells)
        y = self.target.encode(*(column[known] for column in cells))
        outputs = outputs_of(self.net, self.target, self._encode(table, known))
        return self._scores_on(self.target.truth(y), outputs)

    def _scores_on(self, true: Array, outputs: Array, weights: Array | None = None) -> list[Score]:
        names = [self.called(name) for name in self.target.names]
        rows = Predicted(true, outputs, self.held_out.prior, weights, self.decision, names)
        return self.target.scores(rows)

    def _classes(self, asked: str) -> Classification:
        if not isinstance(self.target, Classification):
            raise SettingError(
                f"The model predicts {self.target.names[0]!r} as a number, which has no {asked}. "
                "Use predict, or train with task='classification'."
            )
        return self.target

    def target_cells(self, table: Table) -> list[Cells]:
        """The cells of each target in the table. DataError: it lacks one."""
        names, known = self.target.names, self.encoder.names
        own = {name: name for name in names}
        if self.encoder.positional and len(table.names) == len(known):
            own = {name: table.names[known.index(name)] for name in names}
        return [self.encoder.as_trained(name, table.named(own[name])) for name in names]

    def called(self, column: str) -> str:
        """What to call a column of training: its name, or "column 3" if it has only a position."""
        return f"column {column}" if self.encoder.positional else column

    # Files --------------------------------------------------------------------------------

    def save(self, file: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write the model, encoding included, to a stream or a file: whole, or not at all.

        ModelFileError: what `from_file` would refuse, such as weights that are not finite.
        """
        config = {
            "kind": "table",
            "encoder": self.encoder.to_json(),
            "target": self.target.to_json(),
            "network": self.blueprint.to_json(),
            "settings": settings_to_json(self.settings),
            "source": os.path.basename(self.source),
            "rows": self.rows,
            "parts": self.parts,
            "training": self.training,
            "decision": asdict(self.decision) if self.decision else None,
            "in_time": self.in_time.to_json() if self.in_time else None,
            "along_time": self.along_time.to_json() if self.along_time else None,
        }
        arrays = {"weights": self.net.weights.flat, **_arrays_of(self.held_out, HELD_OUT)}
        if self.error_scale is not None:
            arrays |= _arrays_of(self.error_scale, ERRORS)
        arrays |= {HISTORY + name: values for name, values in self.history.items()}
        wrong = fault(config, CONFIG, "config")
        if wrong := wrong or misfit(arrays, self.target, self.blueprint):
            raise ModelFileError(f"Cannot write {file}: it could not be loaded again, as {wrong}")
        write_model(file, config, arrays)

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> TrainedTable:
        """Read what `save` wrote. ModelFileError: a file that cannot be trusted."""
        config, arrays = read_model(path)
        if config.get("kind") != "table":
            raise ModelFileError(f"{path} holds no table model. Train one with talweg train.")
        try:
            return _rebuild(config, arrays)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ModelFileError(
                f"{path} has a missing or invalid part ({error}). Copy it again from where it "
                "was saved, or train again."
            ) from None


def blueprint_for(target: Target, encoder: TableEncoder, recipe: Recipe) -> Blueprint:
    """The network of a recipe for a table, as yet without bins."""
    return Blueprint(
        inputs=len(encoder.inputs),
        outputs=target.outputs,
        hidden=recipe.hidden,
        activation=recipe.activation,
        dropout=recipe.dropout,
        bins=None,
        embeddings={at: (count, embedding_size(count)) for at, count in encoder.codes.items()},
        members=recipe.n_estimators,
        is_logits=target.has_classes,
    )


def outputs_of(net: Module, target: Target, x: Array) -> Array:
    """The predictions of a network from inputs (N, D): numbers (N,) in the unit of the column,
    (N, T) for several targets, or probabilities (N, K).
    """
    return target.decode(net.predict(x))


def _refuse(fault: str | None) -> None:
    if fault:
        raise ValueError(fault)


def _arrays_of(record: HeldOut | ErrorScale, prefix: str) -> dict[str, Array]:
    """The arrays of a record, by their names in a file."""
    return {prefix + field.name: getattr(record, field.name) for field in fields(record)}


def _rebuild(config: Mapping[str, Any], arrays: Mapping[str, Array]) -> TrainedTable:
    """The model, after a check that all its parts fit together. ValueError: they do not."""
    _refuse(fault(config, CONFIG, "config"))
    target, encoder = target_from_json(config["target"]), TableEncoder.from_json(config["encoder"])
    settings = settings_from_json(config["settings"])
    inputs = len(encoder.inputs)
    blueprint = Blueprint.from_json(config["network"], inputs, target.outputs, target.has_classes)
    if [(at, count) for at, (count, _) in blueprint.embeddings.items()] != [*encoder.codes.items()]:
        raise ValueError("the embeddings do not fit the columns")
    _refuse(misfit(arrays, target, blueprint))  # before anything of that size is allocated
    if config["decision"] and blueprint.outputs != 2:
        raise ValueError("a decision is between two classes")
    net = blueprint.whole()
    net.weights.flat[:] = arrays["weights"]
    named = {name: config[name] for name in ("source", "rows", "parts", "training")}
    return TrainedTable(
        encoder=encoder,
        target=target,
        blueprint=blueprint,
        net=net,
        held_out=HeldOut(*(arrays[HELD_OUT + field.name] for field in fields(HeldOut))),
        settings=settings,
        decision=Decision(**config["decision"]) if config.get("decision") else None,
        error_scale=None
        if target.has_classes
        else ErrorScale(*(arrays[ERRORS + field.name] for field in fields(ErrorScale))),
        in_time=InTime.from_json(config["in_time"]) if config.get("in_time") else None,
        along_time=AlongTime.from_json(config["along_time"]) if config.get("along_time") else None,
        history={
            name.removeprefix(HISTORY): values
            for name, values in arrays.items()
            if name.startswith(HISTORY)
        },
        **named,
    )
