"""The node of a graph: an array, and the gate, the inputs and the line of code that made it.

Calling a gate on nodes records a new node while it computes the numbers. Values never change once
recorded: arrays are copied when they enter a graph and read-only when they leave it. Nodes are
numbered as they are made, and a node is made after its inputs, so the order of the numbers is a
topological order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.errors import DtypeError, GraphError, ShapeError, nearest
from talweg.gates import Array, Gate, Shape, Spec
from talweg.gates.record import common_float, is_weak
from talweg.graph.guards import Guards
from talweg.graph.source_line import Line, calling_line

_numbers = itertools.count()


class Node(Guards):
    """A node of a graph, without the operators that `Tensor` adds.

    A leaf has no gate: it is a variable, a constant or the input of a run. `varies` is False for
    constants and for what depends on constants alone. `recorded` is True for the inputs of a run
    and for all that depends on them: their values change from step to step, so they hold none.
    """

    __slots__ = (
        "array",
        "gate",
        "grad",
        "inputs",
        "is_gradient",
        "layer",
        "line",
        "name",
        "number",
        "recorded",
        "settings",
        "varies",
    )

    def __init__(
        self,
        array: Array,
        *,
        gate: Gate | None = None,
        inputs: tuple[Self, ...] = (),
        settings: dict[str, Any] | None = None,
        name: str | None = None,
        varies: bool = True,
        recorded: bool = False,
        line: Line | None = None,
    ) -> None:
        array.flags.writeable = False
        self.array = array
        self.gate = gate
        self.inputs = inputs
        self.settings = settings or {}
        self.name = name
        self.varies = varies
        self.recorded = recorded
        self.line = line or calling_line()
        self.number = next_number()
        self.layer: str | None = None
        self.is_gradient = False
        self.grad: Array | None = None

    def constant(self, array: Array) -> Self:
        """A constant leaf of the same type that holds the array itself, not a copy."""
        return type(self)(array, varies=False)

    # Properties ---------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def spec(self) -> Spec:
        return spec_of(self.array)

    def item(self) -> Any:
        """The value of a node with one element, as a Python number."""
        return self.value.item()

    def named(self, name: str) -> Self:
        """Set the name that printed graphs, traces and errors show; returns the node."""
        self.name = name
        return self

    def find(self, name: str) -> Self:
        """The ancestor of this node with the given name."""
        nodes = ancestors([self])
        found = next((node for node in nodes if node.name == name), None)
        if found is None:
            known = [node.name for node in nodes if node.name]
            raise GraphError(f"no node is called {name!r}. {nearest(name, known)}")
        return found

    def describe(self) -> str:
        """The node in words: its gate or kind of leaf, name, shape, layer and line."""
        kind = self.gate.name if self.gate else ("input" if self.varies else "constant")
        name = f" {self.name!r}" if self.name else ""
        layer = f" in layer {self.layer!r}" if self.layer else ""
        return f"{kind}{name} {self.spec}{layer} ({self.line})"

    def __repr__(self) -> str:
        name = f"{self.name} = " if self.name else ""
        if self.recorded:
            return f"tensor({name}{self.spec}, recorded)"
        text = np.array2string(self.array, precision=6, threshold=12, edgeitems=2)
        return f"tensor({name}{text}, {self.dtype})"

    def __reduce__(self) -> Any:
        """Pickle as the arguments that make the node anew: it and its inputs get new numbers."""
        value = self.spec if self.recorded else self.array
        made = value, self.gate, self.inputs, self.settings, self.name, self.varies, self.line
        marks = {name: getattr(self, name) for name in ("layer", "is_gradient", "grad")}
        return _unpickled, (type(self), *made), (None, marks)

    # Recording ----------------------------------------------------------------------------

    def record_gate(self, gate: Gate, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Self:
        """The node that `gate` makes of `inputs`; calling a gate on nodes comes here."""
        line = calling_line()
        try:
            operands = self._operands(gate, inputs, line)
            spec = gate.shape(*(node.spec for node in operands), **settings)
        except (ShapeError, DtypeError) as error:
            names = ", ".join(repr(x.name) for x in inputs if getattr(x, "name", None))
            of = f" of {names}" if names else ""
            raise type(error)(f"{error}{of} ({line})") from None
        recorded = any(node.recorded for node in operands)
        return type(self)(
            no_numbers(spec) if recorded else _value(gate, operands, settings, spec),
            gate=gate,
            inputs=operands,
            settings=settings,
            varies=any(node.varies for node in operands),
            recorded=recorded,
            line=line,
        )

    def _operands(self, gate: Gate, inputs: tuple[Any, ...], line: Line) -> tuple[Self, ...]:
        """The inputs of a gate as nodes.

        A number takes the float dtype of the arrays beside it, except beside the integer codes of
        an indexing gate.
        """
        common = None if gate.kind == "index" else common_float(inputs)
        return tuple(self._operand(x, common, gate, line) for x in inputs)

    def _operand(self, x: Any, common: np.dtype[Any] | None, gate: Gate, line: Line) -> Self:
        if isinstance(x, type(self)):
            is_cast = common is not None and is_weak(x) and x.dtype != common
            cast: Self = gates.cast(x, dtype=common) if is_cast else x
            return cast
        array = copied(x)
        if array.dtype.kind == "b":
            common = None
        if common is not None and array.ndim and array.dtype.kind == "f" and array.dtype != common:
            raise DtypeError(
                f"{gate.name}: an array of {array.dtype} and a tensor of {common} are mixed; "
                f"convert the array first: array.astype('{common}')"
            )
        return type(self)(
            array if common is None else array.astype(common), varies=False, line=line
        )


def _unpickled(
    kind: type[Node],
    value: Array | Spec,
    gate: Gate | None,
    inputs: tuple[Any, ...],
    settings: dict[str, Any],
    name: str | None,
    varies: bool,
    line: Line,
) -> Node:
    recorded = isinstance(value, Spec)
    return kind(
        no_numbers(value) if isinstance(value, Spec) else value,
        gate=gate,
        inputs=inputs,
        settings=settings,
        name=name,
        varies=varies,
        recorded=recorded,
        line=line,
    )


# Topological order ----------------------------------------------------------------------------

N = TypeVar("N", bound=Node)


def next_number() -> int:
    """The number of the next node; every node made from now on has a larger one."""
    return next(_numbers)


def ancestors(outputs: Iterable[N]) -> list[N]:
    """The outputs and every node that they depend on, inputs before users."""
    return made_since(outputs, 0)


def made_since(outputs: Iterable[N], number: int) -> list[N]:
    """The ancestors of `outputs` whose number is `number` or larger."""
    nodes: dict[int, N] = {}
    pending = [node for node in outputs if node.number >= number]
    while pending:
        node = pending.pop()
        if node.number not in nodes:
            nodes[node.number] = node
            pending.extend(source for source in node.inputs if source.number >= number)
    return [nodes[key] for key in sorted(nodes)]


# Arrays -------------------------------------------------------------------------------------


def spec_of(array: Array) -> Spec:
    """The shape and dtype of an array."""
    return Spec(array.shape, array.dtype)


def as_array(value: Any) -> Array:
    """The numbers of a node, or the array itself."""
    return value.value if isinstance(value, Node) else np.asarray(value)


def copied(value: Any, dtype: npt.DTypeLike | None = None) -> Array:
    """A copy of the value as an array with a dtype that a node may have."""
    if isinstance(value, Node):
        value = value.value
    try:
        array = np.array(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"cannot make a tensor of {value!r}: {error} ({calling_line()})") from None
    if array.dtype.kind not in "fiub" or array.dtype == np.float16:
        raise DtypeError(
            f"a tensor holds float32, float64, integers or bools, but {array.dtype} was "
            f"given ({calling_line()}); convert the array first"
        )
    return array


_ZERO = bytes(8)  # as wide as the widest dtype of a gate


def no_numbers(spec: Spec) -> Array:
    """An array of that shape and dtype whose elements all share the memory of one zero."""
    if spec.dtype.itemsize > len(_ZERO):  # no gate takes this dtype, and an error follows
        return np.broadcast_to(np.zeros((), spec.dtype), spec.shape)
    return np.ndarray(spec.shape, spec.dtype, _ZERO, strides=(0,) * len(spec.shape))


def _value(gate: Gate, operands: Sequence[Node], settings: dict[str, Any], spec: Spec) -> Array:
    with np.errstate(all="ignore"):
        value = gate.on_numpy(*(node.array for node in operands), **settings)
    array = np.asarray(value)
    if spec_of(array) != spec:
        raise GraphError(
            f"gate {gate.name}: its shape rule gives {spec}, but its value rule gives "
            f"{spec_of(array)}"
        )
    return array.view()  # the view is made read-only; the array itself may belong to someone else
