"""Which nodes can be computed row by row, and in which stage of a step.

A node that follows the rows needs, for one row of its result, only that row of what it is made
from. Such nodes form the odd stages of a step: each thread takes some rows through all of them.
The others, sums over rows among them, form the even stages, whose outputs are split instead.
"""

from __future__ import annotations

from talweg.engine.native.plan.symbolic_shapes import ONE, Node, Outline, Size

VIEWS = ("reshape", "transpose", "take_slice", "broadcast_to")
"""Gates that move nothing."""


def row_axis(node: Node, axes: dict[Node, int | None], name: str | None) -> int | None:
    """The axis of the rows, where a node follows them; `name` is that of an input."""
    if node.gate is None:
        return 0 if name is not None and _is_led_by_rows(node) else None
    if node.gate.kind == "random":
        return 0 if _is_led_by_rows(node) else None
    if all(axes[each] is None for each in node.inputs):
        return None
    rule = _RULES.get(node.gate.name, _elementwise)
    return rule(node, [axes[each] for each in node.inputs])


def _is_led_by_rows(node: Node) -> bool:
    return bool(node.shape) and node.shape[0].power == 1


def stages(graph: Outline) -> tuple[dict[Node, int], dict[Node, int | None]]:
    """The stage of each node, and the axis of its rows; what is there beforehand has stage -1."""
    axes: dict[Node, int | None] = {}
    found: dict[Node, int] = {}
    names = {node: name for name, node in graph.inputs.items()}
    for node in graph.nodes:
        axes[node] = row_axis(node, axes, names.get(node)) if graph.rows is None else None
        follows = axes[node] is not None
        if node.gate is None:
            found[node] = 1 if follows else -1
        else:
            first = int(follows) if graph.rows is None else 2  # once the batch is put together
            found[node] = max(first, *(_after(found[each], follows) for each in node.inputs))
    _delay(graph, found, axes)
    return found, axes


def _delay(graph: Outline, stage_of: dict[Node, int], axes: dict[Node, int | None]) -> None:
    """Move elementwise work to the even stage that needs it, beside what else it needs.

    Most of an update does not depend on the gradient; computed early, it would be stored, and
    weights that are added up would be read twice. So would rows that an even stage alone asks for.
    """
    outputs = set(graph.outputs.values())
    of_arrays = _made_of_arrays(graph)
    for node in reversed(graph.nodes):
        if node not in of_arrays or node in outputs:
            continue
        users = [stage_of[each] for each in node.users]
        if not users or any(each % 2 for each in users):
            continue
        if axes[node] is not None:
            moves = all(_is_at_hand(each, node, stage_of) for each in node.inputs)
            moves = _is_map(node) and (moves or _is_summed(node))
        elif node.gate is not None and node.gate.kind == "reduce":
            moves = axes[node.inputs[0]] is None
        else:
            moves = _is_map(node) or (node.gate is not None and node.gate.name in VIEWS)
        if moves:
            stage_of[node], axes[node] = max(stage_of[node], min(users)), None


def _is_map(node: Node) -> bool:
    return node.gate is not None and (node.gate.kind == "elementwise" or node.gate.name == "cast")


def _is_summed(node: Node) -> bool:
    """Whether a node is nothing but the terms of one sum, made of what is stored anyway."""
    stored = all(each.gate is None or each.gate.name in VIEWS for each in node.inputs)
    sums = [each.gate.name for each in node.users if each.gate is not None]
    return stored and sums == ["reduce_sum"]


def _is_at_hand(node: Node, user: Node, stage_of: dict[Node, int]) -> bool:
    """Whether an even stage finds a node stored anyway, or can make it for this user alone."""
    if node.gate is None or any(stage_of[x] % 2 == 0 for x in node.users if x is not user):
        return True
    own = _is_map(node) and node.users == [user]
    return own and all(_is_at_hand(each, node, stage_of) for each in node.inputs)


