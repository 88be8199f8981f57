"""Row weights: given for each row, or by the class of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from talweg.errors import DataError, SettingError, ShapeError
from talweg.gates import Array
from talweg.nn.targets import Targets


def row_weights(name: str, given: Any, count: int) -> Array:
    """The given weights (N,), checked: finite, at least 0, not all 0. None gives ones."""
    if given is None:
        return np.ones(count)
    weights = _numbers(name, given)
    if weights.shape != (count,):
        raise ShapeError(f"{name} has shape {weights.shape}, but there are {count} rows")
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(bad):
        raise DataError(
            f"{name} holds {weights[bad[0]]} at row {bad[0]}; weights must be finite and at least 0"
        )
    if not weights.any():
        raise DataError(f"{name}: every row has the weight 0; give at least one a weight above 0")
    return weights


def _numbers(name: str, given: Any) -> Array:
    try:
        array = np.asarray(given)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise DataError(f"{name} must be an array of numbers, but {given!r} was given")


def class_weights(
    given: Any, targets: Targets, target: Array, weights: Array, classes: int
) -> Array:
    """One weight for each class, (K,).

    `given` is a mapping or a sequence of weights, or "balanced": then each class has the same total
    weight over targets (N, ...) with row weights (N,).
    """
    if isinstance(given, str):
        if given != "balanced":
            raise SettingError(
                f"class_weight must be 'balanced', or weights by class, not {given!r}"
            )
        totals = targets.class_totals(target, weights, classes)
        is_present = totals > 0  # a class without training rows has weight 1
        balanced = totals.sum() / (is_present.sum() * np.where(is_present, totals, 1))
        return np.where(is_present, balanced, 1.0)
    if isinstance(given, Mapping):
        unknown = [label for label in given if label not in range(classes)]
        if unknown:
            raise SettingError(
                f"class_weight: there is no class {unknown[0]!r} in 0..{classes - 1}"
            )
        given = [given.get(label, 1.0) for label in range(classes)]
    by_class = _numbers("class_weight", given)
    if by_class.shape != (classes,) or not np.all(np.isfinite(by_class)) or np.any(by_class < 0):
        raise SettingError(
            f"class_weight must have {classes} weights of at least 0, but {by_class} was given"
        )
    return by_class
