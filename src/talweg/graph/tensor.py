"""The node of a graph: a tensor knows its gate, its inputs, its value, its name and the line of
the user's code that made it.

Using gates on tensors records the graph while the numbers are computed. Values never change
once recorded: arrays are copied on the way in and read-only on the way out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.errors import DtypeError, GraphError, ShapeError, nearest
from talweg.gates import Array, Gate, Shape, Spec
from talweg.gates.record import common_float, is_weak
from talweg.graph import functions
from talweg.graph.guards import Guards
from talweg.graph.source_line import Line, calling_line
from talweg.graph.topological_order import ancestors

_numbers = itertools.count()


def next_number() -> int:
    """A mark: every node made from now on has a number above it."""
    return next(_numbers)


class Tensor(Guards):
    """A node of the graph.

    Made by `tw.tensor(...)` or by a gate. `varies` is False for constants and what follows from
    them alone; `recorded` is True for inputs of a run and all that depends on them: their values
    change from step to step, so Python may not read them.

    >>> x, y, z = tw.tensor(-2.0, name="x"), tw.tensor(5.0, name="y"), tw.tensor(-4.0, name="z")
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.item(), x.grad.item(), y.grad.item(), z.grad.item()
    (-12.0, -4.0, -4.0, 3.0)
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
        inputs: tuple[Tensor, ...] = (),
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
        self.number = next(_numbers)
        self.layer: str | None = None
        self.is_gradient = False
        self.grad: Array | None = None

    # What it is ---------------------------------------------------------------------------

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
        return Spec(self.array.shape, self.array.dtype)

    def item(self) -> Any:
        """The one number of a tensor that holds one, as Python's."""
        return self.value.item()

    def named(self, name: str) -> Tensor:
        """The same tensor, with a name that printers, traces and errors show."""
        self.name = name
        return self

    def find(self, name: str) -> Tensor:
        """The node called `name` among those that this one was made from."""
        nodes = ancestors([self])
        found = next((node for node in nodes if node.name == name), None)
        if found is None:
            known = [node.name for node in nodes if node.name]
            raise GraphError(f"no node is called {name!r}. {nearest(name, known)}")
        return found

    def describe(self) -> str:
        """The node in words, for errors: its gate or name, shape, layer and line."""
        what = self.gate.name if self.gate else ("input" if self.varies else "constant")
        called = f" {self.name!r}" if self.name else ""
        layer = f" in layer {self.layer!r}" if self.layer else ""
        return f"{what}{called} {self.spec}{layer} ({self.line})"

    def __reduce__(self) -> Any:
        """A pickled tensor becomes a node of its own, with a new number, as do its inputs."""
        value = self.spec if self.recorded else self.array
        made = value, self.gate, self.inputs, self.settings, self.name, self.varies, self.line
        marks = {name: getattr(self, name) for name in ("layer", "is_gradient", "grad")}
        return _unpickled, made, (None, marks)

    # What it looks like -------------------------------------------------------------------

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise ShapeError("a tensor of one number cannot be walked over; use .item()")
        return (self[i] for i in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError("a tensor of one number has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        name = f"{self.name} = " if self.name else ""
        if self.recorded:
            return f"tensor({name}{self.spec}, recorded)"
        text = np.array2string(self.array, precision=6, threshold=12, edgeitems=2)
        return f"tensor({name}{text}, {self.dtype})"

    # Recording ----------------------------------------------------------------------------

    def record_gate(self, gate: Gate, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """The node that `gate` makes of `inputs`: what calling a gate on tensors does."""
        line = calling_line()
        try:
            operands = _operands(gate, inputs, line)
            spec = gate.shape(*(each.spec for each in operands), **settings)
        except (ShapeError, DtypeError) as error:
            names = ", ".join(repr(each.name) for each in inputs if getattr(each, "name", None))
            of = f" of {names}" if names else ""
            raise type(error)(f"{error}{of} ({line})") from None
        recorded = any(each.recorded for each in operands)
        return Tensor(
            _no_numbers(spec) if recorded else _value(gate, operands, settings, spec),
            gate=gate,
            inputs=operands,
            settings=settings,
            varies=any(each.varies for each in operands),
            recorded=recorded,
            line=line,
        )

    # Operators ----------------------------------------------------------------------------

    def __neg__(self) -> Tensor:
        return _tensor(gates.negative(self))

    def __abs__(self) -> Tensor:
        return _tensor(gates.absolute(self))

    def __add__(self, other: Any) -> Tensor:
        return _tensor(gates.add(self, other))

    def __radd__(self, other: Any) -> Tensor:
        return _tensor(gates.add(other, self))

    def __sub__(self, other: Any) -> Tensor:
        return _tensor(gates.subtract(self, other))

    def __rsub__(self, other: Any) -> Tensor:
        return _tensor(gates.subtract(other, self))

    def __mul__(self, other: Any) -> Tensor:
        return _tensor(gates.multiply(self, other))

    def __rmul__(self, other: Any) -> Tensor:
        return _tensor(gates.multiply(other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return _tensor(gates.divide(self, other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return _tensor(gates.divide(other, self))

    def __pow__(self, other: Any) -> Tensor:
        return _tensor(gates.power(self, other))

    def __rpow__(self, other: Any) -> Tensor:
        return _tensor(gates.power(other, self))

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return _tensor(gates.equal(self, other))

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return _tensor(gates.where(gates.equal(self, other), False, True))

    __hash__ = object.__hash__

    def __gt__(self, other: Any) -> Tensor:
        return _tensor(gates.greater(self, other))

    def __lt__(self, other: Any) -> Tensor:
        return _tensor(gates.greater(other, self))

    def __ge__(self, other: Any) -> Tensor:
        return _tensor(gates.greater_equal(self, other))

    def __le__(self, other: Any) -> Tensor:
        return _tensor(gates.greater_equal(other, self))

    def __matmul__(self, other: Any) -> Tensor:
        return _tensor(functions.matmul(self, other))

    def __rmatmul__(self, other: Any) -> Tensor:
        return _tensor(functions.matmul(other, self))

    def __getitem__(self, index: Any) -> Tensor:
        return _tensor(functions.index(self, index))

    # Methods that NumPy users look for -------------------------------------------------------

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The axes in reversed order."""
        return self.transpose()

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; reversed where none is given."""
        order = axes or tuple(reversed(range(self.ndim)))
        return _tensor(gates.transpose(self, axes=tuple(int(a) % max(self.ndim, 1) for a in order)))

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same elements in another shape; one size may be -1."""
        return _tensor(functions.reshape(self, *shape))

    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The sum over `axis`, or over everything."""
        return _tensor(functions.sum(self, axis=axis, keepdims=keepdims))

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The mean over `axis`, or over everything."""
        return _tensor(functions.mean(self, axis=axis, keepdims=keepdims))

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The largest element along `axis`, or of all."""
        return _tensor(functions.max(self, axis=axis, keepdims=keepdims))

    def backward(self, gradient: Any = None) -> None:
        """Set `.grad` of every node that this one was made from.

        `grad` is d(this)/d(node), an array of the node's shape; a second call replaces the
        first one's. `gradient` is the one that arrives here: 1 for a single number, needed
        otherwise.
        """
        from talweg.graph.backpropagation import set_gradients

        set_gradients(self, gradient)


def _tensor(value: Any) -> Tensor:
    assert isinstance(value, Tensor)
    return value


def _unpickled(
    value: Array | Spec,
    gate: Gate | None,
    inputs: tuple[Tensor, ...],
    settings: dict[str, Any],
    name: str | None,
    varies: bool,
    line: Line,
) -> Tensor:
    recorded = isinstance(value, Spec)
    return Tensor(
        _no_numbers(value) if isinstance(value, Spec) else value,
        gate=gate,
        inputs=inputs,
        settings=settings,
        name=name,
        varies=varies,
        recorded=recorded,
        line=line,
    )


# Making leaves ------------------------------------------------------------------------------


def tensor(value: Any, *, name: str | None = None, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A variable: a node of its own, to compute with and to differentiate by.

    The numbers are copied. Whole numbers become float64 unless a dtype is asked for, since a
    gradient needs room to move.

    >>> tensor([1, 2], name="w")
    tensor(w = [1. 2.], float64)
    """
    array = _copied(value, dtype)
    if dtype is None and array.dtype.kind in "iu":
        array = array.astype(np.float64)
    return Tensor(array, name=name)


def constant(value: Any, *, dtype: npt.DTypeLike | None = None, name: str | None = None) -> Tensor:
    """A node that never varies, and so needs no gradient. The numbers are copied."""
    return Tensor(_copied(value, dtype), name=name, varies=False)


def run_input(example: Any, name: str) -> Tensor:
    """An input of a graph that is recorded to be run: of the example, or its spec, only that."""
    spec = example if isinstance(example, Spec) else _spec(_copied(example))
    return Tensor(_no_numbers(spec), name=name, recorded=True)


def _spec(array: Array) -> Spec:
    return Spec(array.shape, array.dtype)


_ZERO = bytes(8)  # of the dtypes that gates have


def _no_numbers(spec: Spec) -> Array:
    """What stands for the value of a recorded node: the shape and dtype, and room for one zero."""
    if spec.dtype.itemsize > len(_ZERO):  # is told soon that it is none of them
        return np.broadcast_to(np.zeros((), spec.dtype), spec.shape)
    return np.ndarray(spec.shape, spec.dtype, _ZERO, strides=(0,) * len(spec.shape))


def _value(gate: Gate, operands: Sequence[Tensor], settings: dict[str, Any], spec: Spec) -> Array:
    with np.errstate(all="ignore"):
        value = gate.on_numpy(*(each.array for each in operands), **settings)
    array = np.asarray(value)
    if _spec(array) != spec:
        found = _spec(array)
        raise GraphError(f"gate {gate.name}: its shape rule says {spec}, its value is {found}")
    return array.view()  # read-only here, though the gate's value may be someone's own array


def _copied(value: Any, dtype: npt.DTypeLike | None = None) -> Array:
    if isinstance(value, Tensor):
        value = value.value
    try:
        array = np.array(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"cannot make a tensor of {value!r}: {error} ({calling_line()})") from None
    if array.dtype.kind not in "fiub" or array.dtype == np.float16:
        raise DtypeError(
            f"a tensor holds float32, float64, whole numbers or bools, but {array.dtype} was "
            f"given ({calling_line()}); convert the array first"
        )
    return array


# Operands -----------------------------------------------------------------------------------


def _operands(gate: Gate, inputs: tuple[Any, ...], line: Line) -> tuple[Tensor, ...]:
    """The inputs of a gate as tensors: numbers take the dtype of the arrays beside them, but for
    codes, which count.
    """
    common = None if gate.kind == "index" else common_float(inputs)
    return tuple(_operand(each, common, gate, line) for each in inputs)


def _operand(value: Any, common: np.dtype[Any] | None, gate: Gate, line: Line) -> Tensor:
    if isinstance(value, Tensor):
        if common is not None and is_weak(value) and value.dtype != common:
            return _tensor(gates.cast(value, dtype=common))
        return value
    array = _copied(value)
    if array.dtype.kind == "b":
        common = None
    if common is not None and array.ndim and array.dtype.kind == "f" and array.dtype != common:
        raise DtypeError(
            f"{gate.name}: an array of {array.dtype} meets a tensor of {common}; "
            f"convert it first: array.astype('{common}')"
        )
    return Tensor(array if common is None else array.astype(common), varies=False, line=line)


Function = Callable[..., Any]
"""A function of tensors, written with gates and operators."""
