"""Targets: converted to the shape that a loss compares with, or refused with the reason.

A kind of target also says what the classes of rows are, for class weights and samplers.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from talweg.errors import DataError, SettingError, ShapeError
from talweg.gates import Array, Shape, Spec
from talweg.numerics import dot

TargetKind = Literal["numbers", "binary", "classes"]


class Targets:
    """Targets that are numbers, and the base of the other kinds."""

    are_probabilities: ClassVar[bool] = False
    """Whether each target is the probability of a class, from 0 to 1."""
    have_classes: ClassVar[bool] = False

    def prepare(self, target: Any, prediction: Spec) -> Array:
        """The target as an array that fits predictions of that shape and dtype.

        A vector (N) fits predictions (N, 1). Nothing else is broadcast, so that an (N) never meets
        an (N, 1) as an (N, N).
        """
        array = _reshaped(_numeric(target).astype(prediction.dtype), prediction.shape)
        _refuse_non_finite(array)
        return array

    def refuse_misfit(self, target: Spec, prediction: Spec) -> None:
        """ShapeError: a tensor as target does not fit the predictions."""
        if target.shape != prediction.shape:
            raise ShapeError(f"the target is {target}, but the prediction is {prediction}")

    def require_classes(self, what: str, target: Array, instead: str = "") -> None:
        """SettingError: the rows have no classes, which `what` needs; `instead` says what helps."""
        raise SettingError(
            f"{what} needs classes: use cross_entropy or binary_cross_entropy"
            f"{instead and f', or {instead}'}"
        )

    def class_count(self, prediction: Spec) -> int:
        """K, the number of classes."""
        return prediction.shape[-1]

    def class_totals(self, target: Array, weights: Array, classes: int) -> Array:
        """The total weight of the rows of each class, (K,), for row weights (N,)."""
        raise NotImplementedError

    def weights_by_class(self, weights: Array, target: Array) -> Array:
        """The weight of each row's class, (N,), or the mean weight by its class probabilities."""
        raise NotImplementedError

    def classes(self, target: Array) -> Array:
        """The class of each row, (N,); the most likely one if targets are probabilities."""
        raise NotImplementedError


class BinaryTargets(Targets):
    """Targets from 0 to 1, each the probability of the second of two classes."""

    are_probabilities = have_classes = True

    def prepare(self, target: Any, prediction: Spec) -> Array:
        array = super().prepare(target, prediction)
        _refuse_outside_unit_range(array)
        return array

    def require_classes(self, what: str, target: Array, instead: str = "") -> None:
        if target.size != len(target):
            raise SettingError(
                f"{what} needs one class per row, but each row has several binary targets"
                f"{instead and f'; {instead}'}"
            )

    def class_count(self, prediction: Spec) -> int:
        return 2

    def class_totals(self, target: Array, weights: Array, classes: int) -> Array:
        ones = float(dot(weights, target.reshape(-1)))
        return np.array([weights.sum() - ones, ones])

    def weights_by_class(self, weights: Array, target: Array) -> Array:
        ones = target.reshape(-1)
        return np.asarray(weights[0] * (1 - ones) + weights[1] * ones)

    def classes(self, target: Array) -> Array:
        return np.asarray(target.reshape(-1) > 0.5)


class ClassTargets(Targets):
    """One of several classes: integers (N), one-hot rows or probabilities (N, K)."""

    have_classes = True

    def prepare(self, target: Any, prediction: Spec) -> Array:
        return _classes(_numeric(target), prediction)

    def refuse_misfit(self, target: Spec, prediction: Spec) -> None:
        """Integers have one axis less than predictions; the loss looks at the shape."""

    def require_classes(self, what: str, target: Array, instead: str = "") -> None:
        """All rows have classes."""

    def class_totals(self, target: Array, weights: Array, classes: int) -> Array:
        if target.ndim == 1:
            return np.bincount(target, weights, minlength=classes)
        return np.asarray((weights[:, None] * target).sum(axis=0, dtype=np.float64))

    def weights_by_class(self, weights: Array, target: Array) -> Array:
        return np.asarray(weights[target] if target.ndim == 1 else dot(target, weights))

    def classes(self, target: Array) -> Array:
        return target if target.ndim == 1 else target.argmax(axis=1)


TARGETS: dict[TargetKind, Targets] = {
    "numbers": Targets(),
    "binary": BinaryTargets(),
    "classes": ClassTargets(),
}


# Conversion ---------------------------------------------------------------------------------


def refuse_masked(name: str, given: Any) -> None:
    """Raise a DataError for masked values: values under a mask must not be learned."""
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


def _numeric(target: Any) -> Array:
    array = target_array(target)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"the target must hold numbers, but holds {array.dtype}; number the classes from 0, "
            "or use tw.TableModel, which numbers them"
        )
    return array


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
