"""A sweep in a file: its finished runs, from which the same sweep continues."""

from __future__ import annotations

import dataclasses
import json
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from talweg.archive import Kind, read_bundle, refuse_place, write_bundle
from talweg.engine.run.program import WATCHED
from talweg.engine.run.snapshot import Array, Snapshot
from talweg.errors import ModelFileError, SettingError, TrainingWarning
from talweg.schema import (
    COUNT,
    Anything,
    Constraint,
    Items,
    Number,
    Real,
    Record,
    Text,
    Values,
    fault,
    optional,
)
from talweg.train.run.checkpoint import as_checkpoint
from talweg.train.run.run import Failure, Run
from talweg.train.run.snapshot_check import (
    NUMBERS,
    SNAPSHOT_NUMBERS,
    misfit,
    misfit_of_arrays,
    misfit_of_columns,
)
from talweg.train.search.run_state import RunState
from talweg.train.search.sweep_identity import refuse_other
from talweg.train.search.tasks import Task

KIND = Kind("talweg-sweep", 3, "sweep", "delete it, and sweep from the start")
_NUMBERS: Mapping[str, Constraint] = {
    **{name: Text() for name in ("stopped_by", "stop_reason")},
    **dict.fromkeys(("epochs", "steps", "steps_per_epoch"), COUNT),
    "restored_epoch": optional(COUNT),
    **{name: Number(at_least=0) for name in ("seconds", "compile_seconds")},
}


class SweepFile:
    """Keeps the states of all runs of a sweep in a file, which it replaces at intervals."""

    def __init__(
        self, given: Any, resume: bool, identity: Mapping[str, Any], tasks: Sequence[Task]
    ) -> None:
        checkpoint = as_checkpoint(given)
        assert checkpoint is not None
        if checkpoint.epochs or checkpoint.best:
            raise SettingError(
                "sweep: a sweep is saved by time and not by epochs: give a path, or "
                "tw.Checkpoint(path, every=5) to save every 5 seconds"
            )
        self.file, self.every = Path(checkpoint.path), checkpoint.seconds
        self.identity, self.tasks = identity, tasks
        refuse_place(self.file)
        self.states = [RunState()] * len(tasks)
        if resume and self.file.exists():
            self._read()
        self.written = time.perf_counter()

    def put(self, index: int, state: RunState) -> None:
        """Note the state of a run, and write the file if it is time."""
        self.states[index] = state
        if time.perf_counter() - self.written >= self.every:
            self.write()

    def write(self) -> None:
        """Write all finished runs; if that fails, as on a full disk, the sweep continues."""
        columns = _Columns()
        runs = {str(i): _packed(s, columns) for i, s in enumerate(self.states) if s.run}
        config = {"sweep": self.identity, "runs": runs}
        try:
            write_bundle(self.file, KIND, config, columns.joined())
        except OSError as error:
            words = (
                f"The checkpoint {self.file} could not be written ({error}); the sweep continues."
            )
            warnings.warn(words, TrainingWarning, stacklevel=2)
        self.written = time.perf_counter()

    def _read(self) -> None:
        config, arrays = read_bundle(self.file, KIND)
        self._refuse(fault(config, _CONFIG, "config"))
        tables = [name for name, array in arrays.items() if array.ndim != 1]
        self._refuse(f"the arrays {tables} are not rows of numbers" if tables else None)
        refuse_other(self.file, config["sweep"], json.loads(json.dumps(self.identity)))
        indices = [str(index) for index in range(len(self.tasks))]
        cursor = _Cursor(arrays)
        for index, record in config["runs"].items():
            self._refuse(None if index in indices else f"there is no run {index}")
            self.states[int(index)] = self._state(record, cursor, self.tasks[int(index)])

    def _state(self, record: Mapping[str, Any], cursor: _Cursor, task: Task) -> RunState:
        """The state of a run in the file; its network gets its weights once all is known to fit."""
        try:
            weights, state = _unpacked(record, cursor, task)
        except (KeyError, ValueError, OverflowError) as error:
            raise self._broken(f"an array is cut short or lost: {error}") from None
        self._refuse(_misfit(weights, state, task))
        task.job.net.weights.flat[:] = weights
        return state

    def _refuse(self, fault: str | None) -> None:
        """Raise a ModelFileError that names the fault, if there is one."""
        if fault:
            raise self._broken(fault)

    def _broken(self, fault: str) -> ModelFileError:
        return ModelFileError(
            f"{self.file} is not the state that this sweep saved ({fault}): {KIND.again}."
        )


def _misfit(weights: Array, state: RunState, task: Task) -> str | None:
    """What in a state does not fit its task; None if all fits."""
    run, program = state.run, task.job.program
    assert run is not None
    noted = [name.removeprefix(WATCHED) for name in program.watched]
    like = {"weights": task.job.net.weights.flat}
    turns = {
        name: np.empty(parameter.shape, np.int64)
        for name, parameter in task.job.net.weights.items()
    }
    misfits = (
        misfit_of_arrays({"weights": weights}, like),
        misfit_of_columns(run.history, program.measured, run.epochs),
        misfit_of_columns(
            run.watched, noted, run.steps if program.graphs.watch_steps else run.epochs
        ),
        misfit_of_arrays(run.direction_changes, turns) if run.direction_changes else None,
        misfit(state.snapshot, program, task.steps) if state.snapshot else None,
        f"best epoch {run.best_epoch} of {run.epochs}" if run.best_epoch > run.epochs else None,
    )
    return next(filter(None, misfits), None)


