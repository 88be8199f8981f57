"""Checkpoints: a run is written to a file while it trains, and continues from it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talweg.archive import Array, Kind, read_bundle, refuse_place, write_bundle
from talweg.engine.run.program import Program, StopRule
from talweg.engine.run.rows import Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.errors import ModelFileError, SettingError, TrainingWarning
from talweg.graph import Graph, Tensor
from talweg.schema import Anything, Items, Real, Record, Text, Values, fault
from talweg.settings import Checked, Flag, Number, plain, setting
from talweg.train.run.snapshot_check import NUMBERS, SNAPSHOT_NUMBERS, misfit

KIND = Kind("talweg-run", 4, "checkpoint", "delete it, and train from the start")
LOOK = 0.1
"""Seconds between two checks for a new best epoch."""
TIMES = 33
"""Points in time, within the epochs that are done, at which schedules are compared."""


@dataclass(frozen=True)
class Checkpoint(Checked):
    """The checkpoint file of a run, and how often it is written.

    The run is saved at the end of the first epoch that ends `every` seconds after the last
    checkpoint, or after every `epochs` epochs. With `best`, each new best epoch is saved, about 0.1
    s later if epochs are short. Without any of these, the run is saved every 30 seconds. The end of
    the run is always saved.
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    every: float | None = setting(None, Number(above=0, optional=True))
    epochs: int | None = setting(None, Number(at_least=1, whole=True, optional=True))
    best: bool = setting(False, Flag())

    @property
    def seconds(self) -> float:
        """The time between two checkpoints; infinite if time does not matter."""
        if self.every is not None:
            return self.every
        return math.inf if self.epochs or self.best else 30.0


def as_checkpoint(given: Any) -> Checkpoint | None:
    """The `checkpoint` of `fit`: None, a path, or a Checkpoint."""
    if given is None or isinstance(given, Checkpoint):
        return given
    if isinstance(given, str | os.PathLike):
        return Checkpoint(given)
    raise SettingError(
        f"fit: checkpoint must be a path or tw.Checkpoint(path, epochs=10), not {given!r}"
    )


def checkpointer_of(
    given: Any,
    resume: Any,
    program: Program,
    rows: Rows,
    validation_rows: Rows | None,
    settings: Mapping[str, Any],
) -> FileCheckpointer | None:
    """The checkpointer of a run: it writes its checkpoints, and reads the one to continue from.

    `settings` are those that the `Run` reports.
    """
    resume = plain(resume)
    if not isinstance(resume, bool):
        raise SettingError(f"fit: resume must be True or False, but {resume!r} was given.")
    checkpoint = as_checkpoint(given)
    if checkpoint is None:
        if resume:
            raise SettingError("fit: resume=True needs a file: give its path as checkpoint")
        return None
    if checkpoint.best and not program.limits.restore_best:
        raise SettingError(
            "fit: a checkpoint at each best epoch needs validation data, or restore_best=True"
        )
    steps = program.schedule.steps_of(len(rows))
    identity = _identity(program, rows, validation_rows, settings)
    return FileCheckpointer(checkpoint, resume, program, steps, identity)


