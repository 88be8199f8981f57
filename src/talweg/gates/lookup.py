"""Gather and scatter: rows of a table at integer codes, and its adjoint, sums of rows by code.

A code outside of the table (below 0, or L and more) gives a row of NaN, so that it is noticed, and
adds to no sum, so that it harms none. Both cost as much as the rows that they move; a product with
one-hot rows costs L times that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from talweg.errors import DtypeError, ShapeError
from talweg.gates.namespace import Portable
from talweg.gates.record import (
    Array,
    Cost,
    Gate,
    Operand,
    Spec,
    cost_per_element,
    float_dtype,
    traffic,
)


def _check_codes(name: str, codes: Spec) -> None:
    if codes.dtype.kind not in "iu":
        raise DtypeError(f"{name}: codes must be integers, but are {codes.dtype}")
    if len(codes.shape) != 1:
        raise ShapeError(f"{name}: codes must be a vector (N,), but have shape {codes.shape}")


def _take_shape(table: Spec, codes: Spec) -> Spec:
    _check_codes("take", codes)
    if len(table.shape) != 2 or not table.shape[0]:
        raise ShapeError(
            f"take: the table must have rows (L, E) with L above 0, but is {table.shape}"
        )
    return Spec((*codes.shape, table.shape[1]), float_dtype("take", table))


def _segment_sum_shape(x: Spec, codes: Spec, *, size: int) -> Spec:
    _check_codes("segment_sum", codes)
    if len(x.shape) != 2 or x.shape[0] != codes.shape[0]:
        raise ShapeError(
            f"segment_sum: rows (N, E) and codes (N,) are needed, but {x.shape} and "
            f"{codes.shape} were given"
        )
    return Spec((size, x.shape[1]), float_dtype("segment_sum", x))


def _are_inside(codes: Array, size: int) -> Array:
    return (codes >= 0) & (codes < size)


def _take(xp: Any, table: Any, codes: Any) -> Any:
    size = table.shape[0]
    rows = xp.take(table, xp.clip(codes, 0, size - 1), axis=0)
    return xp.where(_are_inside(codes, size)[:, None], rows, xp.full_like(rows, xp.nan))


def _take_of_numpy(table: Array, codes: Array) -> Array:
    rows = table.take(codes, axis=0, mode="clip")
    rows[~_are_inside(codes, len(table))] = np.nan
    return rows


def _segment_sum(xp: Any, x: Any, codes: Any, *, size: int) -> Any:
    """One mask for each segment: `size` times the work of an addition in place."""
    belongs = codes[None, :] == xp.arange(size)[:, None]
    return xp.sum(xp.where(belongs[..., None], x[None], xp.zeros_like(x)[None]), axis=1)


def _segment_sum_of_numpy(x: Array, codes: Array, *, size: int) -> Array:
    inside = _are_inside(codes, size)
    sums = np.zeros((size, x.shape[1]), x.dtype)
    np.add.at(sums, codes[inside], x[inside])
    return sums


def _segment_sum_cost(x: Spec, codes: Spec, *, output: Spec, size: int) -> Cost:
    return Cost(x.size, traffic((x, codes), output))


def _take_backward(g: Operand, out: Operand, table: Operand, codes: Operand) -> Operand:
    return segment_sum(g, codes, size=table.shape[0])


def _segment_sum_backward(
    g: Operand, out: Operand, x: Operand, codes: Operand, *, size: int
) -> Operand:
    return take(g, codes)


take: Gate = Gate(
    name="take",
    kind="index",
    formula="table[codes]",
    shape=_take_shape,
    value=Portable(_take, _take_of_numpy),
    backward=(_take_backward, None),
    slopes=("1 for each row taken", "0"),
    cost=cost_per_element(0),
)

segment_sum: Gate = Gate(
    name="segment_sum",
    kind="index",
    formula="the sum of the rows of x at each code",
    shape=_segment_sum_shape,
    value=Portable(_segment_sum, _segment_sum_of_numpy),
    backward=(_segment_sum_backward, None),
    slopes=("1", "0"),
    cost=_segment_sum_cost,
)
