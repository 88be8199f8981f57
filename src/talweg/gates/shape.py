"""Gates that move elements: transpose, slice, the adjoint of a slice, concatenate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from talweg.errors import ShapeError
from talweg.gates.namespace import Portable
from talweg.gates.record import (
    Array,
    BackwardRule,
    Cost,
    Gate,
    Operand,
    Shape,
    Spec,
    same_dtype,
    traffic,
)

Ranges = tuple[tuple[int, int, int], ...]
"""(start, stop, step) for each axis of a slice."""


def _moved(*inputs: Spec, output: Spec, **_: Any) -> Cost:
    return Cost(0, traffic(inputs, output))


def _index(ranges: Ranges) -> tuple[slice, ...]:
    # a slice with a negative step that ends at element 0 has the stop None in Python
    return tuple(slice(start, None if stop < 0 else stop, step) for start, stop, step in ranges)


def _slice_shape(x: Spec, *, ranges: Ranges) -> Spec:
    return Spec(tuple(len(range(*part)) for part in ranges), x.dtype)


def _put_slice(xp: Any, x: Any, *, shape: Shape, ranges: Ranges) -> Any:
    """Axis by axis, each position takes its element of x, or 0."""
    if 0 in x.shape:
        return xp.zeros(shape, dtype=x.dtype)
    for axis, (size, piece) in enumerate(zip(shape, _index(ranges), strict=True)):
        inside, source = np.zeros(size, bool), np.zeros(size, np.int64)
        inside[piece] = True
        source[piece] = np.arange(x.shape[axis])
        x = xp.take(x, xp.asarray(source), axis=axis)
        mask = inside.reshape(-1, *[1] * (len(shape) - axis - 1))
        x = xp.where(xp.asarray(mask), x, xp.zeros_like(x))
    return x


def _put_slice_of_numpy(x: Array, *, shape: Shape, ranges: Ranges) -> Array:
    whole = np.zeros(shape, x.dtype)
    whole[_index(ranges)] = x
    return whole


def _concatenate_shape(*inputs: Spec, axis: int) -> Spec:
    first = inputs[0].shape
    for x in inputs:
        if (
            len(x.shape) != len(first)
            or x.shape[:axis] + x.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]
        ):
            shapes = ", ".join(str(x.shape) for x in inputs)
            raise ShapeError(f"concatenate: shapes {shapes} differ in an axis other than {axis}")
    length = sum(x.shape[axis] for x in inputs)
    return Spec((*first[:axis], length, *first[axis + 1 :]), same_dtype("concatenate", *inputs))


def _concatenate_backward(position: int) -> BackwardRule:
    def rule(g: Operand, out: Operand, *inputs: Operand, axis: int) -> Operand:
        start = sum(x.shape[axis] for x in inputs[:position])
        piece = inputs[position].shape
        ranges = [(0, size, 1) for size in piece]
        ranges[axis] = (start, start + piece[axis], 1)
        return take_slice(g, ranges=tuple(ranges))

    return rule


def _transpose_shape(x: Spec, *, axes: Shape) -> Spec:
    if sorted(axes) != list(range(len(x.shape))):
        raise ShapeError(f"transpose: axes {axes} must contain each axis of {x.shape} once")
    return Spec(tuple(x.shape[axis] for axis in axes), x.dtype)


def _inverse(axes: Shape) -> Shape:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _gate(name: str, formula: str, slope: str, **rules: Callable[..., Any] | Any) -> Gate:
    return Gate(name=name, kind="shape", formula=formula, slopes=(slope,), cost=_moved, **rules)


transpose: Gate = _gate(
    "transpose",
    "transpose(x)",
    "1, transposed back",
    shape=_transpose_shape,
    value=Portable(
        lambda xp, x, *, axes: xp.permute_dims(x, axes), lambda x, *, axes: x.transpose(axes)
    ),
    backward=(lambda g, out, x, *, axes: transpose(g, axes=_inverse(axes)),),
)

take_slice: Gate = _gate(
    "take_slice",
    "x[ranges]",
    "1 inside the slice, 0 outside",
    shape=_slice_shape,
    value=lambda x, *, ranges: x[_index(ranges)],
    backward=(lambda g, out, x, *, ranges: put_slice(g, shape=x.shape, ranges=ranges),),
)

put_slice: Gate = _gate(
    "put_slice",
    "zeros with x at ranges",
    "1",
    shape=lambda x, *, shape, ranges: Spec(shape, x.dtype),
    value=Portable(_put_slice, _put_slice_of_numpy),
    backward=(lambda g, out, x, *, shape, ranges: take_slice(g, ranges=ranges),),
)

concatenate: Gate = _gate(
    "concatenate",
    "[x, y, ...]",
    "1, for its own piece",
    shape=_concatenate_shape,
    value=Portable(
        lambda xp, *inputs, axis: xp.concat(inputs, axis=axis),
        lambda *inputs, axis: np.concatenate(inputs, axis=axis),
    ),
    backward=_concatenate_backward,
)
