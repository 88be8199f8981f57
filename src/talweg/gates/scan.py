"""Scans: each element of the result depends on the elements before it along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.errors import ShapeError
from talweg.gates.namespace import Portable
from talweg.gates.record import Array, Gate, Operand, Spec, cost_per_element, float_dtype


def _shape(x: Spec, *, axis: int, reverse: bool) -> Spec:
    if not 0 <= axis < len(x.shape):
        raise ShapeError(f"cumulative_sum: shape {x.shape} has no axis {axis}")
    return Spec(x.shape, float_dtype("cumulative_sum", x))


def _value(xp: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    if reverse:
        return xp.flip(_value(xp, xp.flip(x, axis=axis), axis=axis, reverse=False), axis=axis)
    return xp.cumulative_sum(x, axis=axis)


def _value_of_numpy(x: Array, *, axis: int, reverse: bool) -> Array:
    if reverse:
        return np.flip(np.flip(x, axis).cumsum(axis), axis)
    return x.cumsum(axis)


def _backward(g: Operand, out: Operand, x: Operand, *, axis: int, reverse: bool) -> Operand:
    return cumulative_sum(g, axis=axis, reverse=not reverse)


cumulative_sum: Gate = Gate(
    name="cumulative_sum",
    kind="scan",
    formula="the sum of x up to each element",
    shape=_shape,
    value=Portable(_value, _value_of_numpy),
    backward=(_backward,),
    slopes=("1 for each element so far",),
    cost=cost_per_element(1),
)
"""The inclusive cumulative sum along `axis`, from the last element if `reverse`.

Terms are added in order. The counts of true and false positives along sorted predictions are such
sums, so the area under a ROC curve can be computed with it.
"""
