"""Backpropagation, graph to graph: the gradient of a graph is a graph of the same gates.

Walking from the output towards the inputs, each node hands its gradient to its gate's backward
rules, and what arrives at one node along several ways is added (the chain rule). Since the rules
are written in gates, the result can be run, printed and differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from talweg import gates
from talweg.errors import GraphError, ShapeError
from talweg.gates import Array
from talweg.graph.source_line import calling_line
from talweg.graph.tensor import Function, Tensor, constant, next_number, tensor
from talweg.graph.topological_order import ancestors, made_since


def gradients(output: Tensor, wrt: Sequence[Tensor], seed: Tensor | None = None) -> list[Tensor]:
    """d output / d each of `wrt`, as nodes; zeros where no path leads.

    `seed` is the gradient that arrives at `output`, of its shape; 1 for a single number.
    """
    adjoints = _adjoints(output, wrt, seed)
    return [_found_or_zero(adjoints.get(node.number), node) for node in wrt]


def _found_or_zero(gradient: Tensor | None, node: Tensor) -> Tensor:
    return constant(np.zeros(node.shape, node.dtype)) if gradient is None else gradient


def _adjoints(output: Tensor, wrt: Sequence[Tensor], seed: Tensor | None) -> dict[int, Tensor]:
    """The gradient of `output` at each node that lies between it and `wrt`, by node number."""
    nodes = ancestors([output])
    needed = _nodes_towards(wrt, nodes)
    adjoints = {output.number: _seed(output) if seed is None else seed}
    for node in reversed(nodes):
        gradient = adjoints.get(node.number)
        if gradient is None or node.gate is None:
            continue
        for position, source in enumerate(node.inputs):
            if source.number in needed:
                piece = _through(node, position, gradient)
                if piece is not None:
                    before = adjoints.get(source.number)
                    adjoints[source.number] = piece if before is None else _sum(before, piece)
    return adjoints


def _sum(before: Tensor, piece: Tensor) -> Tensor:
    """What arrives at one node along two ways, noted as a part of the later one's backward pass."""
    both = before + piece
    both.line, both.layer, both.is_gradient = piece.line, piece.layer, True
    return both


def _nodes_towards(wrt: Sequence[Tensor], nodes: list[Tensor]) -> set[int]:
    """The numbers of those nodes of a graph through which `wrt` reaches the output."""
    needed = {node.number for node in wrt}
    for node in nodes:
        if any(source.number in needed for source in node.inputs):
            needed.add(node.number)
    return {node.number for node in nodes if node.number in needed and node.dtype.kind == "f"}


def _through(node: Tensor, position: int, gradient: Tensor) -> Tensor | None:
    """What the gradient of a node becomes at one of its inputs: the gate's backward rule."""
    assert node.gate is not None
    rule = node.gate.backward_rule(position)
    if rule is None:
        return None
    mark = next_number()
    piece: Tensor = rule(gradient, node, *node.inputs, **node.settings)
    _check_piece(piece, node, position)
    for made in made_since([piece], mark):
        made.line, made.layer, made.is_gradient = node.line, node.layer, True
    return piece


def _check_piece(piece: Tensor, node: Tensor, position: int) -> None:
    source = node.inputs[position]
    if piece.shape != source.shape or piece.dtype != source.dtype:
        raise GraphError(
            f"gate {node.gate.name if node.gate else '?'}: its backward rule {position} gives "
            f"{piece.spec} for an input of {source.spec}; at {node.describe()}"
        )


def _seed(output: Tensor) -> Tensor:
    if output.size != 1:
        raise GraphError(
            f"a gradient starts from one number, but {output.describe()} holds {output.size}; "
            f"reduce it, for example with .sum() ({calling_line()})"
        )
    if output.dtype.kind != "f":
        raise GraphError(f"a gradient needs floats, but {output.describe()} holds {output.dtype}")
    return constant(np.ones(output.shape, output.dtype))


def set_gradients(output: Tensor, gradient: Any = None) -> None:
    """Set `.grad` of every varying node that `output` was made from (`Tensor.backward`)."""
    output.refuse_reading("backward() was called")
    arriving = None if gradient is None else constant(gradient, dtype=output.dtype)
    if arriving is not None and arriving.shape != output.shape:
        raise ShapeError(f"backward: the gradient is {arriving.spec}, the output is {output.spec}")
    found = every_gradient(output, arriving)
    for node in ancestors([output]):
        node.grad = found.get(node.number)


