"""What training on a table leaves: the network between its encoder and its target, and a record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
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
from talweg.data.model.intervals import ErrorScale, Intervals
from talweg.data.model.model_file import read_model, write_model
from talweg.data.model.model_record import CONFIG, ERRORS, HELD_OUT, HISTORY, PLACES, misfit
from talweg.data.model.model_settings import settings_from_json, settings_to_json
from talweg.data.model.network import Blueprint, embedding_size
from talweg.data.model.recipe import Recipe
from talweg.data.model.scores import Score, scores_of
from talweg.data.model.target import Classification, Coding, Target, Task
from talweg.data.split.periods import AlongTime, InTime
from talweg.errors import ModelFileError, SettingError
from talweg.lazy import cached_property
from talweg.nn import Module
from talweg.nn.predictor import predict_with
from talweg.schema import fault

Array = NDArray[Any]

_FEW = 1_000  # rows


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows that training never saw: true numbers or classes (N,), and what the network says.

    `outputs` are numbers (N,), or the probabilities of classes (N, K); of several targets both
    are numbers (N, T). Rows count by `weights` (N,) in scores; `prior` is what a trivial predictor
    says: the training rows' means (T,), or their classes' frequencies (K,).
    """

    true: Array
    outputs: Array
    prior: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Members:
    """Nets of one shape (M of them) by their weights (M, W): `net` lends them its voice and not
    its weights, since each net that predicts is compiled.
    """

    net: Module
    weights: Array

    def outputs(self, member: int, coding: Coding, x: Array, *, often: bool = False) -> Array:
        """What a member says of inputs (N, D); compiled where it is asked `often`."""
        compiles = often or len(x) > _FEW  # few are sooner done than compiled
        return _decoded(coding, predict_with(self.net, self.weights[member], x, compiles=compiles))


@dataclass(frozen=True, eq=False)
class Unseen:
    """Rows of the table (U,), each with the place of a member that never saw it, and how these
    members see a table and a target.
    """

    table: Table
    judge: NDArray[np.intp]
    members: Members
    encoder: TableEncoder
    coding: Coding

    def __len__(self) -> int:
        return len(self.judge)

    def take(self, rows: NDArray[np.intp]) -> Unseen:
        """These rows alone."""
        return replace(self, table=self.table.take(rows), judge=self.judge[rows])

    def outputs(self, x: Array) -> Array:
        """What each row's judge says of its inputs (U, D)."""
        order = np.argsort(self.judge, kind="stable")
        ends = np.cumsum(np.bincount(self.judge, minlength=len(self.members.weights)))[:-1]
        own = enumerate(np.split(x[order], ends))
        found = np.concatenate(
            [
                self.members.outputs(each, self.coding, rows, often=True)
                for each, rows in own
                if len(rows)
            ]
        )
        said = np.empty_like(found)
        said[order] = found
        return said


