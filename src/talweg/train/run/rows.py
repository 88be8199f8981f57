"""From the arguments of `fit` to rows: checked, converted, split and weighted."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.engine.run.rows import Rows
from talweg.errors import DataError, SettingError, ShapeError, counted
from talweg.gates import Array, Spec
from talweg.nn import Loss, Module
from talweg.nn.row_weights import class_weights, row_weights
from talweg.nn.targets import target_array
from talweg.random import SPLIT, generator
from talweg.settings import plain
from talweg.train.run.folds import Fold, Holdout

EVALUATION_ROWS = 1024
"""The most rows that are evaluated at once."""


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
    """The training rows and the validation rows; the network is initialized if it was not.

    Rows of weight 0 are left out: they would change nothing but the size of batches.
    """
    x = _inputs(net, X, "X")
    if not net.is_initialized:
        net.init(x, seed=seed)
    _refuse_broken(net)
    prediction = net(x[:1]).spec
    rows, validation_rows = _split(net, x, y, loss, validation, sample_weight, prediction, seed)
    if class_weight is None:
        return rows, validation_rows
    loss.targets.require_classes("class_weight", rows.y)
    classes = loss.targets.class_count(prediction)
    weights = class_weights(class_weight, loss.targets, rows.y, rows.weights, classes)
    weighted_validation = validation_rows and _weighted_by_class(validation_rows, loss, weights)
    return _weighted_by_class(rows, loss, weights), weighted_validation


def evaluation_size(evaluated: int, validation: Any) -> int:
    """How many rows are evaluated at once. Folds of about the same size share a program; rows of
    weight 0 fill them up.
    """
    if isinstance(validation, Fold):
        most = evaluated + evaluated // 4 + 1
        is_similar = evaluated <= validation.largest <= most
        evaluated = validation.largest if is_similar else -(-evaluated // 16) * 16
    return min(EVALUATION_ROWS, int(evaluated))


def mixes_rows(net: Module, rows: Rows) -> bool:
    """Whether a prediction depends on the other rows of a batch, as with a mean over the batch.

    Replaces a few rows one by one: the predictions of the others must keep every bit.
    """
    x = rows.x[np.linspace(0, len(rows) - 1, min(len(rows), 8)).astype(int)]
    before = net(x).value
    for row, other in enumerate(np.roll(x, 1, axis=0)):
        changed = x.copy()
        changed[row] = other
        others = np.delete(before, row, 0), np.delete(net(changed).value, row, 0)
        if not np.array_equal(*others, equal_nan=True):
            return True
    return False


# Splitting ----------------------------------------------------------------------------------------


def _split(
    net: Module,
    x: Array,
    y: Any,
    loss: Loss,
    validation: Any,
    sample_weight: Any,
    prediction: Spec,
    seed: int,
) -> tuple[Rows, Rows | None]:
    """The training rows and the validation rows: a fold, a share of X and y, or separate data."""
    share = plain(validation)
    if isinstance(share, float):
        validation = Holdout(share, seed)
    data = _Data(x, y, sample_weight, "")
    if isinstance(validation, Fold):
        training = data.rows(loss, prediction, validation.training(len(x)))
        return training, data.rows(loss, prediction, validation.validation, "validation ")
    rows = data.rows(loss, prediction)
    if isinstance(validation, Holdout):
        return _held_out(rows, validation)
    if validation is None:
        return rows, None
    held_x, held_y, weights = _parts(validation)
    held_x = _inputs(net, held_x, "validation X")
    if held_x.shape[1:] != x.shape[1:]:
        raise ShapeError(
            f"fit: rows of X have shape {x.shape[1:]}, but rows of the validation X have "
            f"{held_x.shape[1:]}; give both the same columns"
        )
    return rows, _Data(held_x, held_y, weights, "validation ").rows(loss, prediction)


def _held_out(rows: Rows, holdout: Holdout) -> tuple[Rows, Rows]:
    """The rows to train on, and a random share of them that validates."""
    share = holdout.share
    count = round(share * len(rows)) if 0 < share < 1 else 0
    if not 0 < count < len(rows):
        raise SettingError(
            f"fit: validation={share} of {len(rows)} rows leaves no row for training or none for "
            "validation; give a share such as 0.2"
        )
    order = generator(holdout.seed, SPLIT).permutation(len(rows))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return _taken(rows, kept), _taken(rows, held)


def _parts(validation: Any) -> tuple[Any, Any, Any]:
    """(X, y, weights); the weights are None if they are not given."""
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise SettingError(
            "fit: validation must be (X, y), (X, y, weights), a share such as 0.2, a tw.Holdout or "
            f"a tw.Fold, but {type(validation).__name__} was given"
        )
    return validation[0], validation[1], validation[2] if len(validation) == 3 else None


def _taken(rows: Rows, indices: Array) -> Rows:
    return Rows(rows.x[indices], rows.y[indices], rows.weights[indices])


# Checking and converting --------------------------------------------------------------------------


class _Data:
    """Inputs, targets and weights, one for each row; error messages begin with their `name`."""

    def __init__(self, x: Array, y: Any, sample_weight: Any, name: str) -> None:
        self.x, self.target, self.name = x, target_array(y), name
        if self.target.ndim == 0 or len(self.target) != len(x):
            count = len(self.target) if self.target.ndim else 0
            raise ShapeError(f"fit: {name}X has {counted(len(x), 'row')}, but {name}y has {count}")
        self.weights = row_weights(f"fit: {name}sample_weight", sample_weight, len(x))

    def rows(
        self, loss: Loss, prediction: Spec, chosen: Array | None = None, name: str | None = None
    ) -> Rows:
        """The chosen rows whose weight is not 0, with targets that fit the predictions."""
        x, target, weights = self.x, self.target, self.weights
        name = self.name if name is None else name
        if chosen is not None:
            x, target, weights = x[chosen], target[chosen], weights[chosen]
        used = weights > 0
        if not used.any():
            raise DataError(f"fit: {name}sample_weight: every row has the weight 0")
        if not used.all():
            x, target, weights = x[used], target[used], weights[used]
        spec = Spec((len(x), *prediction.shape[1:]), prediction.dtype)
        target = loss.targets.prepare(target, spec)
        return Rows(x, np.ascontiguousarray(target), _narrowed(weights, x.dtype, name))


def _inputs(net: Module, X: Any, name: str) -> Array:
    x = np.ascontiguousarray(net.as_rows(X))
    if x.size == 0:
        raise DataError(f"fit: {name} has no {'columns' if len(x) else 'rows'}")
    if not np.isfinite([x.min(), x.max()]).all():  # without a mask, which X may leave no memory for
        _refuse_non_finite(x, X, name)
    return x


def _refuse_non_finite(x: Array, given: Any, name: str) -> None:
    too_large = np.isinf(x) & np.isfinite(np.asarray(given, dtype=np.float64))
    if too_large.any():
        raise DataError(
            f"fit: {name} has {too_large.sum()} numbers too large for {x.dtype}; scale them to "
            "about -1 to 1, or give the network dtype='float64'"
        )
    bad = np.argwhere(~np.isfinite(x))
    index = ", ".join(map(str, bad[0]))
    raise DataError(
        f"fit: {name} holds {x[tuple(bad[0])]} at [{index}] ({len(bad)} such values in all); "
        "fill in missing cells, or use tw.TableModel, which handles them"
    )


def _refuse_broken(net: Module) -> None:
    for name, values in net.weights.items():
        if not np.isfinite(values).all():
            raise DataError(
                f"fit: {name} holds NaN or infinity before the first step; assign new "
                "weights, or call init again"
            )


def _narrowed(weights: Array, dtype: Any, name: str) -> Array:
    """Weights in the dtype of the network, in which they must be neither 0 nor infinite."""
    with np.errstate(over="ignore"):
        narrow = weights.astype(dtype)
    if not np.all(np.isfinite(narrow) & (narrow > 0)):
        raise DataError(
            f"fit: {name}sample_weight has weights too large for {dtype}; scale them to about 1"
        )
    return narrow


def _weighted_by_class(rows: Rows, loss: Loss, weights: Array) -> Rows:
    """The rows with their weights multiplied by those of their classes."""
    by_class = loss.targets.weights_by_class(weights, rows.y)
    both = (rows.weights * by_class).astype(rows.weights.dtype)
    if not both.any() or not np.isfinite(both).all():
        fault = "a weight too large" if both.any() else "the weight 0"
        raise DataError(f"fit: class_weight gives every row {fault}; give class weights of about 1")
    return _taken(Rows(rows.x, rows.y, both), np.flatnonzero(both))
