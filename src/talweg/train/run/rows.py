"""From what `fit` is given to rows that an engine trains on: checked, converted, weighed, split."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.engine.run.rows import Rows
from talweg.errors import DataError, SettingError, ShapeError, counted
from talweg.gates import Array, Spec
from talweg.nn import Loss, Module
from talweg.nn.row_weights import class_weights, row_weights, weights_by_class
from talweg.nn.targets import prepare_target, target_array
from talweg.random import SPLIT, generator
from talweg.settings import plain
from talweg.train.run.folds import Fold, Holdout

EVALUATION_ROWS = 1024


def evaluation_size(evaluated: int, validation: Any) -> int:
    """How many rows are evaluated at a time; folds of about one size share a program, and are
    filled up with rows of weight 0.
    """
    if isinstance(validation, Fold):
        most = evaluated + evaluated // 4 + 1
        is_like_it = evaluated <= validation.largest <= most
        evaluated = validation.largest if is_like_it else -(-evaluated // 16) * 16
    return min(EVALUATION_ROWS, int(evaluated))


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
    _refuse_broken(net)
    prediction = net(x[:1]).spec
    held_out = None
    if isinstance(validation, Fold):
        parts = validation.training(len(x)), validation.validation
        rows, held_out = _parted(x, y, loss, prediction, sample_weight, parts)
    else:
        rows = _rows(x, y, loss, prediction, sample_weight, "")
    share = plain(validation)
    if isinstance(share, float):
        validation = Holdout(share, seed)
    if isinstance(validation, Holdout):
        rows, held_out = _split(rows, validation)
    elif validation is not None and held_out is None:
        held_x, held_y, weights = _parts(validation)
        held_x = _inputs(net, held_x, "validation X")
        if held_x.shape[1:] != x.shape[1:]:
            raise ShapeError(
                f"fit: rows of X are {x.shape[1:]}, of validation X {held_x.shape[1:]}"
            )
        held_out = _rows(held_x, held_y, loss, prediction, weights, "validation ")
    if class_weight is None:
        return rows, held_out
    classes = 2 if loss.target_kind == "binary" else prediction.shape[-1]
    weights = class_weights(class_weight, loss.target_kind, rows.y, rows.weights, classes)
    weighed = (_by_class(each, loss, weights) if each else None for each in (rows, held_out))
    return tuple(weighed)  # type: ignore[return-value]


def _refuse_broken(net: Module) -> None:
    for name, values in net.weights.items():
        if not np.isfinite(values).all():
            raise DataError(f"fit: {name} holds NaN or infinity before the first step; set it anew")


def mixes_rows(net: Module, rows: Rows) -> bool:
    """Whether a row's prediction depends on the rows beside it, as with a mean over the batch.

    Each of a few rows is replaced in turn: the predictions of the others must stay to the bit.
    """
    shown = rows.x[np.linspace(0, len(rows) - 1, min(len(rows), 8)).astype(int)]
    before = net(shown).value
    for place, other in enumerate(np.roll(shown, 1, axis=0)):
        company = shown.copy()
        company[place] = other
        moved = np.delete(before, place, 0), np.delete(net(company).value, place, 0)
        if not np.array_equal(*moved, equal_nan=True):
            return True
    return False


def _parted(
    x: Array, y: Any, loss: Loss, prediction: Spec, sample_weight: Any, parts: tuple[Array, Array]
) -> tuple[Rows, Rows]:
    """The rows to train on and to validate on, as a fold names them."""
    target = target_array(y)
    _refuse_count(x, target, "")
    weights = row_weights("fit: sample_weight", sample_weight, len(x))
    train, held = (
        _rows(x[part], target[part], loss, prediction, weights[part], name)
        for part, name in zip(parts, ("", "validation "), strict=True)
    )
    return train, held


def _parts(validation: Any) -> tuple[Any, Any, Any]:
    """(X, y, weights), the weights None where none are given."""
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise SettingError(
            "fit: validation must be (X, y), (X, y, weights), a share such as 0.2, a tw.Holdout or "
            f"a tw.Fold, but {type(validation).__name__} was given"
        )
    return validation[0], validation[1], validation[2] if len(validation) == 3 else None


def _inputs(net: Module, X: Any, name: str) -> Array:
    x = np.ascontiguousarray(net.as_rows(X))
    if x.size == 0:
        raise DataError(f"fit: {name} has no {'columns' if len(x) else 'rows'}")
    if not np.isfinite([x.min(), x.max()]).all():  # no mask of what may be larger than memory
        _refuse_non_finite(x, X, name)
    return x


def _refuse_non_finite(x: Array, given: Any, name: str) -> None:
    too_large = np.isinf(x) & np.isfinite(np.asarray(given, dtype=np.float64))
    if too_large.any():
        raise DataError(
            f"fit: {name} holds numbers that {x.dtype} cannot, in {too_large.sum()} places; scale "
            "them to about -1 to 1, or give the net dtype='float64'"
        )
    bad = np.argwhere(~np.isfinite(x))
    place = ", ".join(map(str, bad[0]))
    raise DataError(
        f"fit: {name} holds {x[tuple(bad[0])]} at [{place}] ({len(bad)} such in all); fill "
        "missing cells in, or use tw.TableModel, which has a place for them"
    )


def _rows(x: Array, y: Any, loss: Loss, prediction: Spec, sample_weight: Any, name: str) -> Rows:
    """Rows whose targets fit the predictions; those of weight 0 are left out unseen."""
    target = target_array(y)
    _refuse_count(x, target, name)
    weights = row_weights(f"fit: {name}sample_weight", sample_weight, len(x))
    used = weights > 0
    x, target, weights = (
        (x, target, weights) if used.all() else (x[used], target[used], weights[used])
    )
    spec = Spec((len(x), *prediction.shape[1:]), prediction.dtype)
    target = prepare_target(target, spec, loss.target_kind)
    return Rows(x, np.ascontiguousarray(target), _narrowed(weights, x.dtype, name))


def _refuse_count(x: Array, target: Array, name: str) -> None:
    """Each row needs a target."""
    if target.ndim == 0 or len(target) != len(x):
        count = len(target) if target.ndim else 0
        raise ShapeError(f"fit: {name}X has {counted(len(x), 'row')}, but {name}y has {count}")


def _narrowed(weights: Array, dtype: Any, name: str) -> Array:
    """Weights in the network's dtype, where they must be neither 0 nor infinite."""
    with np.errstate(over="ignore"):
        narrow = weights.astype(dtype)
    if not np.all(np.isfinite(narrow) & (narrow > 0)):
        raise DataError(f"fit: {name}sample_weight holds weights beyond {dtype}; scale them to 1")
    return narrow


def _by_class(rows: Rows, loss: Loss, weights: Array) -> Rows:
    """The rows, each weighed by its class as well."""
    by_class = weights_by_class(weights, loss.target_kind, rows.y)
    both = (rows.weights * by_class).astype(rows.weights.dtype)
    if not both.any() or not np.isfinite(both).all():
        fault = "a weight too large" if both.any() else "the weight 0"
        raise DataError(f"fit: class_weight gives every row {fault}; weigh classes by about 1")
    return _taken(Rows(rows.x, rows.y, both), np.flatnonzero(both))


def _split(rows: Rows, held_out: Holdout) -> tuple[Rows, Rows]:
    """The rows to train on, and the share that is set apart for validation."""
    share = held_out.share
    count = round(share * len(rows)) if 0 < share < 1 else 0
    if not 0 < count < len(rows):
        raise SettingError(
            f"fit: validation={share} of {len(rows)} rows leaves none to train on or none to "
            "validate on; give a share such as 0.2"
        )
    order = generator(held_out.seed, SPLIT).permutation(len(rows))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return _taken(rows, kept), _taken(rows, held)


def _taken(rows: Rows, places: Array) -> Rows:
    return Rows(rows.x[places], rows.y[places], rows.weights[places])
