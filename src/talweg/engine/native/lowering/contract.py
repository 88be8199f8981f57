"""The matrix product."""

from __future__ import annotations

from collections.abc import Sequence

from talweg import gates
from talweg.engine.native.ir.node import Axes, ContractionForm, Lowering, Node
from talweg.engine.native.lowering.replica_rules import Settings
from talweg.gates import Gate
from talweg.graph import Tensor


def _rows(node: Node, axes: Axes) -> int | None:
    """The rows of the left factor, or those of the stack of products."""
    (a, b), (left, right) = node.inputs, axes
    dims = len(node.shape)
    if left is not None and left == len(a.shape) - 2:
        return dims - 2 if right is None else None
    stacks = {
        axis + dims - len(factor.shape) if axis < len(factor.shape) - 2 else -1
        for factor, axis in ((a, left), (b, right))
        if axis is not None
    }
    return stacks.pop() if len(stacks) == 1 and min(stacks) >= 0 else None


def _replicas(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    """(..., N, K, 1, replicas) times (..., 1, K, M, replicas), added up over K: small products,
    of which a loop holds whole vectors of replicas and nothing else is stored.
    """
    x, y = inputs
    left = gates.reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))
    right = gates.reshape(y, shape=(*y.shape[:-3], 1, *y.shape[-3:]))
    terms = gates.multiply(left, right)
    product: Tensor = gates.reduce_sum(terms, axes=(terms.ndim - 3,), keepdims=False)
    return product


LOWERINGS = {gates.matmul: Lowering(ContractionForm(), _rows, _replicas)}
