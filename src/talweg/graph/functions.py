"""Functions that compose gates: what users call when one gate is not enough.

Each works on tensors, where it records, and on arrays, where it computes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from talweg import gates
from talweg.errors import RecordingError, ShapeError
from talweg.gates import Operand, Shape
from talweg.graph.source_line import calling_line
from talweg.settings import plain

if TYPE_CHECKING:
    from talweg.graph.tensor import Tensor

Axis = int | Sequence[int] | None


def _as_operand(x: Any) -> Operand:
    return x if hasattr(x, "record_gate") else np.asarray(x)


def axes_of(x: Operand, axis: Axis) -> Shape:
    """The axes that `axis` names, as positions from the front; None names all."""
    ndim = len(x.shape)
    if axis is None:
        return tuple(range(ndim))
    axis = plain(axis)
    wanted = [axis] if isinstance(axis, int) else [int(each) for each in axis]
    for each in wanted:
        if not -ndim <= each < ndim:
            raise ShapeError(f"axis {each} does not exist in shape {x.shape} ({calling_line()})")
    return tuple(sorted({each % ndim for each in wanted}))


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Operand:
    """The sum over `axis`, or over everything."""
    x = _as_operand(x)
    return gates.reduce_sum(x, axes=axes_of(x, axis), keepdims=bool(keepdims))


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Operand:
    """The mean over `axis`, or over everything: sum / number of elements."""
    x = _as_operand(x)
    axes = axes_of(x, axis)
    count = math.prod(x.shape[each] for each in axes)
    return gates.divide(gates.reduce_sum(x, axes=axes, keepdims=bool(keepdims)), float(count))


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Operand:
    """The largest element along `axis`, or of all; at a tie each gets the whole gradient."""
    x = _as_operand(x)
    return gates.reduce_max(x, axes=axes_of(x, axis), keepdims=bool(keepdims))


def argmax(x: Operand, axis: int = -1) -> Operand:
    """The position of the largest element along `axis`; no gradient flows."""
    x = _as_operand(x)
    return gates.argmax(x, axis=axes_of(x, axis)[0])


def cast(x: Operand, dtype: Any) -> Operand:
    """The same numbers in another dtype; a gradient is cast back."""
    return gates.cast(_as_operand(x), dtype=np.dtype(dtype))


def one_hot(labels: Operand, classes: int, dtype: Any = "float32") -> Operand:
    """1 at each label's place among `classes`, 0 elsewhere, also for labels outside of 0..K-1."""
    return gates.one_hot(_as_operand(labels), classes=int(classes), dtype=np.dtype(dtype))


_CODES = ("uint8", "int32", "int64")  # whole numbers that both engines know


def take(table: Operand, codes: Operand) -> Operand:
    """The rows of a table (L, E) at whole numbers (...), as (..., E); NaN for those outside of
    0..L-1.
    """
    codes = _as_operand(codes)
    if codes.dtype.kind in "iu" and codes.dtype.name not in _CODES:
        codes = gates.cast(codes, dtype=np.dtype("int64"))
    flat = gates.reshape(codes, shape=(math.prod(codes.shape),))
    rows = gates.take(_as_operand(table), flat)
    return gates.reshape(rows, shape=(*codes.shape, rows.shape[1]))


def reshape(x: Operand, *shape: int | Sequence[int]) -> Operand:
    """The same elements in another shape; one size may be -1."""
    x = _as_operand(x)
    wanted: Any = shape[0] if len(shape) == 1 and np.ndim(shape[0]) else shape
    sizes = tuple(int(each) for each in wanted)
    if -1 in sizes:
        known = math.prod(size for size in sizes if size != -1)
        size = math.prod(x.shape) // known if known else 0
        sizes = tuple(size if each == -1 else each for each in sizes)
    return gates.reshape(x, shape=sizes)


def matmul(x: Operand, y: Operand) -> Operand:
    """The matrix product; a vector (D,) counts as a row on the left, a column on the right."""
    x, y = _as_operand(x), _as_operand(y)
    if not x.shape or not y.shape:
        raise ShapeError(f"matmul: a single number has no axes to multiply over ({calling_line()})")
    left = gates.reshape(x, shape=(1, *x.shape)) if len(x.shape) == 1 else x
    right = gates.reshape(y, shape=(*y.shape, 1)) if len(y.shape) == 1 else y
    product = _flat_matmul(left, right) if len(right.shape) == 2 else gates.matmul(left, right)
    shape = product.shape
    if len(x.shape) == 1:
        shape = (*shape[:-2], shape[-1])
    if len(y.shape) == 1:
        shape = shape[:-1]
    return product if shape == product.shape else gates.reshape(product, shape=shape)


