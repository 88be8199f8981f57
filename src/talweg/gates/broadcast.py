"""Reshape, broadcast and sum: the gates from which most gradients are built."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from talweg.errors import ShapeError
from talweg.gates.namespace import Portable, function
from talweg.gates.record import (
    Array,
    Cost,
    Gate,
    Operand,
    Shape,
    Spec,
    cost_per_element,
    float_dtype,
    traffic,
)


def reduced_shape(shape: Shape, axes: Shape, keepdims: bool) -> Shape:
    """The shape after a reduction over `axes`."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def expand(reduced: Operand, axes: Shape, like: Operand) -> Operand:
    """Broadcast the result of a reduction over `axes` back to the shape of `like`."""
    kept = reduced_shape(like.shape, axes, keepdims=True)
    return broadcast_to(reshape(reduced, shape=kept), shape=like.shape)


def unbroadcast(gradient: Operand, like: Operand) -> Operand:
    """The gradient of a broadcast: a sum over the axes that `like` lacks or has with size 1."""
    if gradient.shape == like.shape:
        return gradient
    extra = len(gradient.shape) - len(like.shape)
    axes = tuple(range(extra)) + tuple(
        extra + axis
        for axis, size in enumerate(like.shape)
        if size == 1 and gradient.shape[extra + axis] != 1
    )
    summed = reduce_sum(gradient, axes=axes, keepdims=False)
    return summed if summed.shape == like.shape else reshape(summed, shape=like.shape)


def _reshape_shape(x: Spec, *, shape: Shape) -> Spec:
    if prod(shape) != x.size:
        raise ShapeError(f"reshape: {x.size} elements of shape {x.shape} do not fill {shape}")
    return Spec(shape, x.dtype)


def _broadcast_to_shape(x: Spec, *, shape: Shape) -> Spec:
    try:
        fits = np.broadcast_shapes(x.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not broadcast to {shape}")
    return Spec(shape, x.dtype)


def _sum_value(x: Array, *, axes: Shape, keepdims: bool) -> Any:
    add: Any = np.add.reduce  # half the overhead of np.sum
    return add(x, axis=axes, keepdims=keepdims)


def _sum_shape(x: Spec, *, axes: Shape, keepdims: bool) -> Spec:
    return Spec(reduced_shape(x.shape, axes, keepdims), float_dtype("reduce_sum", x))


def _no_cost(*inputs: Spec, output: Spec, **_: Any) -> Cost:
    return Cost(0, traffic(inputs, output))


reshape: Gate = Gate(
    name="reshape",
    kind="shape",
    formula="reshape(x)",
    shape=_reshape_shape,
    value=Portable(
        lambda xp, x, *, shape: xp.reshape(x, shape),
        lambda x, *, shape: x.reshape(shape),
    ),
    backward=(lambda g, out, x, *, shape: reshape(g, shape=x.shape),),
    slopes=("1, reshaped",),
    cost=_no_cost,
)

broadcast_to: Gate = Gate(
    name="broadcast_to",
    kind="shape",
    formula="broadcast(x)",
    shape=_broadcast_to_shape,
    value=function("broadcast_to", np.broadcast_to),
    backward=(lambda g, out, x, *, shape: unbroadcast(g, x),),
    slopes=("1, summed over the copies",),
    cost=_no_cost,
)

reduce_sum: Gate = Gate(
    name="reduce_sum",
    kind="reduce",
    formula="sum(x)",
    shape=_sum_shape,
    value=Portable(
        lambda xp, x, *, axes, keepdims: xp.sum(x, axis=axes, keepdims=keepdims), _sum_value
    ),
    backward=(lambda g, out, x, *, axes, keepdims: expand(g, axes, x),),
    slopes=("1",),
    cost=cost_per_element(1),
)
