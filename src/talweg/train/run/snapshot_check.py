"""Whether a snapshot from a file fits the run that continues from it.

Digests in the file detect damage but not forged values, so names, shapes and dtypes are compared
with those of the run's own snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from talweg.engine.run.program import Program
from talweg.engine.run.snapshot import Array, Snapshot, flat
from talweg.schema import COUNT, Constraint, Number, Real, Record, optional

NUMBERS: Mapping[str, Constraint] = {
    "best_loss": Real(),
    "best_epoch": COUNT,
    "epoch": COUNT,
    "step": COUNT,
    "seconds": Number(at_least=0),
    "stopped_by": optional(COUNT),
}
"""The numbers of a snapshot, by name."""
SNAPSHOT_NUMBERS = Record(NUMBERS)


def misfit_of_arrays(arrays: Mapping[str, Array], like: Mapping[str, Any]) -> str | None:
    """The first array with a wrong name, shape or dtype, or one that is not finite, in words."""
    return next(_unlike(arrays, like), None)


def misfit_of_columns(columns: Mapping[str, Array], names: Sequence[str], rows: int) -> str | None:
    """The first column with a wrong name or length, in words."""
    return next(_of_length(columns, names, rows), None)


def misfit(snapshot: Snapshot, program: Program, steps: int) -> str | None:
    """Why this snapshot is not of the run, which has `steps` steps per epoch; None if it is."""
    return next(_misfits(snapshot, program, steps), None)


def _misfits(snapshot: Snapshot, program: Program, steps: int) -> Iterator[str]:
    weights = program.step.inputs["weights"].spec
    example = {"weights": np.empty(weights.shape, weights.dtype)}
    yield from _unlike({"weights": snapshot.weights}, example)
    yield from _unlike({"weights": snapshot.best}, example)
    if program.method is None:  # a training method checks its state when it resumes
        yield from _unlike(snapshot.state, program.state, is_finite=True)
    yield from _unlike(snapshot.rules, _remembered(program), is_finite=False)
    yield from _of_length(snapshot.history, program.measured, snapshot.epoch)
    rows = snapshot.step if program.graphs.watch_steps else snapshot.epoch
    yield from _of_length(snapshot.watched, program.watched, rows)
    if snapshot.step != snapshot.epoch * steps:
        yield f"{snapshot.step} steps are not {snapshot.epoch} epochs of {steps}"
    if snapshot.best_epoch > snapshot.epoch:
        yield f"the best epoch {snapshot.best_epoch} is beyond the {snapshot.epoch} that were done"
    if snapshot.stopped_by is not None and snapshot.stopped_by >= len(program.limits.rules):
        yield f"there is no stopping rule {snapshot.stopped_by}"


def _remembered(program: Program) -> dict[str, Array]:
    """The initial state of stopping rules and plateaus, by path."""
    state: dict[str, Array] = {}
    for index, rule in enumerate(program.limits.rules):
        state |= flat(f"rule.{index}", rule.init())
    for name, plateau in program.schedule.plateaus.items():
        state |= flat(f"plateau.{name}", plateau.init())
    return state


def _unlike(
    arrays: Mapping[str, Array], like: Mapping[str, Any], *, is_finite: bool = True
) -> Iterator[str]:
    """The arrays that differ from those of `like` in name, shape or dtype."""
    if {*arrays} != {*like}:
        yield f"{_listed(arrays)} should be {_listed(like)}"
        return
    for name, expected in like.items():
        yield from _unlike_one(name, arrays[name], np.asarray(expected), is_finite)


def _unlike_one(name: str, array: Array, like: Array, is_finite: bool) -> Iterator[str]:
    same = array.dtype == like.dtype if is_finite else array.dtype.kind in "iufb"
    if array.shape != like.shape or not same:
        yield f"{name!r} is {_told(array)}, not {_told(like)}"
    elif is_finite and not np.isfinite(array).all():
        yield f"{name!r} is not finite"


def _of_length(columns: Mapping[str, Array], names: Sequence[str], rows: int) -> Iterator[str]:
    like = {name: np.empty(rows) for name in names}
    return _unlike(columns, like, is_finite=False)


def _told(array: Array) -> str:
    return f"{array.dtype} {array.shape}"


def _listed(names: Mapping[str, Any]) -> str:
    return f"[{', '.join(names)}]"
