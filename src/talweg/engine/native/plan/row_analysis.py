"""Which nodes can be computed row by row, and in which phase of a step.

A node follows the rows if one row of its result needs only that row of its inputs. Each thread
takes some rows through all such nodes: a phase by rows. Other nodes, such as sums over the rows,
are computed in phases by outputs, where threads share out the elements of each result.
"""

from __future__ import annotations

from typing import NamedTuple

from talweg.engine.native.lowering import (
    Form,
    MapForm,
    ReductionForm,
    form_of,
    is_view,
    lowering_of,
)
from talweg.engine.native.lowering.record import has_leading_row_axis
from talweg.engine.native.plan.symbolic_shapes import Node, SymbolicGraph


class Phase(NamedTuple):
    """When a node is computed: phases by outputs and by rows alternate.

    The first one, `number` 0 by outputs, precedes the batch.
    """

    number: int
    by_rows: bool

    def reaching(self, by_rows: bool) -> Phase:
        """The first phase by rows, or by outputs, that can use the results of this one."""
        if self.by_rows == by_rows:
            return self
        return Phase(self.number + self.by_rows, by_rows)


BEFORE = Phase(-1, by_rows=True)
"""The phase of inputs that do not follow the rows, and of constants."""
FIRST = Phase(0, by_rows=False)
WITH_BATCH = Phase(1, by_rows=False)
"""The first phase by outputs that can use the batch."""


class RowAnalysis(NamedTuple):
    """The phase of each node, and the axis of its rows; None if it does not follow them."""

    phases: dict[Node, Phase]
    axes: dict[Node, int | None]


def analyze_rows(graph: SymbolicGraph) -> RowAnalysis:
    """The phase and the row axis of each node; without rows, all is computed by outputs."""
    rows = RowAnalysis({}, {})
    inputs = set(graph.inputs.values())
    for node in graph.nodes:
        rows.axes[node] = (
            _row_axis(node, rows, node in inputs) if graph.fixed_rows is None else None
        )
        rows.phases[node] = _phase(node, rows, graph)
    _delay(graph, rows)
    return rows


def _row_axis(node: Node, rows: RowAnalysis, is_input: bool) -> int | None:
    if node.gate is None:
        return 0 if is_input and has_leading_row_axis(node) else None
    lowering = lowering_of(node.gate)
    return lowering.rows(node, [rows.axes[x] for x in node.inputs]) if lowering else None


def _phase(node: Node, rows: RowAnalysis, graph: SymbolicGraph) -> Phase:
    follows = rows.axes[node] is not None
    if node.gate is None:
        return Phase(0, by_rows=True) if follows else BEFORE
    first = Phase(0, follows) if graph.fixed_rows is None else WITH_BATCH
    return max(first, *(rows.phases[x].reaching(follows) for x in node.inputs))


def _delay(graph: SymbolicGraph, rows: RowAnalysis) -> None:
    """Move elementwise nodes to the phase by outputs that uses them.

    Most of an update does not depend on the gradient. Computed early it would be stored, and
    weights that are summed would be read twice, as would rows that only such a phase reads.
    """
    outputs = set(graph.outputs.values())
    of_arrays = _computed_from_arrays(graph)
    for node in reversed(graph.nodes):
        if node not in of_arrays or node in outputs:
            continue
        users = [rows.phases[user] for user in node.users]
        if not users or any(phase.by_rows for phase in users):
            continue
        if _may_move(node, rows):
            rows.phases[node] = max(rows.phases[node], min(users))
            rows.axes[node] = None


def _may_move(node: Node, rows: RowAnalysis) -> bool:
    form = form_of(node)
    if rows.axes[node] is not None:
        is_near = all(_is_at_hand(x, node, rows) for x in node.inputs)
        return _may_wait(form) and (is_near or _is_summed(node))
    if isinstance(form, ReductionForm):
        return rows.axes[node.inputs[0]] is None
    return _may_wait(form) or is_view(node)


def _may_wait(form: Form | None) -> bool:
    return isinstance(form, MapForm) and form.may_wait


def _is_summed(node: Node) -> bool:
    """Whether a node is only summed once, and its inputs are stored anyway."""
    are_stored = all(x.gate is None or is_view(x) for x in node.inputs)
    forms = [form_of(user) for user in node.users]
    return are_stored and len(forms) == 1 and _is_sum(forms[0])


def _is_sum(form: Form | None) -> bool:
    return isinstance(form, ReductionForm) and form.accumulator.adds


def _is_at_hand(node: Node, user: Node, rows: RowAnalysis) -> bool:
    """Whether a phase by outputs finds a node stored anyway, or can compute it for `user` alone."""
    others = [rows.phases[x] for x in node.users if x is not user]
    if node.gate is None or any(not phase.by_rows for phase in others):
        return True
    is_own = _may_wait(form_of(node)) and node.users == [user]
    return is_own and all(_is_at_hand(x, node, rows) for x in node.inputs)


def _computed_from_arrays(graph: SymbolicGraph) -> set[Node]:
    """Computed arrays, and numbers that are computed from arrays."""
    nodes: set[Node] = set()
    for node in graph.nodes:
        if node.gate and (node.shape or any(x.shape or x in nodes for x in node.inputs)):
            nodes.add(node)
    return nodes
