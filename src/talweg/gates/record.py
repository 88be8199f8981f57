"""The record of a gate: all that talweg knows about one operation, in one place.

A gate is called like a function: on NumPy arrays it computes, on tensors it records a node. Its
backward rules are written in gates too, so a gradient is a graph like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from talweg.errors import DtypeError, GraphError, ShapeError, nearest
from talweg.gates.namespace import Portable
from talweg.lazy import cached_property

BOOL = np.dtype(bool)
Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Operand = Any
"""What a gate takes and returns: an array, or a tensor of a graph."""

Kind = Literal["elementwise", "reduce", "shape", "contract", "index", "convert", "random", "scan"]


class Spec(NamedTuple):
    """The shape and dtype of an array, without its numbers."""

    shape: Shape
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f"

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Cost(NamedTuple):
    """The cost of computing a gate once: arithmetic operations, and bytes read and written."""

    operations: int
    bytes: int


ShapeRule = Callable[..., Spec]
"""(*input specs, **settings) -> output spec; raises ShapeError or DtypeError."""
ValueRule = Callable[..., Any]
"""(*input arrays, **settings) -> output array, for arrays of any library; see `namespace`."""
BackwardRule = Callable[..., Operand]
"""(gradient, output, *inputs, **settings) -> the gradient of one input, written in gates."""

NativeRule = Callable[..., Any]
"""(instruction writer, *input values) -> output value, for one element of an elementwise gate."""

CompositionRule = Callable[..., Operand]
"""(*inputs, **settings) -> the output, written in other gates."""


@dataclass(frozen=True, eq=False)
class Gate:
    """One operation: its shape rule, value rule, backward rules and cost.

    `backward` has one rule for each input, or None if no gradient flows to it; a gate with any
    number of inputs has a function from the position of an input to its rule. `slopes` are the
    local derivatives in words, for inputs x, y, z (or condition, x, y).

    The native engine computes a gate in one of three ways. `native` writes the instructions for one
    element of an elementwise gate. A lowering (`talweg.engine.native.lowering`) turns a gate that
    moves, reduces or contracts elements into loops. Without either, `composition` computes the same
    from other gates.

    >>> from talweg import gates
    >>> gates.multiply(np.array([2.0, 3.0]), np.array([5.0, 7.0]))
    array([10., 21.])
    """

    name: str
    kind: Kind
    formula: str
    shape: ShapeRule
    value: ValueRule
    backward: tuple[BackwardRule | None, ...] | Callable[[int], BackwardRule]
    slopes: tuple[str, ...]
    cost: Callable[..., Cost]
    native: NativeRule | None = None
    composition: CompositionRule | None = None

    def __call__(self, *inputs: Operand, **settings: Any) -> Operand:
        for operand in inputs:
            if hasattr(operand, "record_gate"):
                return operand.record_gate(self, inputs, settings)
        with np.errstate(all="ignore"):
            return self.on_numpy(*_arrays(inputs), **settings)

    @cached_property
    def on_numpy(self) -> ValueRule:
        """The value rule for NumPy arrays."""
        return self.value.numpy if isinstance(self.value, Portable) else self.value

    @property
    def is_elementwise(self) -> bool:
        """Whether each element of the output depends on one element of each input only."""
        return self.kind == "elementwise"

    def backward_rule(self, position: int) -> BackwardRule | None:
        """The rule for the gradient of the input at `position`; None if no gradient flows."""
        return self.backward(position) if callable(self.backward) else self.backward[position]

    def slope(self, position: int, names: Sequence[str]) -> str:
        """The local derivative by the input at `position`, in words, with the given input names."""
        if not self.slopes:
            return ""
        words = self.slopes[min(position, len(self.slopes) - 1)]
        has_condition = any("condition" in slope for slope in self.slopes)
        letters = ("condition", "x", "y") if has_condition else ("x", "y", "z")
        named = dict(zip(letters, names, strict=False))
        return re.sub(
            r"\b(condition|x|y|z)\b", lambda letter: named.get(letter[0], letter[0]), words
        )

    def __reduce__(self) -> Any:
        """Pickle one of talweg's gates as its name, and any other gate as its rules."""
        return (_shipped, (self.name,)) if GATES.get(self.name) is self else super().__reduce__()

    def __repr__(self) -> str:
        return f"<gate {self.name}: {self.formula}>"


