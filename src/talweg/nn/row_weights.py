"""Weights of rows: given for each row, or by the class that a row belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from talweg.errors import DataError, SettingError, ShapeError
from talweg.gates import Array
from talweg.nn.targets import TargetKind


def row_weights(what: str, given: Any, count: int) -> Array:
    """The given weights (N,), checked: finite, at least 0, not all 0; ones where None is given."""
    if given is None:
        return np.ones(count)
    weights = _numbers(what, given)
    if weights.shape != (count,):
        raise ShapeError(f"{what} has shape {weights.shape}, but there are {count} rows")
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(bad):
        raise DataError(
            f"{what} holds {weights[bad[0]]} at row {bad[0]}; weights are finite and at least 0"
        )
    if not weights.any():
        raise DataError(f"{what}: every row has the weight 0")
    return weights


def _numbers(what: str, given: Any) -> Array:
    try:
        array = np.asarray(given)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise DataError(f"{what} must be a row of numbers, but {given!r} was given")


def class_weights(
    given: Any, target_kind: TargetKind, target: Array, rows: Array, classes: int
) -> Array:
    """One weight a class, (K,).

    `given` is a mapping or a sequence of weights, or "balanced": then each class counts the same
    in all, over targets (N, ...) that have the weights `rows` (N,).
    """
    if isinstance(given, str):
        if given != "balanced":
            raise SettingError(f"class_weight: 'balanced' or weights, not {given!r}")
        totals = _class_totals(target_kind, target, rows, classes)
        met = totals > 0  # a class that training never meets weighs 1
        return np.where(met, totals.sum() / (met.sum() * np.where(met, totals, 1)), 1.0)
    if isinstance(given, Mapping):
        unknown = [each for each in given if each not in range(classes)]
        if unknown:
            raise SettingError(
                f"class_weight: there is no class {unknown[0]!r} in 0..{classes - 1}"
            )
        given = [given.get(each, 1.0) for each in range(classes)]
    weights = _numbers("class_weight", given)
    if weights.shape != (classes,) or not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise SettingError(f"class_weight: {classes} weights of at least 0 needed, got {weights}")
    return weights


def weights_by_class(weights: Array, target_kind: TargetKind, target: Array) -> Array:
    """The weight of each row's class, (N,), or of its classes by their probabilities."""
    _refuse_no_classes(target_kind, target)
    if target_kind == "binary":
        ones = target.reshape(-1)
        return np.asarray(weights[0] * (1 - ones) + weights[1] * ones)
    return np.asarray(weights[target] if target.ndim == 1 else target @ weights)


def _class_totals(target_kind: TargetKind, target: Array, rows: Array, classes: int) -> Array:
    """The weight of all rows of each class, (K,)."""
    _refuse_no_classes(target_kind, target)
    if target_kind == "binary":
        ones = float(rows @ target.reshape(-1))
        return np.array([rows.sum() - ones, ones])
    if target.ndim == 1:
        return np.bincount(target, rows, minlength=classes)
    return np.asarray(rows @ target)


def _refuse_no_classes(target_kind: TargetKind, target: Array) -> None:
    if target_kind == "numbers":
        raise SettingError("class_weight needs classes: use cross_entropy or binary_cross_entropy")
    if target_kind == "binary" and target.size != len(target):
        raise SettingError("class_weight: a row with several bits has no one class")