# A run as plain data ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _DtypeAndShape:
    """The constraint on what `_Columns.put` returns: a dtype and a shape."""

    def allows(self, value: Any) -> bool:
        is_list = isinstance(value, list) and bool(value) and isinstance(value[0], str)
        return is_list and all(map(COUNT.allows, value[1:]))

    def __str__(self) -> str:
        return "the dtype and the shape of an array"


_ARRAY: Constraint = _DtypeAndShape()
_ARRAYS: Constraint = Values(_ARRAY)
_FAILURE: dict[str, Constraint] = {
    **{name: Text() for name in ("gate", "layer", "line", "message")},
    **dict.fromkeys(("epoch", "step"), COUNT),
    "lr": Real(),
}
_SNAPSHOT: dict[str, Constraint] = {
    "numbers": SNAPSHOT_NUMBERS,
    **dict.fromkeys(("weights", "best"), _ARRAY),
    **dict.fromkeys(("state", "rules", "history", "watched"), _ARRAYS),
}
_RUN: dict[str, Constraint] = {
    "losses": Items(Real()),
    "numbers": Record(_NUMBERS),
    "failure": optional(Record(_FAILURE)),
    "weights": _ARRAY,
    **dict.fromkeys(("history", "watched", "turns"), _ARRAYS),
    "snapshot": optional(Record(_SNAPSHOT)),
}
_CONFIG = Record({"sweep": Values(Anything()), "runs": Values(Record(_RUN))})


def _packed(state: RunState, columns: _Columns) -> dict[str, Any]:
    """The state of a run as JSON, with its arrays added to the columns."""
    run, snapshot = state.run, state.snapshot
    assert run is not None
    weights = run.net.weights.flat
    if snapshot:  # the net may be in training again
        weights = snapshot.best if snapshot.best_epoch else snapshot.weights
    return {
        "losses": list(state.losses),
        "numbers": {name: getattr(run, name) for name in _NUMBERS},
        "failure": run.failure and dataclasses.asdict(run.failure),
        "weights": columns.put(weights),
        "history": columns.put_all(run.history),
        "watched": columns.put_all(run.watched),
        "turns": columns.put_all(run.direction_changes),
        "snapshot": snapshot and _packed_snapshot(snapshot, columns),
    }


def _packed_snapshot(snapshot: Snapshot, columns: _Columns) -> dict[str, Any]:
    return {
        "numbers": {name: getattr(snapshot, name) for name in NUMBERS},
        "weights": columns.put(snapshot.weights),
        "best": columns.put(snapshot.best),
        "state": columns.put_all(snapshot.state),
        "rules": columns.put_all(snapshot.rules),
        "history": columns.put_all(snapshot.history),
        "watched": columns.put_all(snapshot.watched),
    }


def _unpacked(record: Mapping[str, Any], cursor: _Cursor, task: Task) -> tuple[Array, RunState]:
    """The weights and the state of a run, read in the order in which `_packed` wrote them."""
    weights, failure = cursor.take(record["weights"]), record["failure"]
    run = Run(
        net=task.job.net,
        settings=task.job.settings,
        failure=failure and Failure(**failure),
        history=cursor.take_all(record["history"]),
        watched=cursor.take_all(record["watched"]),
        direction_changes=cursor.take_all(record["turns"]),
        **{name: record["numbers"][name] for name in _NUMBERS},
    )
    snapshot = record["snapshot"] and _unpacked_snapshot(record["snapshot"], cursor)
    return weights, RunState(run, tuple(record["losses"]), snapshot)


def _unpacked_snapshot(record: Mapping[str, Any], cursor: _Cursor) -> Snapshot:
    return Snapshot(
        weights=cursor.take(record["weights"]),
        best=cursor.take(record["best"]),
        state=cursor.take_all(record["state"]),
        rules=cursor.take_all(record["rules"]),
        history=cursor.take_all(record["history"]),
        watched=cursor.take_all(record["watched"]),
        **{name: record["numbers"][name] for name in NUMBERS},
    )


class _Columns:
    """Thousands of small arrays as a few long ones, one for each dtype."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[Array]] = {}

    def put(self, array: Array) -> list[Any]:
        """Append an array, and return its dtype and shape."""
        array = np.asarray(array)
        self.pieces.setdefault(array.dtype.name, []).append(array.ravel())
        return [array.dtype.name, *array.shape]

    def put_all(self, arrays: Mapping[str, Array]) -> dict[str, list[Any]]:
        return {name: self.put(array) for name, array in arrays.items()}

    def joined(self) -> dict[str, Array]:
        return {name: np.concatenate(pieces) for name, pieces in self.pieces.items()}


class _Cursor:
    """Takes arrays out of the columns in the order in which they were put in."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self.columns, self.offsets = columns, dict.fromkeys(columns, 0)

    def take(self, record: Sequence[Any]) -> Array:
        dtype, *shape = record
        start, size = self.offsets[dtype], math.prod(shape)
        self.offsets[dtype] += size
        return self.columns[dtype][start : start + size].reshape(shape).copy()

    def take_all(self, records: Mapping[str, Sequence[Any]]) -> dict[str, Array]:
        return {name: self.take(record) for name, record in records.items()}
