"""The matrix product: products summed over a shared axis."""

from __future__ import annotations

from threading import local
from typing import Any

import numpy as np

from talweg.errors import ShapeError
from talweg.gates.broadcast import unbroadcast
from talweg.gates.namespace import Portable
from talweg.gates.record import (
    Array,
    Cost,
    Gate,
    Operand,
    Spec,
    broadcast_shape,
    float_dtype,
    traffic,
)
from talweg.gates.shape import transpose
from talweg.memory_limits import require_memory


def _matmul_shape(x: Spec, y: Spec) -> Spec:
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-2]:
        raise ShapeError(
            f"matmul: shapes {x.shape} and {y.shape} cannot be multiplied; "
            "the last axis of the first must equal the second-last of the second"
        )
    batch = broadcast_shape("matmul", Spec(x.shape[:-2], x.dtype), Spec(y.shape[:-2], y.dtype))
    return Spec((*batch, x.shape[-2], y.shape[-1]), float_dtype("matmul", x, y))


def _matmul_cost(x: Spec, y: Spec, *, output: Spec, **_: Any) -> Cost:
    return Cost(2 * output.size * x.shape[-1], traffic((x, y), output))


_BLAS_ROOM = 2**25 + 2**23
"""Bytes that a BLAS allocates for a thread's first product; OpenBLAS 0.3.31 allocates 32 MB."""
_thread = local()


def _product(x: Array, y: Array) -> Any:
    """x @ y, after the BLAS has its memory: OpenBLAS ends a process in which it finds none."""
    if not hasattr(_thread, "has_room"):
        require_memory(_BLAS_ROOM, "NumPy's first matrix product", "Free some, or raise the limit.")
        # x @ x.T allocates at any size, and starts no threads, which a fork would leave stuck
        small = np.ones((16, 16), np.float32)
        np.matmul(small, small.T)
        _thread.has_room = True
    return np.matmul(x, y)


def _transposed(x: Operand) -> Operand:
    """x with its last two axes exchanged."""
    last = len(x.shape) - 1
    return transpose(x, axes=(*range(last - 1), last, last - 1))


matmul: Gate = Gate(
    name="matmul",
    kind="contract",
    formula="x @ y",
    shape=_matmul_shape,
    value=Portable(lambda xp, x, y: xp.matmul(x, y), _product),
    backward=(
        lambda g, out, x, y: unbroadcast(matmul(g, _transposed(y)), x),
        lambda g, out, x, y: unbroadcast(matmul(_transposed(x), g), y),
    ),
    slopes=("g y^T", "x^T g"),
    cost=_matmul_cost,
)