def every_gradient(output: Tensor, seed: Tensor | None = None) -> dict[int, Array]:
    """d output / d each varying node that it was made from, by node number."""
    nodes = [node for node in ancestors([output]) if node.varies and node.dtype.kind == "f"]
    adjoints = _adjoints(output, nodes, seed)
    return {node.number: _found_or_zero(adjoints.get(node.number), node).array for node in nodes}


def local_slope(node: Tensor, position: int) -> Array | None:
    """d node / d its input at `position`, where that is one number for each element.

    None where an element of the input reaches several of the output, or none.
    """
    source = node.inputs[position]
    if node.gate is None or node.gate.kind != "elementwise" or source.shape != node.shape:
        return None
    rule = node.gate.backward_rule(position)
    if rule is None:
        return np.zeros(node.shape)
    ones = constant(np.ones(node.shape, node.dtype))
    return as_array(rule(ones, node, *node.inputs, **node.settings))


# Functions of arrays ------------------------------------------------------------------------


def value_and_grad(function: Function) -> Function:
    """A function that gives `function`'s value and its gradient by every argument.

    On arrays it gives arrays, on tensors tensors: so it nests, to any order. The gradient is one
    array for a function of one argument, and a tuple for one of several.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (array(9.), array(6.))
    """

    def value_and_gradient(*arguments: Any) -> tuple[Any, Any]:
        inputs = [_own_node(each) for each in arguments]
        output = _one_output(function(*inputs), function)
        found: list[Any] = list(gradients(output, inputs))
        value: Any = output
        if not any(isinstance(each, Tensor) for each in arguments):
            value, found = output.value, [each.value for each in found]
        return value, found[0] if len(found) == 1 else tuple(found)

    return value_and_gradient


def grad(function: Function) -> Function:
    """The gradient of a function: d function / d each argument (see `value_and_grad`).

    >>> cube = lambda x: x * x * x
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (array(12.), array(12.))
    """
    both = value_and_grad(function)
    return lambda *arguments: both(*arguments)[1]


def hvp(function: Function) -> Function:
    """The product of a function's second derivatives (its Hessian, H) and a direction: H v.

    Called as `hvp(function)(arrays, vectors)`, each one array or a sequence of them; gives what
    has the shape of `arrays`. Costs a few passes, whatever the size: d <gradient, v>.

    >>> hvp(lambda x: (x * x * x).sum())(np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    array([6., 6.])
    """

    def product(arrays: Any, vectors: Any) -> Any:
        several = isinstance(arrays, tuple | list)
        points = list(arrays) if several else [arrays]
        directions = list(vectors) if several else [vectors]
        if len(points) != len(directions):
            raise ShapeError(f"hvp: {len(points)} arrays, but {len(directions)} vectors")
        if any(isinstance(each, Tensor) for each in directions):
            points = [each if isinstance(each, Tensor) else tensor(each) for each in points]
        result = grad(lambda *inputs: _along(function, inputs, directions))(*points)
        return (result,) if several and len(points) == 1 else result

    return product


def _along(function: Function, inputs: Sequence[Tensor], directions: Sequence[Any]) -> Tensor:
    """<gradient of `function`, directions>: the slope of the function along them."""
    output = _one_output(function(*inputs), function)
    slope = constant(np.zeros((), output.dtype))
    for gradient, direction in zip(gradients(output, inputs), directions, strict=True):
        is_node = isinstance(direction, Tensor)
        along = direction if is_node else constant(direction, dtype=gradient.dtype)
        if along.shape != gradient.shape:
            raise ShapeError(f"hvp: a vector of {along.shape} for an array of {gradient.shape}")
        slope = slope + (gradient * along).sum()
    return slope


def _own_node(argument: Any) -> Tensor:
    """A node that stands for this argument alone, apart from other uses of the same tensor."""
    if isinstance(argument, Tensor):
        own: Tensor = gates.identity(argument)
        return own
    return tensor(argument)


def _one_output(output: Any, function: Function) -> Tensor:
    if isinstance(output, Tensor):
        return output
    name = getattr(function, "__name__", "the function")
    raise GraphError(
        f"{name} gave {type(output).__name__}, not a tensor: it must compute its result from its "
        "arguments with gates and operators"
    )


def as_array(value: Any) -> Array:
    """The numbers of a tensor, or the array itself."""
    return value.value if isinstance(value, Tensor) else np.asarray(value)
