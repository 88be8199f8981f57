"""The tensor: a node with Python's operators and the methods that NumPy users look for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.errors import ShapeError
from talweg.gates import Spec
from talweg.graph import functions
from talweg.graph.backpropagation import set_gradients
from talweg.graph.node import Node, copied, no_numbers, spec_of

Function = Callable[..., Any]
"""A function of tensors, written with gates and operators."""


class Tensor(Node):
    """A node of a graph, made by `tw.tensor(...)` or by a gate.

    Operators and functions on tensors compute at once and record how. `backward` then gives the
    gradient of the result with respect to every node that it depends on.

    >>> x, y, z = tw.tensor(-2.0, name="x"), tw.tensor(5.0, name="y"), tw.tensor(-4.0, name="z")
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.item(), x.grad.item(), y.grad.item(), z.grad.item()
    (-12.0, -4.0, -4.0, 3.0)
    """

    __slots__ = ()

    def backward(self, gradient: Any = None) -> None:
        """Backpropagate: set `.grad` of every node that this one depends on.

        `grad` is d(this)/d(node), an array of the node's shape; a second call replaces it.
        `gradient` is the gradient that arrives at this node: by default 1 for a single number, and
        required for a node with several elements.
        """
        set_gradients(self, None if gradient is None else constant(gradient, dtype=self.dtype))

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

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise ShapeError("a tensor of one number cannot be iterated over; use .item()")
        return (self[i] for i in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError("a tensor of one number has no length")
        return self.shape[0]

    # Methods of NumPy's arrays ------------------------------------------------------------

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The axes in reversed order."""
        return self.transpose()

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; reversed if none is given."""
        order = axes or tuple(reversed(range(self.ndim)))
        return _tensor(gates.transpose(self, axes=tuple(int(a) % max(self.ndim, 1) for a in order)))

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same elements in another shape; one size may be -1."""
        return _tensor(functions.reshape(self, *shape))

    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The sum over `axis`, or over all elements."""
        return _tensor(functions.sum(self, axis=axis, keepdims=keepdims))

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The mean over `axis`, or over all elements."""
        return _tensor(functions.mean(self, axis=axis, keepdims=keepdims))

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The largest element along `axis`, or of all elements."""
        return _tensor(functions.max(self, axis=axis, keepdims=keepdims))


def _tensor(value: Any) -> Tensor:
    assert isinstance(value, Tensor)
    return value


# Leaves -------------------------------------------------------------------------------------


def tensor(value: Any, *, name: str | None = None, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A variable: a leaf to compute with and to differentiate with respect to.

    The numbers are copied. Integers become float64 unless `dtype` is given, since only floats have
    gradients.

    >>> tensor([1, 2], name="w")
    tensor(w = [1. 2.], float64)
    """
    array = copied(value, dtype)
    if dtype is None and array.dtype.kind in "iu":
        array = array.astype(np.float64)
    return Tensor(array, name=name)


def constant(value: Any, *, dtype: npt.DTypeLike | None = None, name: str | None = None) -> Tensor:
    """A leaf that never varies and so needs no gradient. The numbers are copied."""
    return Tensor(copied(value, dtype), name=name, varies=False)


def run_input(example: Any, name: str) -> Tensor:
    """An input of a recorded graph, with the shape and dtype of the example array or spec."""
    spec = example if isinstance(example, Spec) else spec_of(copied(example))
    return Tensor(no_numbers(spec), name=name, recorded=True)
