"""The nodes of a symbolic graph, and the record that says how each gate is lowered.

A node has the lowering of its gate, so whatever plans or emits a node asks it for its form, and
never for its gate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.size import Sizes
from talweg.engine.native.ir.view import View
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value
from talweg.engine.run.engine import ReplicaRule
from talweg.gates import Gate
from talweg.graph import Tensor


@dataclass(eq=False)
class Node:
    """A node whose sizes may depend on the number of rows N; `source` is the recorded tensor.

    `position` is its index in the graph. A constant that depends on N, such as the 1/N of a mean,
    is `value` times N to the `power`; if it has a shape, every element is that number. The
    `lowering` is that of the gate.
    """

    position: int
    source: Tensor
    inputs: tuple[Node, ...]
    shape: Sizes
    settings: Mapping[str, Any]
    lowering: Lowering | None = None
    power: int = 0
    value: float | None = None
    users: list[Node] = field(default_factory=list)

    @property
    def gate(self) -> Gate | None:
        return self.source.gate

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def is_constant(self) -> bool:
        return not self.source.recorded

    @property
    def form(self) -> Form | None:
        """What the node becomes in a plan; None for an input or a constant."""
        return self.lowering.form if self.lowering else None

    @property
    def input_ranks(self) -> list[int]:
        """The number of axes of each input."""
        return [len(source.shape) for source in self.inputs]

    @property
    def is_view(self) -> bool:
        """Whether the node is a view of its input."""
        return isinstance(self.form, ViewForm)

    @property
    def has_leading_row_axis(self) -> bool:
        """Whether the first axis counts the rows of the batch."""
        return bool(self.shape) and self.shape[0].power == 1

    @property
    def is_cut_by_rows(self) -> bool:
        """Whether the first axis counts the rows, and no other does."""
        return self.has_leading_row_axis and all(size.is_known for size in self.shape[1:])

    @property
    def depends_on_rows(self) -> bool:
        """Whether the shape depends on the number of rows."""
        return not all(size.is_known for size in self.shape)

    @property
    def is_same_for_all_rows(self) -> bool:
        """Whether an element depends neither on its position nor on the number of rows."""
        is_positional = isinstance(self.form, MapForm) and self.form.positional
        return not self.power and not is_positional

    def __repr__(self) -> str:
        return f"%{self.position}"


# Rows ---------------------------------------------------------------------------------------------

Axes = Sequence[int | None]
"""The row axis of each input; None for an input without one."""
RowRule = Callable[[Node, Axes], int | None]
"""(node, row axes of its inputs) -> the row axis of the result, or None.

A row rule gives an axis only if row i of the result needs no row of an input but row i.
"""


def computed_by_outputs(node: Node, axes: Axes) -> int | None:
    """The row rule of a gate that needs all rows at once."""
    return None


# Forms --------------------------------------------------------------------------------------------


Values = tuple[Value, ...]


class Element(Protocol):
    """What a map can ask for besides its inputs, for the element or the vector being computed."""

    @property
    def f(self) -> Function:
        """The function that is being written."""

    def index(self) -> Value:
        """The index along the new last axis, as i64."""

    def position(self) -> Value:
        """The position in the result, counted in C order, as i32."""


class Accumulator(ABC):
    """What is carried from term to term. `adds`: it is a sum. `needs_index`: it also takes the
    index of each term along the reduced axis.
    """

    count = 1
    adds = False
    needs_index = False

    @abstractmethod
    def start(self, node: Node, width: int) -> Values:
        """The values before the first term, for a vector of `width` lanes."""

    @abstractmethod
    def take(
        self, f: Function, before: Values, terms: Values, index: Callable[[], Value]
    ) -> Values:
        """The values after one more term."""

    @abstractmethod
    def join(self, f: Function, one: Values, other: Values) -> Values:
        """The values of two sets of terms together, `one` being the earlier."""


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
    """A kernel of its own kind: `make` gives it for (node, row axis, input views, output view).

    It is an `emit.own_kernel.OwnKernel`, which writes its own code.
    """

    make: Callable[[Node, int | None, Sequence[View], View], Kernel]


Form = ViewForm | MapForm | ReductionForm | ContractionForm | AssemblyForm | KernelForm


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