class FileCheckpointer:
    """Writes snapshots of a run to its file when its checkpoint says so."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        resume: bool,
        program: Program,
        steps: int,
        identity: Mapping[str, Any],
    ) -> None:
        self.checkpoint, self.program, self.identity = checkpoint, program, identity
        self.steps = steps  # of one epoch
        self.file = Path(checkpoint.path)
        refuse_place(self.file)
        self.start = self._read() if resume and self.file.exists() else None
        self.written = time.perf_counter()
        self.epoch = self.start.epoch if self.start else 0
        self.best_epoch = self.start.best_epoch if self.start else 0

    def is_due(self, epoch: int, best_epoch: int) -> bool:
        wanted = self.checkpoint
        return (
            time.perf_counter() - self.written >= wanted.seconds
            or epoch - self.epoch >= (wanted.epochs or math.inf)
            or (wanted.best and best_epoch > self.best_epoch)
        )

    def epochs_until(self, epoch: int, pace: float) -> int:
        wanted, pace = self.checkpoint, max(pace, 1e-7)
        left = self.written + wanted.seconds - time.perf_counter()
        limits = [left / pace if pace < math.inf else 1, LOOK / pace if wanted.best else math.inf]
        limits.append(self.epoch + (wanted.epochs or math.inf) - epoch)
        return int(max(1, min(2.0**31, *limits)))

    def save(self, snapshot: Snapshot) -> None:
        """Write the snapshot. If that fails, as on a full disk, the run continues without it."""
        arrays, names = _packed(snapshot)
        config = {
            "run": self.identity,
            "rules": [plain_text(rule) for rule in self.program.limits.rules],
            "schedules": _schedules(self.program, snapshot.epoch),
            "numbers": {name: getattr(snapshot, name) for name in NUMBERS},
            "names": names,
        }
        try:
            write_bundle(self.file, KIND, config, arrays)
        except OSError as error:
            words = f"The checkpoint {self.file} could not be written ({error}); the run continues."
            warnings.warn(words, TrainingWarning, stacklevel=2)
        self.written = time.perf_counter()
        self.epoch, self.best_epoch = snapshot.epoch, snapshot.best_epoch

    def _read(self) -> Snapshot:
        config, arrays = read_bundle(self.file, KIND)
        self._refuse(fault(config, _CONFIG, "config"))
        self._refuse_other(config["run"])
        self._refuse(_lost(config["names"], arrays))
        snapshot = _unpacked(config, arrays)
        self._refuse(misfit(snapshot, self.program, self.steps))
        self._refuse_past(snapshot.epoch, config["schedules"])
        if config["rules"] != [plain_text(rule) for rule in self.program.limits.rules]:
            # the rule that ended the run may no longer hold
            object.__setattr__(snapshot, "stopped_by", None)
        return snapshot

    def _refuse(self, fault: str | None) -> None:
        """Raise a ModelFileError that names the fault, if there is one."""
        if fault:
            raise ModelFileError(
                f"{self.file} is not the state that this run saved ({fault}): {KIND.again}."
            )

    def _refuse_other(self, stored: Mapping[str, Any]) -> None:
        """Raise a SettingError unless the file is of this run; limits may differ."""
        mine = json.loads(json.dumps(self.identity))
        for name, value in mine.items():
            if name != _OPTIMIZER and stored.get(name) != value:
                shown = _difference(name, stored, mine)
                raise SettingError(
                    f"fit: the checkpoint {self.file} is of another run: {name} differs{shown}. "
                    "Give the same settings and data as that run, another path, or resume=False "
                    "to start over."
                )

    def _refuse_past(self, epoch: int, schedules: Mapping[str, list[float]]) -> None:
        """Raise a SettingError unless this run would have had the same epochs."""
        if epoch > self.program.limits.epochs:
            raise SettingError(
                f"fit: the checkpoint {self.file} has {epoch} epochs, more than the requested "
                f"epochs={self.program.limits.epochs}; give at least {epoch}, or another path"
            )
        for name, values in _schedules(self.program, epoch).items():
            if schedules.get(name) != values:
                raise SettingError(
                    f"fit: the checkpoint {self.file} is of another run: the schedule of {name} "
                    f"gave other values in its {epoch} epochs. A schedule that spans the whole "
                    "run changes with `epochs`: give the same number, or fix the schedule's own "
                    "length."
                )


# What a file holds --------------------------------------------------------------------------------

_GROUPS = ("state", "rules", "history", "watched")
_CONFIG = Record(
    {
        "run": Values(Anything()),  # compared with the run's own
        "rules": Items(Text()),
        "schedules": Values(Items(Real())),
        "numbers": SNAPSHOT_NUMBERS,
        "names": Record({group: Items(Text(), unique=True) for group in _GROUPS}),
    }
)


def _packed(snapshot: Snapshot) -> tuple[dict[str, Array], dict[str, list[str]]]:
    """The arrays of a snapshot, those of groups by index, and the names in each group."""
    arrays = {"weights": snapshot.weights}
    if snapshot.best_epoch:
        arrays["best"] = snapshot.best
    names = {group: list(getattr(snapshot, group)) for group in _GROUPS}
    for group, members in names.items():
        arrays_of = getattr(snapshot, group)
        arrays |= {f"{group}.{index}": arrays_of[name] for index, name in enumerate(members)}
    return arrays, names


def _lost(names: Mapping[str, list[str]], arrays: Mapping[str, Array]) -> str | None:
    """The first array that is named and missing."""
    wanted = [f"{group}.{index}" for group in names for index in range(len(names[group]))]
    lost = [name for name in ("weights", *wanted) if name not in arrays]
    return f"it lacks the array {lost[0]!r}" if lost else None


def _unpacked(config: Mapping[str, Any], arrays: Mapping[str, Array]) -> Snapshot:
    groups: dict[str, Any] = {
        group: {name: arrays[f"{group}.{index}"] for index, name in enumerate(names)}
        for group, names in config["names"].items()
    }
    best = arrays.get("best", arrays["weights"])
    numbers = {name: config["numbers"][name] for name in NUMBERS}
    return Snapshot(weights=arrays["weights"], best=best, **groups, **numbers)


# Which run it is ----------------------------------------------------------------------------------


_OPTIMIZER = "optimizer"
"""An entry for error messages only: of a schedule, the values so far are compared."""


def _identity(
    program: Program, rows: Rows, validation_rows: Rows | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that decides the weights after each epoch, under names for people."""
    evaluation = (
        program.evaluation if program.limits.restore_best or program.limits.validates else None
    )
    return {
        "engine": settings["engine"],
        "batch_size": program.schedule.batch_size,
        "shuffle": program.schedule.shuffle,
        "seed": program.schedule.seed,
        "restore_best": program.limits.restore_best,
        "what is watched": ["steps" if program.graphs.watch_steps else "epochs", *program.watched],
        "what is measured": list(program.graphs.measures),
        "the optimizer": _numbers(program),
        "the ReduceOnPlateau of the optimizer": {
            name: plain_text(x) for name, x in program.schedule.plateaus.items()
        },
        "the kind of stopping rules": [_kind_of(rule) for rule in program.limits.rules],
        "the network, the loss or the kind of optimizer": digest_of_graph(program.step),
        "the evaluation": digest_of_graph(evaluation) if evaluation else None,
        "the training data": _digest_of_rows(rows),
        "the validation data": _digest_of_rows(validation_rows) if validation_rows else None,
        _OPTIMIZER: settings["optimizer"],
    }


