"""Derivatives of functions: `grad`, `value_and_grad` and `hvp`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from talweg import gates
from talweg.errors import GraphError, ShapeError
from talweg.graph.backpropagation import gradients
from talweg.graph.tensor import Function, Tensor, constant, tensor


def value_and_grad(function: Function) -> Function:
    """A function that returns the value of `function` and its gradient with respect to each
    argument.

    For arrays it returns arrays, and for tensors it returns tensors, so it can be nested to any
    order. The gradient is one array for a function of one argument, and a tuple for a function of
    several.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (array(9.), array(6.))
    """

    def value_and_gradient(*arguments: Any) -> tuple[Any, Any]:
        inputs = [_own_node(argument) for argument in arguments]
        output = _one_output(function(*inputs), function)
        slopes: list[Any] = list(gradients(output, inputs))
        value: Any = output
        if not any(isinstance(argument, Tensor) for argument in arguments):
            value, slopes = output.value, [slope.value for slope in slopes]
        return value, slopes[0] if len(slopes) == 1 else tuple(slopes)

    return value_and_gradient


def grad(function: Function) -> Function:
    """The gradient of a function: d function / d argument for each argument.

    See `value_and_grad`.

    >>> cube = lambda x: x * x * x
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (array(12.), array(12.))
    """
    both = value_and_grad(function)
    return lambda *arguments: both(*arguments)[1]


def hvp(function: Function) -> Function:
    """The Hessian-vector product H v of a function, where H is its matrix of second derivatives.

    Call it as `hvp(function)(arrays, vectors)`, each one array or a sequence of arrays; the result
    has the shape of `arrays`. Its cost is that of a few evaluations of the function for any number
    of elements, since H v is the gradient of <gradient, v>.

    >>> hvp(lambda x: (x * x * x).sum())(np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    array([6., 6.])
    """

    def product(arrays: Any, vectors: Any) -> Any:
        several = isinstance(arrays, tuple | list)
        points = list(arrays) if several else [arrays]
        directions = list(vectors) if several else [vectors]
        if len(points) != len(directions):
            raise ShapeError(
                f"hvp: {len(points)} arrays and {len(directions)} vectors were given; give "
                "one vector for each array"
            )
        if any(isinstance(direction, Tensor) for direction in directions):
            points = [x if isinstance(x, Tensor) else tensor(x) for x in points]
        result = grad(lambda *inputs: _slope_along(function, inputs, directions))(*points)
        return (result,) if several and len(points) == 1 else result

    return product


def _slope_along(function: Function, inputs: Sequence[Tensor], directions: Sequence[Any]) -> Tensor:
    """<gradient of `function`, directions>: the directional derivative."""
    output = _one_output(function(*inputs), function)
    slope = constant(np.zeros((), output.dtype))
    for gradient, direction in zip(gradients(output, inputs), directions, strict=True):
        is_node = isinstance(direction, Tensor)
        vector = direction if is_node else constant(direction, dtype=gradient.dtype)
        if vector.shape != gradient.shape:
            raise ShapeError(
                f"hvp: the vector has shape {vector.shape}, but its array has "
                f"{gradient.shape}; give both the same shape"
            )
        slope = slope + (gradient * vector).sum()
    return slope


def _own_node(argument: Any) -> Tensor:
    """A node for this argument alone, separate from other uses of the same tensor."""
    if isinstance(argument, Tensor):
        own: Tensor = gates.identity(argument)
        return own
    return tensor(argument)


def _one_output(output: Any, function: Function) -> Tensor:
    if isinstance(output, Tensor):
        return output
    name = getattr(function, "__name__", "the function")
    raise GraphError(
        f"{name} returned {type(output).__name__}, not a tensor: it must compute its result from "
        "its arguments with gates and operators"
    )
