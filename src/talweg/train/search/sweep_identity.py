"""The identity of a sweep: all that decides its runs, as plain data, to compare with a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from talweg.errors import SettingError
from talweg.settings import plain
from talweg.train.run.checkpoint import digest_of_graph, is_digest, plain_text
from talweg.train.search.search_space import Point
from talweg.train.search.tasks import Task

_POINTS = "the points"
_SHOWN = 60  # letters of a value in an error


def identity_of(
    tasks: Sequence[Task],
    points: Sequence[Point],
    X: Any,
    y: Any,
    settings: Mapping[str, Any],
    halving: Any,
    engine: str,
) -> dict[str, Any]:
    """All that decides the runs of a sweep, by names that errors use."""
    given = {f"the setting {name}": _plain_value(value) for name, value in settings.items()}
    return {
        "engine": engine,
        _POINTS: [{n: _plain_value(v) for n, v in point.values.items()} for point in points],
        "halving": repr(halving),
        **given,
        "the training data": _digest(str(_plain_array(array)).encode() for array in (X, y)),
        "the network, the loss or the kind of optimizer": _digest_of_programs(tasks),
        "the starting weights": _digest(task.job.net.weights.flat.tobytes() for task in tasks),
    }


def refuse_other(file: Path, stored: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Raise a SettingError that names the difference if a file belongs to another sweep."""
    for name in [*mine, *stored]:
        theirs, ours = stored.get(name, "not given"), mine.get(name, "not given")
        if theirs != ours:
            has_points = name == _POINTS and _are_points(theirs) and _are_points(ours)
            difference = _difference(theirs, ours) if has_points else _shown(theirs, ours)
            raise SettingError(
                f"sweep: the checkpoint {file} is of another sweep: {name} differs{difference}. "
                "Give the same settings and data as that sweep, another path, or resume=False "
                "to start over."
            )


def _are_points(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(point, dict) for point in value)


def _difference(theirs: Sequence[Any], ours: Sequence[Any]) -> str:
    """Where two lists of points begin to differ."""
    if len(theirs) != len(ours):
        return f" (it has {len(theirs)} of them, but here there are {len(ours)})"
    index = next(i for i, point in enumerate(theirs) if point != ours[i])
    words = [
        ", ".join(f"{n}={v}" for n, v in point.items()) for point in (theirs[index], ours[index])
    ]
    return f" (number {index} is {words[0]}, but here {words[1]})"


def _shown(theirs: Any, ours: Any) -> str:
    if is_digest(theirs) or is_digest(ours):
        return ""
    words = [str(value) for value in (theirs, ours)]
    return f" ({words[0][:_SHOWN]}, but here {words[1][:_SHOWN]})"


def _plain_value(value: Any) -> Any:
    """A setting as plain data: arrays by their digests, optimizers by their numbers."""
    value = plain(value)
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, Mapping):
        return [[_plain_value(name), _plain_value(member)] for name, member in value.items()]
    if isinstance(value, list | tuple | range):
        return [_plain_value(member) for member in value]
    if hasattr(value, "__array__"):
        return _plain_array(value)
    return plain_text(value)


def _plain_array(value: Any) -> str:
    array = np.asarray(value)
    raw = repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
    return _digest((f"{array.dtype.str} {array.shape}".encode(), raw))


def _digest_of_programs(tasks: Sequence[Task]) -> str:
    """The digest of each program, and of which run has which."""
    digests: dict[Any, str] = {}
    for task in tasks:
        if task.key not in digests:
            program = task.job.program
            graphs = [program.step, *([program.evaluation] if program.evaluation else [])]
            digests[task.key] = "".join(map(digest_of_graph, graphs))
    return _digest(digests[task.key].encode() for task in tasks)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
