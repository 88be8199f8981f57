"""The contents of a table's model file: the schema of its config, the shapes of its arrays.

The digests in a file detect damage, but anyone who edits the file can compute them again. So types,
ranges and lengths are checked when a model is loaded, before anything is built from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.model.model_settings import SETTINGS_RECORD
from talweg.data.model.network import Blueprint
from talweg.data.model.targets.base import Kind, Target
from talweg.data.model.targets.table import TARGET_RECORD
from talweg.data.split.periods import ALONG_TIME_RECORD, IN_TIME_RECORD
from talweg.schema import COUNT, Exactly, Items, Record, Text, optional
from talweg.settings import Constraint, Number

Array = NDArray[Any]

HISTORY, HELD_OUT, ERRORS = "history/", "held out/", "errors/"
"""The prefixes of the names of arrays."""
PLACES = ("network", "epoch")
"""The columns of a history that give the network and the epoch of each row."""

_MOST_LOG = 709.0  # exp(709) and exp(-709) are finite and above 0 in float64
_SECONDS = Number(at_least=0)
_RUN: dict[str, Constraint] = {"epochs": COUNT, "best_epoch": COUNT, "stopped_by": Text()}
_TRAINING = Record(
    {
        **_RUN,
        **dict.fromkeys(
            ("weights_taken", "stop_reason", "loss", "optimizer", "engine", "dtype"), Text()
        ),
        **dict.fromkeys(("when", "version"), Text()),
        **dict.fromkeys(("batch_size", "most_epochs", "left_out"), COUNT),
        "patience": optional(COUNT),
        **dict.fromkeys(("seconds", "compile_seconds"), _SECONDS),
        "members": Items(Record(_RUN), at_least=1),
    }
)
CONFIG = Record(
    {
        "kind": Exactly("table"),
        "encoder": TableEncoder.record,
        "target": TARGET_RECORD,
        "network": Blueprint.record,
        "settings": SETTINGS_RECORD,
        "source": Text(),
        "rows": COUNT,
        "parts": Record(dict.fromkeys(("training", "validation", "test"), COUNT)),
        "training": _TRAINING,
        "decision": optional(
            Record({"positive": Number(at_least=0, at_most=1, whole=True), "threshold": Number()})
        ),
        "in_time": optional(IN_TIME_RECORD),
        "along_time": optional(ALONG_TIME_RECORD),
    }
)


def misfit(arrays: Mapping[str, Array], target: Target, blueprint: Blueprint) -> str | None:
    """The first array that does not fit the target and its network; None if all fit."""
    return next(_misfits(arrays, target, blueprint), None)


def _misfits(arrays: Mapping[str, Array], target: Target, blueprint: Blueprint) -> Iterator[str]:
    history = {name: array for name, array in arrays.items() if name.startswith(HISTORY)}
    rows = np.size(arrays.get(f"{HELD_OUT}weights", ()))
    weights: Kind = np.float32, (blueprint.size,)
    held = {"weights": weights, **_held_out(target, rows)}
    errors = _errors(arrays, target, rows)
    if lost := (held | errors).keys() - arrays.keys():
        yield f"it lacks the arrays {sorted(lost)}"
        return
    yield from _mismatched(arrays, held)
    yield from _bad_held_out(arrays, target)
    yield from _mismatched(arrays, errors)
    yield from _bad_errors(arrays, blueprint) if errors else ()
    if odd := arrays.keys() - (held | errors | history).keys():
        yield f"it has unknown arrays ({sorted(odd)})"
    yield from _bad_history(history)


def _held_out(target: Target, rows: int) -> dict[str, Kind]:
    """The arrays of this many held-out rows."""
    return {HELD_OUT + name: kind for name, kind in target.held_out_arrays(rows).items()}


def _errors(arrays: Mapping[str, Array], target: Target, rows: int) -> dict[str, Kind]:
    """The arrays of the error scale of numbers; two of them have the number of features."""
    if target.has_classes:
        return {}
    targets = target.outputs
    sizes = {name: np.size(arrays.get(ERRORS + name, ())) for name in ("inputs", "squares")}
    kinds: dict[str, Kind] = {name: (np.int64, (size,)) for name, size in sizes.items()}
    kinds["weights"] = np.float64, (sum(sizes.values()) + 2 * targets + 1, targets)
    shapes = {"limits": (2, targets), "judged": (rows, targets), "shrink": (targets,)}
    kinds |= {name: (np.float64, shape) for name, shape in shapes.items()}
    return {ERRORS + name: kind for name, kind in kinds.items()}


def _mismatched(arrays: Mapping[str, Array], kinds: Mapping[str, Kind]) -> Iterator[str]:
    for name, (kind, shape) in kinds.items():
        array, dtype = arrays[name], np.dtype(kind)
        if array.dtype != dtype or array.shape != shape:
            yield f"{name!r} is {array.dtype} {array.shape}, not {dtype} {shape}"
        elif name != f"{HELD_OUT}outputs" and not np.isfinite(array).all():
            yield f"{name!r} is not finite"


def _bad_held_out(arrays: Mapping[str, Array], target: Target) -> Iterator[str]:
    own = (name for name in arrays if name.startswith(HELD_OUT))
    if wrong := target.held_out_fault({name.removeprefix(HELD_OUT): arrays[name] for name in own}):
        yield wrong


def _bad_errors(arrays: Mapping[str, Array], blueprint: Blueprint) -> Iterator[str]:
    names = ("inputs", "squares", "limits", "judged", "shrink")
    inputs, squares, limits, judged, shrink = (arrays[ERRORS + name] for name in names)
    columns = np.append(inputs, squares)
    if len(columns) and not 0 <= columns.min() <= columns.max() < blueprint.inputs:
        yield f"the scale of the errors uses inputs that are not below {blueprint.inputs}"
    elif (judged <= 0).any() or (shrink <= 0).any() or (np.abs(limits) > _MOST_LOG).any():
        yield "the scale of the errors is not positive and finite"


def _bad_history(history: Mapping[str, Array]) -> Iterator[str]:
    if not {HISTORY + name for name in (*PLACES, "loss")} <= history.keys():
        yield "its history lacks the network, the epoch or the loss"
    elif any(column.shape != history[f"{HISTORY}loss"].shape for column in history.values()):
        yield "the columns of its history are of different lengths"
    elif any(column.ndim != 1 or column.dtype.kind not in "iuf" for column in history.values()):
        yield "the columns of its history are not numbers"