def _made_of_arrays(graph: Outline) -> set[Node]:
    """Computed arrays, and the numbers that were made of arrays."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.gate and (node.shape or any(x.shape or x in found for x in node.inputs)):
            found.add(node)
    return found


def _after(stage: int, follows: bool) -> int:
    """The first stage of its kind in which something made in `stage` can be used."""
    return stage if stage < 0 or stage % 2 == int(follows) else stage + 1


Axes = list[int | None]


def _elementwise(node: Node, axes: Axes) -> int | None:
    """Rows that are broadcast together must meet in one axis; one_hot adds an axis at the end."""
    added = len(node.shape) - 1 if node.gate and node.gate.name == "one_hot" else len(node.shape)
    found = {
        axis + added - len(each.shape)
        for each, axis in zip(node.inputs, axes, strict=True)
        if axis is not None
    }
    return found.pop() if len(found) == 1 else None


def _reduce(node: Node, axes: Axes) -> int | None:
    reduced = [each.factor for each in node.settings["axes"]]
    (axis,) = axes
    if axis is None or axis in reduced:
        return None
    return axis if node.settings["keepdims"] else axis - sum(each < axis for each in reduced)


def _argmax(node: Node, axes: Axes) -> int | None:
    (axis,) = axes
    reduced: int = node.settings["axis"].factor
    if axis is None or axis == reduced:
        return None
    return axis - (reduced < axis)


def _transpose(node: Node, axes: Axes) -> int | None:
    return [each.factor for each in node.settings["axes"]].index(axes[0] or 0)


def _reshape(node: Node, axes: Axes) -> int | None:
    """Rows stay whole where they lead, or where only axes of size 1 come and go."""
    if axes[0] == 0:
        return 0 if node.shape and node.shape[0].power == 1 else None
    before = [each for each in node.inputs[0].shape if each != ONE]
    after = [each for each in node.shape if each != ONE]
    powers = [each.power for each in node.shape]
    return powers.index(1) if before == after and powers.count(1) == 1 else None


def _keeps_rows(node: Node, axes: Axes) -> int | None:
    """For slices and their adjoint: nothing is taken out along the rows."""
    axis = axes[0] or 0
    start, stop, step = node.settings["ranges"][axis]
    is_whole = (start, step) == (Size(0), ONE) and stop == node.shape[axis]
    return axis if is_whole and node.inputs[0].shape[axis] == node.shape[axis] else None


def _broadcast(node: Node, axes: Axes) -> int | None:
    return (axes[0] or 0) + len(node.shape) - len(node.inputs[0].shape)


def _matmul(node: Node, axes: Axes) -> int | None:
    (a, b), (left, right) = node.inputs, axes
    dims = len(node.shape)
    if left is not None and left == len(a.shape) - 2:
        return dims - 2 if right is None else None
    batches = {
        axis + dims - len(each.shape) if axis < len(each.shape) - 2 else -1
        for each, axis in ((a, left), (b, right))
        if axis is not None
    }
    return batches.pop() if len(batches) == 1 and min(batches) >= 0 else None


def _take(node: Node, axes: Axes) -> int | None:
    """Codes that follow the rows take theirs from a table that is there as a whole."""
    table, codes = axes
    return codes if table is None else None


def _concatenate(node: Node, axes: Axes) -> int | None:
    found = set(axes)
    (axis, *others) = found
    return axis if not others and axis != node.settings["axis"].factor else None


_RULES = {
    "reduce_sum": _reduce,
    "reduce_max": _reduce,
    "argmax": _argmax,
    "transpose": _transpose,
    "reshape": _reshape,
    "take_slice": _keeps_rows,
    "place": _keeps_rows,
    "broadcast_to": _broadcast,
    "matmul": _matmul,
    "take": _take,
    "segment_sum": lambda node, axes: None,
    "concatenate": _concatenate,
}
