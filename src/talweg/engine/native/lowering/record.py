"""The record of a lowering: what the native engine needs to know about one gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from talweg.engine.native.emit.accumulators import Accumulator
from talweg.engine.native.emit.own_kernel import OwnKernel
from talweg.engine.native.llvm.ir import Function
from talweg.engine.native.llvm.values import Value
from talweg.engine.native.plan.symbolic_shapes import Node
from talweg.engine.native.plan.view import View
from talweg.gates import Gate
from talweg.graph import Tensor

Axes = Sequence[int | None]
"""The row axis of each input; None where an input is not laid out by rows."""
RowRule = Callable[[Node, Axes], int | None]
"""(node, row axes of its inputs) -> the row axis of the result, or None.

A row rule gives an axis only if row i of the result needs no row of an input but row i.
"""
ReplicaRule = Callable[[Gate, Sequence[Tensor], Mapping[str, Any]], Tensor]
"""(gate, inputs with the replicas along their last axis, settings) -> the result of each replica,
also along the last axis."""


class Element(Protocol):
    """What a map can ask for besides its inputs, for the element or the vector being computed."""

    @property
    def f(self) -> Function:
        """The function that is being written."""

    def index(self) -> Value:
        """The index along the new last axis, as i64."""

    def position(self) -> Value:
        """The position in the result, counted in C order, as i32."""


@dataclass(frozen=True)
class ViewForm:
    """The result is a view of the input: other strides over the same elements.

    `move` turns the input's view into the node's. It gives None where no strides can express the
    result, which is then copied. `keeps_order`: the elements stay in the same order.
    `exchanges_axes`: the last axis of the input may no longer be the last.
    """

    move: Callable[[Node, View], View | None]
    keeps_order: bool = False
    exchanges_axes: bool = False


@dataclass(frozen=True)
class MapForm:
    """An elementwise map, fused with its neighbors into one nest of loops.

    `write` emits one element, or one vector of them, from the values of the inputs. The result has
    `new_axes` (0 or 1) more axes than its inputs, at its end. A map that is `positional` depends on
    the position of its element. One that `may_wait` may be computed later, in the region that reads
    it. `reads_bits`: it can read booleans that are stored a bit each. `is_product`: it multiplies
    two inputs, so a sum of it becomes a fused multiply-add.
    """

    write: Callable[[Element, Node, Sequence[Value]], Value]
    new_axes: int = 0
    positional: bool = False
    may_wait: bool = True
    reads_bits: bool = True
    is_product: bool = False


@dataclass(frozen=True)
class ReductionForm:
    """A reduction over the axes that `axes` gives; an accumulator says how terms are combined."""

    axes: Callable[[Node], tuple[int, ...]]
    accumulator: Accumulator


@dataclass(frozen=True)
class ContractionForm:
    """A matrix product of the last two axes, over a stack of leading ones.

    Small ones are nests of loops that sum, large ones call the GEMM routines.
    """


@dataclass(frozen=True)
class AssemblyForm:
    """The result is put together from its inputs in place.

    `pieces` cuts the view of the result into one view for each input. If they cover all of it, each
    input is computed right in its piece where possible; if not, the rest is zero.
    """

    pieces: Callable[[Node, View], Sequence[View]]
    covers: bool


@dataclass(frozen=True)
class KernelForm:
    """A kernel of its own kind: `make` gives it for (node, row axis, input views, output view)."""

    make: Callable[[Node, int | None, Sequence[View], View], OwnKernel]


Form = ViewForm | MapForm | ReductionForm | ContractionForm | AssemblyForm | KernelForm


def has_leading_row_axis(node: Node) -> bool:
    """Whether the first axis of a node counts the rows of the batch."""
    return bool(node.shape) and node.shape[0].power == 1


def computed_by_outputs(node: Node, axes: Axes) -> int | None:
    """The row rule of a gate that needs all rows at once."""
    return None


@dataclass(frozen=True)
class Lowering:
    """How the native engine computes a gate.

    `form` says what a node of the gate becomes in a plan, `rows` whether it can be computed row by
    row, and `replicas` how one node computes many replicas at once. Runs with a gate that has no
    rule for replicas train one by one.
    """

    form: Form
    rows: RowRule = computed_by_outputs
    replicas: ReplicaRule | None = None
