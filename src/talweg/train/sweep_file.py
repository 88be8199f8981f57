"""A sweep in a file: the runs that are done, from which the same sweep goes on."""

from __future__ import annotations

import dataclasses
import json
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from talweg.engine.snapshot import Array, Snapshot
from talweg.errors import ModelFileError, SettingError, TrainingWarning
from talweg.train.bundle import Kind, leftovers, read_bundle, refuse_place, write_bundle
from talweg.train.checkpoint import as_checkpoint
from talweg.train.run import Failure, Run
from talweg.train.standings import Standing
from talweg.train.sweep_identity import refuse_other
from talweg.train.tasks import Task

KIND = Kind("talweg-sweep", 2, "sweep", "delete it, and sweep from the start")
_OF_A_RUN = ("stopped_by", "why", "best_epoch", "kept", "epochs", "steps")
_TIMES = ("seconds", "compile_seconds")
_OF_A_SNAPSHOT = ("best_loss", "best_epoch", "epoch", "step", "seconds", "stopped_by")
_BROKEN = (KeyError, TypeError, AttributeError, IndexError, ValueError, StopIteration)


class SweepFile:
    """Keeps the standings of a sweep in a file, whole or not at all, as often as is wanted."""

    def __init__(
        self, given: Any, resume: bool, identity: Mapping[str, Any], tasks: Sequence[Task]
    ) -> None:
        checkpoint = as_checkpoint(given)
        assert checkpoint is not None
        if checkpoint.epochs or checkpoint.best:
            raise SettingError(
                "sweep: a sweep is written as its runs end, every 30 seconds or so: give a path, "
                "or tw.Checkpoint(path, every=5)"
            )
        self.file, self.every = Path(checkpoint.path), checkpoint.seconds
        self.identity, self.tasks = identity, tasks
        refuse_place(self.file)
        for each in leftovers(self.file):
            each.unlink(missing_ok=True)
        self.standings = [Standing()] * len(tasks)
        if resume and self.file.exists():
            self._read()
        self.written = time.perf_counter()

    def put(self, place: int, standing: Standing) -> None:
        """Take note of a run, and write where it is time."""
        self.standings[place] = standing
        if time.perf_counter() - self.written >= self.every:
            self.write()

    def write(self) -> None:
        """Write all that is done; where that fails, as on a full disk, the sweep goes on."""
        columns = _Columns()
        runs = {str(p): _packed(s, columns) for p, s in enumerate(self.standings) if s.run}
        config = {"sweep": self.identity, "runs": runs}
        try:
            write_bundle(self.file, KIND, config, columns.joined())
        except OSError as error:
            words = f"The checkpoint {self.file} could not be written ({error}); the sweep goes on."
            warnings.warn(words, TrainingWarning, stacklevel=2)
        self.written = time.perf_counter()

    def _read(self) -> None:
        config, arrays = read_bundle(self.file, KIND)
        refuse_other(self.file, config.get("sweep", {}), json.loads(json.dumps(self.identity)))
        try:
            cursor = _Cursor(arrays)
            for place, record in config["runs"].items():
                task = self.tasks[int(place)]
                self.standings[int(place)] = _unpacked(record, cursor, task)
        except _BROKEN as error:
            raise ModelFileError(f"{self.file} lacks what a sweep needs ({error!r})") from None


# A run as plain data ------------------------------------------------------------------------------


def _packed(standing: Standing, columns: _Columns) -> dict[str, Any]:
    """What is known of a run, its arrays put among the columns."""
    run, snapshot = standing.run, standing.snapshot
    assert run is not None
    weights = run.net.weights.flat
    if snapshot:  # the net may be in training again
        weights = snapshot.best if snapshot.best_epoch else snapshot.weights
    return {
        "losses": list(standing.losses),
        "numbers": {name: getattr(run, name) for name in (*_OF_A_RUN, *_TIMES)},
        "failure": run.failure and dataclasses.asdict(run.failure),
        "weights": columns.put(weights),
        "history": columns.put_all(run.history),
        "watched": columns.put_all(run.watched),
        "turns": columns.put_all(run.direction_changes),
        "snapshot": snapshot and _packed_snapshot(snapshot, columns),
    }


def _packed_snapshot(snapshot: Snapshot, columns: _Columns) -> dict[str, Any]:
    return {
        "numbers": {name: getattr(snapshot, name) for name in _OF_A_SNAPSHOT},
        "weights": columns.put(snapshot.weights),
        "best": columns.put(snapshot.best),
        "state": columns.put_all(snapshot.state),
        "rules": columns.put_all(snapshot.rules),
        "history": columns.put_all(snapshot.history),
        "watched": columns.put_all(snapshot.watched),
    }


def _unpacked(record: Mapping[str, Any], cursor: _Cursor, task: Task) -> Standing:
    """A run as it was written; its net gets its weights. In the order of `_packed`."""
    net, failure = task.job.net, record["failure"]
    net.weights.flat[:] = cursor.take(record["weights"])
    run = Run(
        net=net,
        settings=task.job.settings,
        failure=failure and Failure(**failure),
        history=cursor.take_all(record["history"]),
        watched=cursor.take_all(record["watched"]),
        direction_changes=cursor.take_all(record["turns"]),
        **{name: record["numbers"][name] for name in (*_OF_A_RUN, *_TIMES)},
    )
    snapshot = record["snapshot"] and _unpacked_snapshot(record["snapshot"], cursor)
    return Standing(run, tuple(record["losses"]), snapshot)


def _unpacked_snapshot(record: Mapping[str, Any], cursor: _Cursor) -> Snapshot:
    return Snapshot(
        weights=cursor.take(record["weights"]),
        best=cursor.take(record["best"]),
        state=cursor.take_all(record["state"]),
        rules=cursor.take_all(record["rules"]),
        history=cursor.take_all(record["history"]),
        watched=cursor.take_all(record["watched"]),
        **{name: record["numbers"][name] for name in _OF_A_SNAPSHOT},
    )


class _Columns:
    """Many small arrays as few long ones, one for each dtype: a thousand runs leave thousands."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[Array]] = {}

    def put(self, array: Array) -> list[Any]:
        """Put an array last; what finds it again."""
        array = np.asarray(array)
        self.pieces.setdefault(array.dtype.name, []).append(array.ravel())
        return [array.dtype.name, *array.shape]

    def put_all(self, arrays: Mapping[str, Array]) -> dict[str, list[Any]]:
        return {name: self.put(each) for name, each in arrays.items()}

    def joined(self) -> dict[str, Array]:
        return {name: np.concatenate(each) for name, each in self.pieces.items()}


class _Cursor:
    """Takes arrays out of the columns in the order in which they were put there."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self.columns, self.places = columns, dict.fromkeys(columns, 0)

    def take(self, found: Sequence[Any]) -> Array:
        dtype, *shape = found
        start, size = self.places[dtype], int(np.prod(shape, dtype=np.int64))
        self.places[dtype] += size
        return self.columns[dtype][start : start + size].reshape(shape).copy()

    def take_all(self, found: Mapping[str, Sequence[Any]]) -> dict[str, Array]:
        return {name: self.take(each) for name, each in found.items()}
