"""Which nodes can be computed row by row, and in which phase of a step.

A node has a row axis if one row of its result needs only that row of its inputs. Each thread takes
some rows through all such nodes: a phase by rows. Other nodes, such as sums over the rows, are
computed in phases by outputs, where threads share out the elements of each result. An example, the
step of a dense layer h = x w, where x is (N, D) and w is (D, H):

    h = x w                        (N, H), row axis 0                      by rows
    loss = mean of (h - y)^2       the terms have row axis 0, their sum    by rows,
                                   over N has none                         then by outputs
    g = 2 (h - y) / N              (N, H), row axis 0                      by rows
    gradient of w = x^T g          (D, H), a sum over N: no row axis       by outputs
    new w = w - rate x^T g         (D, H), no row axis                     by outputs

Each node gets the earliest phase in which it can be computed. Then `_delay` moves nodes to later
phases by outputs, by one rule: an elementwise node moves to the first phase by outputs that uses
it, if nothing by rows uses it, and if all that it needs is stored for that phase anyway or can move
with it. Two examples:

    d = g * (1 - h * h)     used only by sum(d) over the rows. If g and h are stored, d moves: the
                            sum computes it on the fly, and d itself is never stored.
    m = 0.9 v + ...         an update of momentum: v is state, so 0.9 v could be computed before the
                            batch, but would have to be stored until the gradient is there. It moves
                            to the update, which reads v anyway.
"""

from __future__ import annotations

from typing import NamedTuple

from talweg.engine.native.ir.node import Form, MapForm, Node, ReductionForm
from talweg.engine.native.ir.symbolic_graph import SymbolicGraph


class Phase(NamedTuple):
    """When a node is computed. Phases are ordered as tuples: 0 by outputs, 0 by rows, 1 by outputs,
    1 by rows, and so on. The first, 0 by outputs, precedes the batch.
    """

    number: int
    by_rows: bool

    def reaching(self, by_rows: bool) -> Phase:
        """The first phase by rows, or by outputs, that can use the results of this one."""
        if self.by_rows == by_rows:
            return self
        return Phase(self.number + 1 if self.by_rows else self.number, by_rows)


BEFORE = Phase(-1, by_rows=True)
"""The phase of constants, and of inputs without a row axis."""
FIRST = Phase(0, by_rows=False)
WITH_BATCH = Phase(1, by_rows=False)
"""The first phase by outputs that can use the batch."""


class RowAnalysis(NamedTuple):
    """The phase and the row axis of each node; None for a node without a row axis."""

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
        return 0 if is_input and node.has_leading_row_axis else None
    assert node.lowering is not None
    return node.lowering.rows(node, [rows.axes[x] for x in node.inputs])


def _phase(node: Node, rows: RowAnalysis, graph: SymbolicGraph) -> Phase:
    follows = rows.axes[node] is not None
    if node.gate is None:
        return Phase(0, by_rows=True) if follows else BEFORE
    first = Phase(0, follows) if graph.fixed_rows is None else WITH_BATCH
    return max(first, *(rows.phases[x].reaching(follows) for x in node.inputs))


def _delay(graph: SymbolicGraph, rows: RowAnalysis) -> None:
    """Move nodes that only phases by outputs use to the first of these phases.

    A node that moves need not be stored between phases, and its inputs are read once and not twice.
    Users come first, so a node can follow a user that has moved. Besides elementwise nodes, views
    move, and reductions of arrays without a row axis.
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
    """Whether a node that nothing by rows uses may move to the phase that uses it."""
    form = node.form
    if rows.axes[node] is not None:
        are_available = all(_is_available(x, node, rows) for x in node.inputs)
        return _may_wait(form) and (are_available or _is_summed(node))
    if isinstance(form, ReductionForm):
        return rows.axes[node.inputs[0]] is None
    return _may_wait(form) or node.is_view


def _may_wait(form: Form | None) -> bool:
    return isinstance(form, MapForm) and form.may_wait


def _is_summed(node: Node) -> bool:
    """Whether a node only goes into one sum, and its inputs are stored anyway."""
    are_stored = all(x.gate is None or x.is_view for x in node.inputs)
    forms = [user.form for user in node.users]
    return are_stored and len(forms) == 1 and _is_sum(forms[0])


def _is_sum(form: Form | None) -> bool:
    return isinstance(form, ReductionForm) and form.accumulator.adds


def _is_available(node: Node, user: Node, rows: RowAnalysis) -> bool:
    """Whether `node` is stored for a phase by outputs anyway, or can move there with `user`.

    It is stored if another user by outputs reads it; it can move if `user` is its only user.
    """
    others = [rows.phases[x] for x in node.users if x is not user]
    if node.gate is None or any(not phase.by_rows for phase in others):
        return True
    is_own = _may_wait(node.form) and node.users == [user]
    return is_own and all(_is_available(x, node, rows) for x in node.inputs)


def _computed_from_arrays(graph: SymbolicGraph) -> set[Node]:
    """Computed arrays, and numbers that are computed from arrays."""
    nodes: set[Node] = set()
    for node in graph.nodes:
        if node.gate and (node.shape or any(x.shape or x in nodes for x in node.inputs)):
            nodes.add(node)
    return nodes
