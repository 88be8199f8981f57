"""Targets: converted to the shape that a loss compares with, or refused with the reason."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from talweg.errors import DataError, ShapeError
from talweg.gates import Array, Shape, Spec

TargetKind = Literal["numbers", "binary", "classes"]


def prepare_target(target: Any, prediction: Spec, kind: TargetKind) -> Array:
    """The target as an array that fits predictions of that shape and dtype.

    A vector (N) fits predictions (N, 1). Nothing else is broadcast, so that an (N) never meets an
    (N, 1) as an (N, N). Classes may be integers (N), one-hot rows or probabilities (N, K).
    """
    array = target_array(target)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"the target must hold numbers, but holds {array.dtype}; number the classes from 0, "
            "or use tw.TableModel, which numbers them"
        )
    if kind == "classes":
        return _classes(array, prediction)
    array = _reshaped(array.astype(prediction.dtype), prediction.shape)
    _refuse_non_finite(array)
    if kind == "binary":
        _refuse_outside_unit_range(array)
    return array


def refuse_masked(name: str, given: Any) -> None:
    """Raise a DataError for masked values: what is below a mask must not be learned."""
    if type(given) is not np.ndarray and np.ma.is_masked(given):
        count = int(np.count_nonzero(np.ma.getmaskarray(given)))
        raise DataError(
            f"{name} has {count} masked values, but a network needs a number in every cell. Fill "
            "them in, leave those rows out, or use tw.TableModel, which treats them as missing."
        )


def target_array(target: Any) -> Array:
    """The target as an array of any dtype.

    DataError: rows of different lengths, or masked values.
    """
    refuse_masked("the target", target)
    try:
        return np.asarray(target)
    except ValueError:
        raise DataError(
            "the rows of the target differ in length; give each row the same number of values"
        ) from None


def _reshaped(array: Array, shape: Shape) -> Array:
    if array.shape == shape:
        return array
    if (*array.shape, 1) == shape:
        return array[..., None]
    if array.shape == (*shape, 1):
        return array[..., 0]
    raise ShapeError(
        f"the target has shape {array.shape}, the prediction {shape}; both need the same number "
        "of rows, and as many columns as the network has outputs"
    )


def _refuse_non_finite(array: Array) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise DataError(
            f"the target holds {array[first]} at row {first[0]} ({len(bad)} such values in all); "
            "leave those rows out, or fill them in"
        )


def _refuse_outside_unit_range(array: Array) -> None:
    bad = np.argwhere((array < 0) | (array > 1))
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise DataError(
            f"binary_cross_entropy needs targets from 0 to 1, but row {first[0]} holds "
            f"{array[first]}; recode the two classes as 0 and 1"
        )


def _classes(array: Array, prediction: Spec) -> Array:
    if len(prediction.shape) < 2 or prediction.shape[-1] < 2:
        raise ShapeError(
            f"cross_entropy needs one output for each class, but the prediction has shape "
            f"{prediction.shape}; end the network in as many units as classes, or use "
            "binary_cross_entropy with one unit"
        )
    if array.shape == prediction.shape:
        return _probabilities(array.astype(prediction.dtype))
    if array.ndim and array.shape == (len(array), 1):
        array = array[:, 0]
    if array.shape != prediction.shape[:-1]:
        raise ShapeError(
            f"the target has shape {array.shape}, the prediction {prediction.shape}; give one "
            "integer for each row, or one row of probabilities"
        )
    return _class_indices(array, prediction.shape[-1])


def _probabilities(array: Array) -> Array:
    _refuse_non_finite(array)
    sums = array.sum(axis=-1)
    bad = np.argwhere((np.abs(sums - 1) > 1e-3) | (array.min(axis=-1) < 0))
    if len(bad):
        row = int(bad[0][0])
        raise DataError(
            f"the target's row {row} holds {array[row].tolist()}, which are not probabilities: "
            "they must be at least 0 and add up to 1"
        )
    return array


def _class_indices(array: Array, classes: int) -> Array:
    fractional = np.argwhere(~np.isfinite(array) | (array != np.rint(array)))
    if len(fractional):
        row = int(fractional[0][0])
        raise DataError(
            f"the target's row {row} holds {array[row]}, but class labels must be integers from 0; "
            "number the classes"
        )
    indices = array.astype(np.int64)
    bad = np.argwhere((indices < 0) | (indices >= classes))
    if len(bad):
        row = int(bad[0][0])
        raise DataError(
            f"the target's row {row} holds class {indices[row]}, but the network has {classes} "
            f"outputs, for classes 0 to {classes - 1}"
        )
    return indices
