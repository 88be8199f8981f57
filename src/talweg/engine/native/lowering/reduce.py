"""Gates that reduce axes."""

from __future__ import annotations

from talweg import gates
from talweg.engine.native.emit.accumulators import ARGMAX, MAX, SUM
from talweg.engine.native.ir.node import Axes, Lowering, Node, ReductionForm
from talweg.engine.native.lowering.replica_rules import unchanged


def _axes(node: Node) -> tuple[int, ...]:
    return tuple(axis.factor for axis in node.settings["axes"])


def _axis(node: Node) -> tuple[int, ...]:
    return (node.settings["axis"].factor,)


def _kept_rows(node: Node, axes: Axes) -> int | None:
    return _after(_axes(node), axes, node.settings["keepdims"])


def _kept_rows_of_one(node: Node, axes: Axes) -> int | None:
    return _after(_axis(node), axes, keepdims=False)


def _after(reduced: tuple[int, ...], axes: Axes, keepdims: bool) -> int | None:
    """Where the row axis stands once the reduced axes are gone."""
    (rows,) = axes
    if rows is None or rows in reduced:
        return None
    return rows if keepdims else rows - sum(axis < rows for axis in reduced)


LOWERINGS = {
    gates.reduce_sum: Lowering(ReductionForm(_axes, SUM), _kept_rows, unchanged),
    gates.reduce_max: Lowering(ReductionForm(_axes, MAX), _kept_rows, unchanged),
    gates.argmax: Lowering(ReductionForm(_axis, ARGMAX), _kept_rows_of_one, unchanged),
}