@dataclass(frozen=True, eq=False)
class TrainedTable:
    """A network that has learned a table, and how it came about.

    `net` is the ensemble of all members, as `blueprint` describes it.

    `settings` are those of the TableModel and the seed; `parts` counts the rows of training,
    validation and test. `training` says how the run went (epochs, best_epoch, kept, seconds,
    compile_seconds, stopped_by, why: of the first member; `members` has some of it of each), when,
    by which version, and what settings it had. `history` has one entry an epoch
    of each network ("network" and "epoch" count from 1): "mae" is in the target's unit, the loss of
    numbers is that of standardised targets. `unseen` holds up to 10,000 of the rows that judged a
    member; a file does not. `error_scale` says how large errors on numbers are, row by row.
    `in_time` is there where rows were held out in the order of time, and `along_time` where they
    could have been.
    `met`, where there is one, collects what rows to predict hold that training did not; otherwise
    each call warns of it.
    """

    encoder: TableEncoder
    coding: Coding
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
        """What the target asks for: regression or classification."""
        return self.coding.task

    @property
    def first_history(self) -> dict[str, Array]:
        """The history of the first network, one entry an epoch: its losses and metrics."""
        is_first = self.history["network"] == 1
        return {name: each[is_first] for name, each in self.history.items() if name not in PLACES}

    @property
    def scores(self) -> list[Score]:
        """How good the network is on rows that it never saw, beside a trivial predictor."""
        held = self.held_out
        return self._scored(held.true, held.outputs, held.weights)

    @property
    def classes(self) -> Array:
        """The K classes in order, of the type that they had in training. SettingError: none."""
        return self._classes("classes").classes

    def table(self, source: Any) -> Table:
        """The source as a table, with a header if that of training had one."""
        if is_file(source):
            return read_table(source, expected=self.encoder.expected)
        return as_table(source)

    def predict(self, source: Any) -> Array:
        """The target for each row: numbers (N,), of several targets (N, T), or labels (N,)."""
        outputs = outputs_of(self.net, self.coding, self._inputs(source))
        has_classes = isinstance(self.coding, Classification)
        return self.classes[self.decided(outputs)] if has_classes else outputs

    def decided(self, shares: Array) -> NDArray[np.intp]:
        """The class of each row (N,), of probabilities (N, K)."""
        return decide(self.decision, shares)

    def predict_proba(self, source: Any) -> Array:
        """How likely each class is for each row, (N, K). SettingError: no classes."""
        coding = self._classes("probabilities")
        return outputs_of(self.net, coding, self._inputs(source))

    def predict_interval(self, source: Any, coverage: float = 0.9) -> Array:
        """Where the truth of each row lies with the probability `coverage`: (N, 2), low and high.

        Of several targets (N, T, 2), each by itself. Errors are those of `reach`.
        """
        return self.predict_with_interval(source, coverage)[..., 1:]

    def predict_with_interval(self, source: Any, coverage: float = 0.9) -> Array:
        """The prediction for each row, low and high: (N, 3), or (N, T, 3) of several targets."""
        told, x = self._intervals, self._inputs(source)
        said = outputs_of(self.net, self.coding, x)
        return np.concatenate([said[..., None], told.around(x, said, coverage)], axis=-1)

    def reach(self, coverage: float) -> Floats:
        """How far off (T,) the truth is at most, with the probability `coverage`, over all rows.

        Of logarithms where these are learned. SettingError: a target of classes. DataError: too few
        rows were judged for that.
        """
        return self._intervals.reach(coverage)

    @cached_property
    def _intervals(self) -> Intervals:
        if isinstance(self.coding, Classification) or self.error_scale is None:
            raise SettingError(
                f"The model predicts {self.coding.names[0]!r} as a class, which has no interval."
                " Ask for probabilities."
            )
        held = self.held_out
        return Intervals(self.coding, self.error_scale, held.true, held.outputs)

    def _inputs(self, source: Any) -> Array:
        """The source as inputs (N, D); a single row goes its own, shorter way.

        What training met nothing like is a warning, or goes to `met`.
        """
        met = self.met or self.encoder.unfamiliar()
        row = self.encoder.encode_row(source, met)
        if row is None:
            return self._encoded(self.table(source))
        if self.met is None:
            met.warn("the row")
        return row

    def _encoded(self, table: Table, rows: Array | None = None) -> Array:
        """A table, or the rows of it that a mask has, as inputs (N, D)."""
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
        """The scores on rows that hold the target. DataError: they lack it."""
        table = self.table(source)
        cells = self.target_cells(table)
        known = self.coding.labelled(*cells)
        y = self.coding.encode(*(column[known] for column in cells))
        outputs = outputs_of(self.net, self.coding, self._encoded(table, known))
        return self._scored(truth(self.coding, y), outputs)

    def _scored(self, true: Array, outputs: Array, weights: Array | None = None) -> list[Score]:
        return scores_of(
            self.coding,
            true,
            outputs,
            self.held_out.prior,
            weights,
            decision=self.decision,
            names=[self.called(name) for name in self.coding.names],
        )

    def _classes(self, asked: str) -> Classification:
        if not isinstance(self.coding, Classification):
            raise SettingError(
                f"The model predicts {self.coding.names[0]!r} as a number, which has no {asked}. "
                "Ask for predictions, or train with task='classification'."
            )
        return self.coding

    def target_cells(self, table: Table) -> list[Cells]:
        """The cells of each target in the table. DataError: it lacks one."""
        names, known = self.coding.names, self.encoder.names
        own = {name: name for name in names}
        if self.encoder.positional and len(table.names) == len(known):
            own = {name: table.names[known.index(name)] for name in names}
        return [self.encoder.as_trained(name, table.named(own[name])) for name in names]

    def called(self, column: str) -> str:
        """What to call a column of training: its name, or "column 3" where it has a position."""
        return f"column {column}" if self.encoder.positional else column

    # Files --------------------------------------------------------------------------------

    def save(self, target: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write all of it, encoding included, to a stream, or as one file: whole, or not at all.

        ModelFileError: what `from_file` would refuse, such as weights that are not finite.
        """
        config = {
            "kind": "table",
            "encoder": self.encoder.to_json(),
            "target": self.coding.to_json(),
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
        if wrong := wrong or misfit(arrays, self.coding, self.blueprint):
            raise ModelFileError(f"Cannot write {target}: it could not be loaded again, as {wrong}")
        write_model(target, config, arrays)

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> TrainedTable:
        """What `save` wrote; ModelFileError for a file that cannot be trusted."""
        config, arrays = read_model(path)
        if config.get("kind") != "table":
            raise ModelFileError(f"{path} holds no table model. Train one with talweg train.")
        try:
            return _rebuilt(config, arrays)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ModelFileError(
                f"{path} lacks a part of a table model or holds a wrong one ({error}). Copy it "
                "again from where it was saved, or train again."
            ) from None


def blueprint_for(coding: Coding, encoder: TableEncoder, recipe: Recipe) -> Blueprint:
    """What a recipe makes of a table: as yet without bins."""
    return Blueprint(
        inputs=len(encoder.inputs),
        outputs=_outputs(coding),
        hidden=recipe.hidden,
        activation=recipe.activation,
        dropout=recipe.dropout,
        bins=None,
        embeddings={at: (count, embedding_size(count)) for at, count in encoder.codes.items()},
        members=recipe.n_estimators,
        is_logits=isinstance(coding, Classification),
    )


def outputs_of(net: Module, coding: Coding, x: Array) -> Array:
    """What the network says of inputs (N, D): numbers (N,) in the column's unit, of several
    targets (N, T), or probabilities (N, K).
    """
    return _decoded(coding, net.predict(x))


def _decoded(coding: Coding, said: Array) -> Array:
    """Outputs of a network as numbers in the column's unit, or as probabilities."""
    outputs = said.astype(np.float64)
    if not isinstance(coding, Classification):
        return coding.decode(outputs)
    with np.errstate(invalid="ignore"):  # weights that ran away give NaN, not a warning
        outputs -= np.maximum.reduce(outputs, axis=1, keepdims=True)  # `max` takes 1 us more
        np.exp(outputs, out=outputs)
        outputs /= np.add.reduce(outputs, axis=1, keepdims=True)
        return outputs


def truth(coding: Coding, y: Array) -> Array:
    """Encoded targets as scores want them: numbers in the column's unit, or classes."""
    return y if isinstance(coding, Classification) else coding.decode(y)


def _outputs(coding: Coding) -> int:
    return len(coding.levels if isinstance(coding, Classification) else coding.each)


def _refuse(fault: str | None) -> None:
    if fault:
        raise ValueError(fault)


def _arrays_of(record: HeldOut | ErrorScale, prefix: str) -> dict[str, Array]:
    """The arrays of a record by the names they have in a file."""
    return {prefix + each.name: getattr(record, each.name) for each in fields(record)}


def _rebuilt(config: Mapping[str, Any], arrays: Mapping[str, Array]) -> TrainedTable:
    """The model, once all of it is known to fit together; ValueError where it does not."""
    _refuse(fault(config, CONFIG, "config"))
    coding, encoder = Target.from_json(config["target"]), TableEncoder.from_json(config["encoder"])
    settings = settings_from_json(config["settings"])
    is_logits = isinstance(coding, Classification)
    inputs = len(encoder.inputs)
    blueprint = Blueprint.from_json(config["network"], inputs, _outputs(coding), is_logits)
    if [(at, count) for at, (count, _) in blueprint.embeddings.items()] != [*encoder.codes.items()]:
        raise ValueError("the embeddings do not fit the columns")
    _refuse(misfit(arrays, coding, blueprint))  # before anything of that size is made
    if config["decision"] and blueprint.outputs != 2:
        raise ValueError("a decision is between two classes")
    net = blueprint.whole()
    net.weights.flat[:] = arrays["weights"]
    named = {name: config[name] for name in ("source", "rows", "parts", "training")}
    return TrainedTable(
        encoder=encoder,
        coding=coding,
        blueprint=blueprint,
        net=net,
        held_out=HeldOut(*(arrays[HELD_OUT + each.name] for each in fields(HeldOut))),
        settings=settings,
        decision=Decision(**config["decision"]) if config.get("decision") else None,
        error_scale=None
        if is_logits
        else ErrorScale(*(arrays[ERRORS + each.name] for each in fields(ErrorScale))),
        in_time=InTime.from_json(config["in_time"]) if config.get("in_time") else None,
        along_time=AlongTime.from_json(config["along_time"]) if config.get("along_time") else None,
        history={
            name.removeprefix(HISTORY): values
            for name, values in arrays.items()
            if name.startswith(HISTORY)
        },
        **named,
    )