def _flat_matmul(x: Operand, y: Operand) -> Operand:
    """x (..., D) @ y (D, K) as one product of two matrices, so that its gradients are such too."""
    if len(x.shape) == 2 or x.shape[-1] != y.shape[0]:
        return gates.matmul(x, y)
    flat = gates.reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))
    return gates.reshape(gates.matmul(flat, y), shape=(*x.shape[:-1], y.shape[1]))


def concatenate(pieces: Sequence[Operand], axis: int = 0) -> Operand:
    """The pieces one after another along `axis`."""
    if not isinstance(pieces, list | tuple) or not pieces:
        given = (
            "no pieces were given" if isinstance(pieces, list | tuple) else f"not {type(pieces)}"
        )
        raise ShapeError(f"concatenate: takes a list of pieces, {given} ({calling_line()})")
    operands = [_as_operand(each) for each in pieces]
    return gates.concatenate(*operands, axis=axes_of(operands[0], axis)[0])


def logsumexp(x: Operand, axis: Axis = -1, keepdims: bool = False) -> Operand:
    """log(sum(exp(x))) over `axis`, shifted by the maximum so that nothing overflows."""
    x = _as_operand(x)
    axes = axes_of(x, axis)
    shift = gates.stop_gradient(max(x, axes, keepdims=True))
    total = sum(gates.exp(x - shift), axes, keepdims=True)
    result = gates.log(total) + shift
    return result if keepdims else sum(result, axes)


def softmax(x: Operand, axis: int = -1) -> Operand:
    """exp(x) / sum(exp(x)) along `axis`, shifted by the maximum so that nothing overflows."""
    x = _as_operand(x)
    shifted = x - gates.stop_gradient(max(x, axis, keepdims=True))
    powers = gates.exp(shifted)
    return powers / sum(powers, axis, keepdims=True)


def index(x: Tensor, key: Any) -> Tensor:
    """`x[key]` for whole numbers, slices, None and `...`: what a graph can hold."""
    ranges: list[tuple[int, int, int]] = []
    shape: list[int] = []
    for part in _filled(key if isinstance(key, tuple) else (key,), x):
        if part is None:
            shape.append(1)
            continue
        size = x.shape[len(ranges)]
        if isinstance(part, slice):
            ranges.append(_range(part, size))
            shape.append(len(range(*ranges[-1])))
        else:
            ranges.append(_one_place(part, size))
    piece: Tensor = gates.take_slice(x, ranges=tuple(ranges))
    return piece if piece.shape == tuple(shape) else gates.reshape(piece, shape=tuple(shape))


def _filled(parts: tuple[Any, ...], x: Tensor) -> list[Any]:
    """The parts of an index with `...` written out, one for each axis of `x`."""
    for part in parts:
        if not _is_index(part):
            raise RecordingError(
                f"a tensor is indexed by whole numbers, slices, None and ..., but "
                f"{type(part).__name__} was given ({calling_line()}); choose rows of the array "
                "before the graph, or use tw.where inside it"
            )
    used = len([part for part in parts if part is not None and part is not ...])
    if used > x.ndim or parts.count(...) > 1:
        dots = f" and {parts.count(...)} '...'" if ... in parts else ""
        raise ShapeError(f"{used} indices{dots} for a tensor of shape {x.shape} ({calling_line()})")
    rest = [slice(None)] * (x.ndim - used)
    at = parts.index(...) if ... in parts else len(parts)
    return [*parts[:at], *rest, *parts[at + 1 :]]


def _is_index(part: Any) -> bool:
    if part is None or part is ... or isinstance(part, slice):
        return True
    return isinstance(part, int | np.integer) and not isinstance(part, bool)


def _range(part: slice, size: int) -> tuple[int, int, int]:
    """A slice as (start, stop, step); an empty one as nothing from the start."""
    found = part.indices(size)
    return found if len(range(*found)) else (0, 0, 1)


def _one_place(position: Any, size: int) -> tuple[int, int, int]:
    if not -size <= position < size:
        raise ShapeError(f"index {position} is outside of an axis of {size} ({calling_line()})")
    place = int(position) % size
    return place, place + 1, 1
