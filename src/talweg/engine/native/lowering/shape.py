"""Gates that move elements: views, and arrays that are put together."""

from __future__ import annotations

from collections.abc import Sequence

from talweg import gates
from talweg.engine.native.ir.node import AssemblyForm, Axes, Lowering, Node, ViewForm
from talweg.engine.native.ir.size import ONE, Size
from talweg.engine.native.ir.view import View
from talweg.engine.native.lowering.replica_rules import Settings, unchanged, with_shape
from talweg.engine.replicas import for_all
from talweg.gates import Gate
from talweg.graph import Tensor

# Views --------------------------------------------------------------------------------------------


def _same_view(node: Node, view: View) -> View:
    return view


def _same_rows(node: Node, axes: Axes) -> int | None:
    return axes[0]


def _reshape(node: Node, view: View) -> View | None:
    return view.reshaped(node.shape)


def _reshape_rows(node: Node, axes: Axes) -> int | None:
    """Rows stay whole if their axis leads, or if only axes of size 1 are added or removed."""
    (rows,) = axes
    if rows is None:
        return None
    if rows == 0:
        return 0 if node.has_leading_row_axis else None
    before = [size for size in node.inputs[0].shape if size != ONE]
    after = [size for size in node.shape if size != ONE]
    powers = [size.power for size in node.shape]
    return powers.index(1) if before == after and powers.count(1) == 1 else None


def _order(node: Node) -> list[int]:
    return [axis.factor for axis in node.settings["axes"]]


def _transpose(node: Node, view: View) -> View:
    return view.transposed(_order(node))


def _transpose_rows(node: Node, axes: Axes) -> int | None:
    (rows,) = axes
    return None if rows is None else _order(node).index(rows)


def _transpose_replicas(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    axes = settings["axes"]
    result: Tensor = gate(inputs[0], axes=(*axes, len(axes)))
    return result


def _broadcast_to(node: Node, view: View) -> View:
    return view.broadcast(node.shape)


def _broadcast_rows(node: Node, axes: Axes) -> int | None:
    (rows,) = axes
    return None if rows is None else rows + len(node.shape) - len(node.inputs[0].shape)


def _take_slice(node: Node, view: View) -> View:
    return view.sliced(node.settings["ranges"], node.shape)


def _whole_rows(node: Node, axes: Axes) -> int | None:
    """For slices and their adjoint: the range along the rows takes all of them."""
    (rows,) = axes
    if rows is None:
        return None
    start, stop, step = node.settings["ranges"][rows]
    is_whole = (start, step) == (Size(0), ONE) and stop == node.shape[rows]
    return rows if is_whole and node.inputs[0].shape[rows] == node.shape[rows] else None


def _with_range(x: Tensor, settings: Settings) -> tuple[tuple[int, int, int], ...]:
    """The ranges, with one that takes all replicas."""
    return (*settings["ranges"], (0, x.shape[-1], 1))


def _take_slice_replicas(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    (x,) = inputs
    result: Tensor = gate(x, ranges=_with_range(x, settings))
    return result


# Assemblies ---------------------------------------------------------------------------------------


def _placed(node: Node, home: View) -> list[View]:
    return [home.sliced(node.settings["ranges"], node.inputs[0].shape)]


def _place_replicas(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    (x,) = inputs
    shape = (*settings["shape"], x.shape[-1])
    result: Tensor = gate(x, shape=shape, ranges=_with_range(x, settings))
    return result


def _side_by_side(node: Node, home: View) -> list[View]:
    pieces = []
    start, axis = Size(0), node.settings["axis"].factor
    for source in node.inputs:
        ranges = [(Size(0), size, ONE) for size in source.shape]
        ranges[axis] = (start, start, ONE)
        pieces.append(home.sliced(ranges, source.shape))
        length = source.shape[axis]
        start = Size(start.factor + length.factor, length.power)
    return pieces


def _concatenate_rows(node: Node, axes: Axes) -> int | None:
    rows, *others = set(axes)
    return rows if not others and rows != node.settings["axis"].factor else None


def _concatenate_replicas(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    count = max(x.shape[-1] for x in inputs)
    result: Tensor = gate(*(for_all(x, count) for x in inputs), **settings)
    return result


LOWERINGS = {
    gates.stop_gradient: Lowering(ViewForm(_same_view, keeps_order=True), _same_rows, unchanged),
    gates.reshape: Lowering(ViewForm(_reshape, keeps_order=True), _reshape_rows, with_shape),
    gates.transpose: Lowering(
        ViewForm(_transpose, exchanges_axes=True), _transpose_rows, _transpose_replicas
    ),
    gates.broadcast_to: Lowering(ViewForm(_broadcast_to), _broadcast_rows, with_shape),
    gates.take_slice: Lowering(ViewForm(_take_slice), _whole_rows, _take_slice_replicas),
    gates.put_slice: Lowering(AssemblyForm(_placed, covers=False), _whole_rows, _place_replicas),
    gates.concatenate: Lowering(
        AssemblyForm(_side_by_side, covers=True), _concatenate_rows, _concatenate_replicas
    ),
}