GATES: dict[str, Gate] = {}
"""Talweg's own gates, by name; `gates/__init__.py` fills it."""


def _shipped(name: str) -> Gate:
    """The gate with that name, for unpickling."""
    if name not in GATES:
        raise GraphError(f"this version of talweg has no gate {name!r}. {nearest(name, GATES)}")
    return GATES[name]


def is_weak(operand: Operand) -> bool:
    """Whether an operand takes the dtype of the others: a Python number or a scalar array."""
    dtype = getattr(operand, "dtype", None)
    return dtype is None or (operand.ndim == 0 and dtype.kind in "fiu")


def common_float(operands: Iterable[Operand]) -> np.dtype[Any] | None:
    """The float dtype in which a gate computes: that of the first array, else the widest."""
    floats = [x for x in operands if getattr(x, "dtype", BOOL).kind == "f"]
    dtypes: list[np.dtype[Any]] = [x.dtype for x in floats]
    if dtypes and dtypes[0].isnative and all(dtype == dtypes[0] for dtype in dtypes):
        return dtypes[0]  # the usual case, and the fastest
    arrays = [x for x in floats if not is_weak(x)]
    tensors = [x for x in floats if hasattr(x, "record_gate")]
    decisive = arrays[:1] or tensors or floats
    return np.dtype(np.result_type(*(x.dtype for x in decisive))) if decisive else None


def _arrays(inputs: Sequence[Operand]) -> list[Array]:
    """Inputs as arrays; a number takes the dtype of the arrays beside it."""
    common = common_float(inputs)
    return [
        np.asarray(x, dtype=common if is_weak(x) and not isinstance(x, bool) else None)
        for x in inputs
    ]


def traffic(inputs: tuple[Spec, ...], output: Spec) -> int:
    """The bytes that a gate reads and writes without fusion."""
    return sum(spec.nbytes for spec in inputs) + output.nbytes


def cost_per_element(operations: int) -> Callable[..., Cost]:
    """A cost of `operations` for each element of the gate's largest array."""
    return partial(_cost_per_element, operations)


def _cost_per_element(operations: int, *inputs: Spec, output: Spec, **_: Any) -> Cost:
    largest = max(output.size, *(spec.size for spec in inputs))
    return Cost(operations * largest, traffic(inputs, output))


def broadcast_shape(name: str, *inputs: Spec) -> Shape:
    """The shape to which NumPy broadcasts the inputs of the gate `name`."""
    first = inputs[0].shape
    if all(spec.shape == first for spec in inputs):
        return first
    try:
        return np.broadcast_shapes(*(spec.shape for spec in inputs))
    except ValueError:
        shapes = " and ".join(str(spec.shape) for spec in inputs)
        raise ShapeError(
            f"{name}: shapes {shapes} do not broadcast; "
            "axes are matched from the last, and each pair must be equal or hold a 1"
        ) from None


def same_dtype(name: str, *inputs: Spec) -> np.dtype[Any]:
    """The dtype that all inputs share; DtypeError if they differ."""
    first = inputs[0].dtype
    if all(spec.dtype == first for spec in inputs):
        return first
    given = " and ".join(str(spec.dtype) for spec in inputs)
    raise DtypeError(f"{name}: dtypes {given} are mixed; convert one with tw.cast(x, dtype)")


def float_dtype(name: str, *inputs: Spec) -> np.dtype[Any]:
    """The float dtype that all inputs share; DtypeError for other dtypes."""
    dtype = same_dtype(name, *inputs)
    if dtype.kind != "f":
        raise DtypeError(
            f"{name}: needs floats, but {dtype} was given; convert it with tw.cast(x, 'float32')"
        )
    return dtype
