"""Gates that compute element by element."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from talweg import gates
from talweg.engine.native.emit.lanes import register_type
from talweg.engine.native.ir.node import Axes, Element, Lowering, MapForm, Node
from talweg.engine.native.llvm.values import Value, element as element_type, type_of
from talweg.engine.native.lowering.replica_rules import Settings, unchanged
from talweg.gates import Gate
from talweg.graph import Tensor


def _native(element: Element, node: Node, values: Sequence[Value]) -> Value:
    """What the gate's own record says."""
    assert node.gate is not None and node.gate.native is not None
    written: Value = node.gate.native(element.f, *values)
    return written


def _cast(element: Element, node: Node, values: Sequence[Value]) -> Value:
    return element.f.convert(values[0], register_type(node.dtype))


def _one_hot(element: Element, node: Node, values: Sequence[Value]) -> Value:
    (label,) = values
    f = element.f
    index = f.convert(element.index(), element_type(label.type))
    return f.convert(f.compare("eq", label, index), type_of(node.dtype))


def _aligned_rows(node: Node, axes: Axes, new_axes: int = 0) -> int | None:
    """Rows that are broadcast together must meet in one axis, counted from the last."""
    last = len(node.shape) - new_axes
    aligned = {
        axis + last - rank
        for rank, axis in zip(node.input_ranks, axes, strict=True)
        if axis is not None
    }
    return aligned.pop() if len(aligned) == 1 else None


def _one_hot_replicas(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    """(..., replicas) to (..., replicas, classes), with the last two exchanged."""
    rows: Tensor = gate(inputs[0], **settings)
    last = rows.ndim - 1
    exchanged: Tensor = gates.transpose(rows, axes=(*range(last - 1), last, last - 1))
    return exchanged


ELEMENTWISE = Lowering(MapForm(_native), _aligned_rows, unchanged)
"""The entry of every elementwise gate that has none of its own: it brings its `native` function."""

LOWERINGS = {
    gates.multiply: Lowering(MapForm(_native, is_product=True), _aligned_rows, unchanged),
    gates.cast: Lowering(MapForm(_cast, reads_bits=False), _aligned_rows, unchanged),
    gates.one_hot: Lowering(
        MapForm(_one_hot, new_axes=1, may_wait=False, reads_bits=False),
        partial(_aligned_rows, new_axes=1),
        _one_hot_replicas,
    ),
}