def _difference(name: str, stored: Mapping[str, Any], mine: Mapping[str, Any]) -> str:
    """The values of an entry that differs; both optimizers, if it depends on the optimizer."""
    if "optimizer" in name and stored.get(_OPTIMIZER) != mine[_OPTIMIZER]:
        return f" ({stored.get(_OPTIMIZER)}, but here {mine[_OPTIMIZER]})"
    return "" if is_digest(mine[name]) else f" ({stored.get(name)}, but here {mine[name]})"


def _numbers(program: Program) -> Any:
    """The settings of the optimizer, or the description of a method that takes its own steps."""
    if program.method is not None:
        return plain_text(program.method)
    return {name: float(x) for name, x in program.schedule.settings.items()}


def is_digest(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) == 64)


def plain_text(rule: Any) -> str:
    """A rule with its settings, without the addresses in Python's default texts."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(rule))


def _kind_of(rule: StopRule) -> str:
    """The kind of a rule without its settings: its class, its measures and its parts."""
    watches: set[str] = getattr(rule, "watches", set)()
    parts = [_kind_of(part) for part in vars(rule).values() if hasattr(part, "update")]
    return f"{type(rule).__name__}({', '.join([*sorted(watches), *parts])})"


def _schedules(program: Program, epochs: int) -> dict[str, list[float]]:
    """The values of scheduled settings at some points of the epochs that are done."""
    times = np.linspace(0, epochs, TIMES, endpoint=False).tolist() if epochs else []
    return {
        name: [float(at(time)) for time in times] for name, at in program.schedule.schedules.items()
    }


def _digest_of_rows(rows: Rows) -> str:
    digest = hashlib.sha256()
    for array in (rows.x, rows.y, rows.weights):
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def digest_of_graph(graph: Graph) -> str:
    """A digest that is equal, in any process, for graphs that compute the same."""
    index_of = {node.number: index for index, node in enumerate(graph.nodes)}
    digest = hashlib.sha256()
    for ends in (graph.inputs, graph.outputs):
        digest.update(repr([(name, index_of[node.number]) for name, node in ends.items()]).encode())
    for node in graph.nodes:
        digest.update(repr(_description(node, index_of)).encode())
        if node.gate is None and not node.recorded:
            digest.update(node.array.tobytes())
    return digest.hexdigest()


def _description(node: Tensor, index_of: Mapping[int, int]) -> Sequence[Any]:
    gate = node.gate.name if node.gate else None
    return gate, repr(node.settings), [index_of[x.number] for x in node.inputs], str(node.spec)
