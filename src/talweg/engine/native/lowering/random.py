"""The gate that draws random numbers."""

from __future__ import annotations

from collections.abc import Sequence

from talweg import gates
from talweg.engine.native.emit.uniform import uniform
from talweg.engine.native.llvm.values import Value
from talweg.engine.native.lowering.record import Axes, Element, Lowering, MapForm, is_led_by_rows
from talweg.engine.native.plan.symbolic_shapes import Node


def _uniform(element: Element, node: Node, values: Sequence[Value]) -> Value:
    stream = node.settings["stream"].factor
    return uniform(element.f, values[0], element.position(), stream, node.dtype)


def _led_by_rows(node: Node, axes: Axes) -> int | None:
    """Each number depends on its own position alone."""
    return 0 if is_led_by_rows(node) else None


LOWERINGS = {
    gates.uniform: Lowering(
        MapForm(_uniform, positional=True, may_wait=False, reads_bits=False), _led_by_rows
    )
}
