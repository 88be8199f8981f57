"""From what `fit` is given to rows that an engine trains on: checked, converted, weighed, split."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.engine.program import Rows
from talweg.engine.random import SPLIT, generator
from talweg.errors import DataError, SettingError, ShapeError
from talweg.gates import Array, Spec
from talweg.nn import Loss, Module
from talweg.nn.losses import class_weighted
from talweg.nn.targets import prepare_target


def training_and_validation(
    net: Module,
    X: Any,
    y: Any,
    loss: Loss,
    validation: Any,
    sample_weight: Any,
    class_weight: Any,
    seed: int,
) -> tuple[Rows, Rows | None]:
    """The rows to train on and those to validate on, the network initialised if it was not.

    Rows of weight 0 are left out: they would change nothing but the size of batches.
    """
    x = _inputs(net, X, "X")
    if not net.is_initialized:
        net.init(x, seed=seed)
    prediction = net(x[:1]).spec
    rows = _rows(x, y, loss, prediction, sample_weight, class_weight, "")
    if validation is None:
        return rows, None
    if isinstance(validation, float):
        return _held_out(rows, validation, seed)
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise SettingError(
            "fit: validation must be (X, y), (X, y, weights) or a share such as 0.2, but "
            f"{type(validation).__name__} was given"
        )
    held_x = _inputs(net, validation[0], "validation X")
    weights = validation[2] if len(validation) == 3 else None
    return rows, _rows(
        held_x, validation[1], loss, prediction, weights, class_weight, "validation "
    )


def _inputs(net: Module, X: Any, name: str) -> Array:
    x = np.ascontiguousarray(net._input(X))
    if len(x) == 0:
        raise DataError(f"fit: {name} has no rows")
    too_large = np.isinf(x) & np.isfinite(np.asarray(X, dtype=np.float64))
    if too_large.any():
        raise DataError(
            f"fit: {name} holds numbers that {x.dtype} cannot, in {too_large.sum()} places; scale "
            "them to about -1 to 1, or give the net dtype='float64'"
        )
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise DataError(
            f"fit: {name} holds {x[tuple(bad[0])]} at [{place}] ({len(bad)} such in all); fill "
            "missing cells in, or use tw.TableModel, which has a place for them"
        )
    return x


def _rows(
    x: Array,
    y: Any,
    loss: Loss,
    prediction: Spec,
    sample_weight: Any,
    class_weight: Any,
    name: str,
) -> Rows:
    count = len(np.asarray(y)) if np.ndim(y) else 0
    if count != len(x):
        raise ShapeError(f"fit: {name}X has {len(x)} rows, but {name}y has {count}")
    spec = Spec((len(x), *prediction.shape[1:]), prediction.dtype)
    target = prepare_target(y, spec, loss.labels)
    weights = _sample_weights(sample_weight, len(x), name)
    if class_weight is not None:
        weights = weights * class_weighted(loss.labels, target, class_weight, spec.shape[-1])
    used = weights > 0
    if not used.any():
        raise DataError(f"fit: every {name}row has the weight 0")
    if not used.all():
        x, target, weights = x[used], target[used], weights[used]
    return Rows(x, np.ascontiguousarray(target), weights.astype(x.dtype))


def _sample_weights(given: Any, count: int, name: str) -> Array:
    if given is None:
        return np.ones(count)
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (count,):
        raise ShapeError(
            f"fit: {name}sample_weight has shape {weights.shape}, but there are {count} rows"
        )
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(bad):
        raise DataError(
            f"fit: {name}sample_weight holds {weights[bad[0]]} at row {bad[0]}; weights are finite "
            "and at least 0"
        )
    return weights


def _held_out(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """A share of the rows, drawn by the seed, set apart for validation."""
    count = round(share * len(rows))
    if not 0 < share < 1 or not 0 < count < len(rows):
        raise SettingError(
            f"fit: validation={share} of {len(rows)} rows leaves none to train on or none to "
            "validate on; give a share such as 0.2"
        )
    order = generator(seed, SPLIT).permutation(len(rows))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return _taken(rows, kept), _taken(rows, held)


def _taken(rows: Rows, places: Array) -> Rows:
    return Rows(rows.x[places], rows.y[places], rows.weights[places])
