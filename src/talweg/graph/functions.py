"""Functions that compose gates: what users call when one gate is not enough.

Each works on tensors, where it records, and on arrays, where it computes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from talweg import gates
from talweg.errors import RecordingError, ShapeError
from talweg.gates import Operand, Shape
from talweg.graph.source_line import calling_line
from talweg.settings import plain

Axis = int | Sequence[int] | None
Range = tuple[int, int, int]
"""(start, stop, step) of a slice along one axis."""


def _as_operand(x: Any) -> Operand:
    return x if hasattr(x, "record_gate") else np.asarray(x)


def axes_of(x: Operand, axis: Axis) -> Shape:
    """The axes that `axis` names, as non-negative numbers; None names all axes."""
    ndim = len(x.shape)
    if axis is None:
        return tuple(range(ndim))
    axis = plain(axis)
    axes = [axis] if isinstance(axis, int) else [int(number) for number in axis]
    for number in axes:
        if not -ndim <= number < ndim:
            raise ShapeError(f"axis {number} does not exist in shape {x.shape} ({calling_line()})")
    return tuple(sorted({number % ndim for number in axes}))


# Reductions ---------------------------------------------------------------------------------


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Operand:
    """The sum over `axis`, or over all elements."""
    x = _as_operand(x)
    return gates.reduce_sum(x, axes=axes_of(x, axis), keepdims=bool(keepdims))


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Operand:
    """The mean over `axis`, or over all elements: sum / number of elements."""
    x = _as_operand(x)
    axes = axes_of(x, axis)
    count = math.prod(x.shape[number] for number in axes)
    return gates.divide(gates.reduce_sum(x, axes=axes, keepdims=bool(keepdims)), float(count))


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Operand:
    """The largest element along `axis`, or of all elements.

    At a tie, each of the largest elements gets the whole gradient.
    """
    x = _as_operand(x)
    return gates.reduce_max(x, axes=axes_of(x, axis), keepdims=bool(keepdims))


def argmax(x: Operand, axis: int = -1) -> Operand:
    """The index of the largest element along `axis`; no gradient flows through it."""
    x = _as_operand(x)
    return gates.argmax(x, axis=axes_of(x, axis)[0])


def cumulative_sum(x: Operand, axis: int = -1, reverse: bool = False) -> Operand:
    """The sum along `axis` up to each element, that element included; from the last if `reverse`.

    Along sorted predictions these are counts of true and of false positives, so the area under a
    ROC curve can be written with them.

    >>> tw.cumulative_sum(np.array([1.0, 2.0, 4.0]))
    array([1., 3., 7.])
    """
    x = _as_operand(x)
    return gates.cumulative_sum(x, axis=axes_of(x, axis)[0], reverse=bool(reverse))


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


# Types and indices --------------------------------------------------------------------------


def cast(x: Operand, dtype: Any) -> Operand:
    """The same numbers in another dtype; the gradient is cast back."""
    return gates.cast(_as_operand(x), dtype=np.dtype(dtype))


def one_hot(labels: Operand, classes: int, dtype: Any = "float32") -> Operand:
    """Integer labels as rows with a 1 at the label and 0 elsewhere.

    A label outside of 0..classes-1 gives a row of zeros.
    """
    return gates.one_hot(_as_operand(labels), classes=int(classes), dtype=np.dtype(dtype))


_CODES = ("uint8", "int32", "int64")  # the integer dtypes that both engines have


def take(table: Operand, codes: Operand) -> Operand:
    """The rows of a table (L, E) at integer codes (...), as (..., E).

    A code outside of 0..L-1 gives a row of NaN.
    """
    codes = _as_operand(codes)
    if codes.dtype.kind in "iu" and codes.dtype.name not in _CODES:
        codes = gates.cast(codes, dtype=np.dtype("int64"))
    flat = gates.reshape(codes, shape=(math.prod(codes.shape),))
    rows = gates.take(_as_operand(table), flat)
    return gates.reshape(rows, shape=(*codes.shape, rows.shape[1]))


# Shapes and products ------------------------------------------------------------------------


def reshape(x: Operand, *shape: int | Sequence[int]) -> Operand:
    """The same elements in another shape; one size may be -1."""
    x = _as_operand(x)
    given: Any = shape[0] if len(shape) == 1 and np.ndim(shape[0]) else shape
    sizes = tuple(int(size) for size in given)
    if -1 in sizes:
        known = math.prod(size for size in sizes if size != -1)
        rest = math.prod(x.shape) // known if known else 0
        sizes = tuple(rest if size == -1 else size for size in sizes)
    return gates.reshape(x, shape=sizes)


def matmul(x: Operand, y: Operand) -> Operand:
    """The matrix product; a vector (D,) is a row on the left and a column on the right."""
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
    """x (..., D) @ y (D, K) as one product of two matrices, and so are its gradients."""
    if len(x.shape) == 2 or x.shape[-1] != y.shape[0]:
        return gates.matmul(x, y)
    flat = gates.reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))
    return gates.reshape(gates.matmul(flat, y), shape=(*x.shape[:-1], y.shape[1]))


def concatenate(pieces: Sequence[Operand], axis: int = 0) -> Operand:
    """The pieces joined along `axis`."""
    is_list = isinstance(pieces, list | tuple)
    if not is_list or not pieces:
        given = "no pieces were given" if is_list else f"not {type(pieces)}"
        raise ShapeError(f"concatenate: needs a list of pieces, {given} ({calling_line()})")
    operands = [_as_operand(piece) for piece in pieces]
    return gates.concatenate(*operands, axis=axes_of(operands[0], axis)[0])


# Indexing -----------------------------------------------------------------------------------


def index(x: Operand, key: Any) -> Operand:
    """`x[key]` for integers, slices, None and `...`, as a slice and a reshape."""
    ranges: list[Range] = []
    shape: list[int] = []
    for part in _expanded(key if isinstance(key, tuple) else (key,), x):
        if part is None:
            shape.append(1)
            continue
        size = x.shape[len(ranges)]
        if isinstance(part, slice):
            ranges.append(_range_of(part, size))
            shape.append(len(range(*ranges[-1])))
        else:
            ranges.append(_single(part, size))
    piece = gates.take_slice(x, ranges=tuple(ranges))
    return piece if piece.shape == tuple(shape) else gates.reshape(piece, shape=tuple(shape))


def _expanded(parts: tuple[Any, ...], x: Operand) -> list[Any]:
    """The parts of an index with `...` expanded, so that each axis of `x` has one."""
    for part in parts:
        if not _is_index(part):
            raise RecordingError(
                "a tensor is indexed by integers, slices, None and ..., but "
                f"{type(part).__name__} was given ({calling_line()}); select rows of the array "
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


def _range_of(part: slice, size: int) -> Range:
    """A slice as a range; an empty one always as (0, 0, 1)."""
    indices = part.indices(size)
    return indices if len(range(*indices)) else (0, 0, 1)


def _single(position: Any, size: int) -> Range:
    """One index as a range."""
    if not -size <= position < size:
        raise ShapeError(
            f"index {position} is out of range for an axis of size {size} ({calling_line()})"
        )
    start = int(position) % size
    return start, start + 1, 1
