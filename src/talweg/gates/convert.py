"""Gates that convert: to another dtype, to one-hot rows, to a constant for the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.errors import DtypeError
from talweg.gates.namespace import as_dtype, namespace
from talweg.gates.record import Array, Gate, Operand, Spec, cost_per_element


def _cast_backward(g: Operand, out: Operand, x: Operand, *, dtype: Any) -> Operand:
    return cast(g, dtype=x.dtype)


def _one_hot_shape(labels: Spec, *, classes: int, dtype: Any) -> Spec:
    if labels.dtype.kind not in "iu":
        raise DtypeError(f"one_hot: labels must be integers, but are {labels.dtype}")
    return Spec((*labels.shape, classes), np.dtype(dtype))


def _one_hot_value(labels: Array, *, classes: int, dtype: Any) -> Array:
    hot: Array = as_dtype(labels[..., None] == namespace(labels).arange(classes), dtype)
    return hot


_DTYPES = tuple(map(np.dtype, ("float32", "float64", "int64", "int32", "bool")))


def _cast_shape(x: Spec, *, dtype: Any) -> Spec:
    if np.dtype(dtype) not in _DTYPES:
        known = ", ".join(map(str, _DTYPES))
        raise DtypeError(f"cast: dtype must be one of {known}, but {np.dtype(dtype)} was given")
    return Spec(x.shape, np.dtype(dtype))


cast: Gate = Gate(
    name="cast",
    kind="convert",
    formula="dtype(x)",
    shape=_cast_shape,
    value=lambda x, *, dtype: as_dtype(x, dtype),
    backward=(_cast_backward,),
    slopes=("1",),
    cost=cost_per_element(1),
)

one_hot: Gate = Gate(
    name="one_hot",
    kind="convert",
    formula="1 at the label, 0 elsewhere",
    shape=_one_hot_shape,
    value=_one_hot_value,
    backward=(None,),
    slopes=("0",),
    cost=cost_per_element(1),
)

stop_gradient: Gate = Gate(
    name="stop_gradient",
    kind="convert",
    formula="x, as a constant",
    shape=lambda x: x,
    value=lambda x: x,
    backward=(None,),
    slopes=("0, by definition",),
    cost=cost_per_element(0),
)
