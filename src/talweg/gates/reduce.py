"""Gates that reduce axes to the largest value or its index.

At a tie, `reduce_max` gives the whole gradient to each element that attains the maximum, as
`maximum` does.
"""

from __future__ import annotations

import numpy as np

from talweg.errors import ShapeError
from talweg.gates.broadcast import expand, reduced_shape
from talweg.gates.elementwise import equal, where
from talweg.gates.namespace import Portable, function
from talweg.gates.record import Array, Gate, Operand, Shape, Spec, cost_per_element


def _refuse_empty(name: str, x: Spec, axes: Shape) -> None:
    if any(x.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"{name}: shape {x.shape} has no element along axes {axes}")


def _max_shape(x: Spec, *, axes: Shape, keepdims: bool) -> Spec:
    _refuse_empty("reduce_max", x, axes)
    return Spec(reduced_shape(x.shape, axes, keepdims), x.dtype)


def _max_of_numpy(x: Array, *, axes: Shape, keepdims: bool) -> Array:
    return np.asarray(x.max(axis=axes, keepdims=keepdims))


def _max_backward(g: Operand, out: Operand, x: Operand, *, axes: Shape, keepdims: bool) -> Operand:
    return where(equal(x, expand(out, axes, x)), expand(g, axes, x), 0)


def _argmax_shape(x: Spec, *, axis: int) -> Spec:
    _refuse_empty("argmax", x, (axis,))
    return Spec(reduced_shape(x.shape, (axis,), keepdims=False), np.dtype(np.int64))


reduce_max: Gate = Gate(
    name="reduce_max",
    kind="reduce",
    formula="max(x)",
    shape=_max_shape,
    value=Portable(
        lambda xp, x, *, axes, keepdims: xp.max(x, axis=axes, keepdims=keepdims), _max_of_numpy
    ),
    backward=(_max_backward,),
    slopes=("1 where x is the maximum",),
    cost=cost_per_element(1),
)

argmax: Gate = Gate(
    name="argmax",
    kind="reduce",
    formula="argmax(x)",
    shape=_argmax_shape,
    value=function("argmax", np.argmax),
    backward=(None,),
    slopes=("0",),
    cost=cost_per_element(1),
)
