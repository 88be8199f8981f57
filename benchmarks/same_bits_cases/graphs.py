"""Graphs over every gate: values, gradients and second derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

import talweg as tw
from benchmarks.same_bits_cases.parts import Array, Parts
from talweg import gates
from talweg.engine.numpy.interpreter import Interpreter

UNARY: dict[str, Any] = {
    "identity": gates.identity,
    "negative": gates.negative,
    "exp": gates.exp,
    "expm1": gates.expm1,
    "sin": gates.sin,
    "cos": gates.cos,
    "sign": gates.sign,
    "absolute": gates.absolute,
    "tanh": gates.tanh,
    "sigmoid": gates.sigmoid,
    "softplus": gates.softplus,
    "relu": gates.relu,
    "erf": gates.erf,
    "log": lambda x: gates.log(x * x + 0.3),
    "log1p": lambda x: gates.log1p(x * x),
    "sqrt": lambda x: gates.sqrt(x * x + 0.3),
    "logsumexp": lambda x: tw.logsumexp(x),
    "softmax": lambda x: tw.softmax(x),
    "stop_gradient": lambda x: x * gates.stop_gradient(x),
    "reduce_sum": lambda x: gates.reduce_sum(x * x, axes=(1,), keepdims=True),
    "reduce_max": lambda x: gates.reduce_max(x * x, axes=(0,), keepdims=False),
    "argmax": lambda x: x * tw.cast(tw.argmax(x, axis=1), x.dtype).reshape(-1, 1),
    "reshape": lambda x: x.reshape(5, 7) * x.reshape(5, 7),
    "broadcast_to": lambda x: gates.broadcast_to(x[:, :1], shape=(7, 4)) * x[:, :4],
    "transpose": lambda x: gates.transpose(x, axes=(1, 0)) @ x,
    "take_slice": lambda x: x[::-2, 1:] * x[1:5, :4],
    "place": lambda x: gates.put_slice(x * x, shape=(9, 5), ranges=((8, 1, -1), (0, 5, 1))),
    "concatenate": lambda x: tw.concatenate([x, x * x, x[:, :2]], axis=1),
    "cast": lambda x: tw.cast(tw.cast(x, "float64") * x[:, :1].sum(), x.dtype),
    "one_hot": lambda x: x * tw.one_hot(tw.argmax(x, axis=1), 5, x.dtype),
    "uniform": lambda x: x * x * gates.uniform(7.0, shape=(7, 5), dtype=str(x.dtype), stream=1),
    "take": lambda x: tw.take(x, tw.argmax(x, axis=1)) * x,
    "segment_sum": lambda x: gates.segment_sum(x * x, tw.argmax(x, axis=1), size=6),
}
BINARY: dict[str, Any] = {
    "add": gates.add,
    "subtract": gates.subtract,
    "multiply": gates.multiply,
    "maximum": gates.maximum,
    "minimum": gates.minimum,
    "divide": lambda x, y: x / (y * y + 0.5),
    "power": lambda x, y: gates.power(x * x + 0.3, y),
    "greater": lambda x, y: gates.where(gates.greater(x, y), x * y, y),
    "greater_equal": lambda x, y: gates.where(gates.greater_equal(x, y), x, y * x),
    "equal": lambda x, y: gates.where(gates.equal(x, y), x * x, y * x),
    "matmul": lambda x, y: (x @ y.T) @ y,
    "matmul of stacks": lambda x, y: (
        tw.reshape(x, 7, 1, 5) @ tw.reshape(gates.broadcast_to(y, shape=(7, 5)), 7, 5, 1)
    ),
}


def derivatives(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The value of a function, the gradients of a weighted sum of it, and their own gradients."""

    def weighted_sum(*inputs: Any) -> Any:
        output = function(*inputs)
        factors = np.random.default_rng(0).uniform(-1, 1, output.shape)
        return (output * factors.astype(output.dtype)).sum()

    def squared_gradient(*inputs: Any) -> Any:
        squares = [(gradient * gradient).sum() for gradient in gradients(weighted_sum, inputs)]
        return sum(squares[1:], squares[0])

    return lambda *inputs: [
        function(*inputs),
        *gradients(weighted_sum, inputs),
        *gradients(squared_gradient, inputs),
    ]


def gradients(function: Callable[..., Any], inputs: Sequence[Any]) -> Sequence[Any]:
    """The gradient with respect to each input; `tw.grad` gives a single one without a tuple."""
    found = tw.grad(function)(*inputs)
    return found if isinstance(found, tuple) else (found,)


def computed(engine: str, graph: tw.graph.Graph, *arrays: Array) -> Mapping[str, Array]:
    """The outputs of a graph on an engine."""
    given = dict(zip(graph.inputs, arrays, strict=True))
    if engine == "numpy":
        return Interpreter(graph)(**given)
    from talweg.engine.native.function import CompiledGraph

    return CompiledGraph(tw.graph.simplify(graph))(**given)


def gate_parts(functions: Mapping[str, Any], *arrays: Array, engine: str, dtype: str) -> Parts:
    """Each function's value and derivatives, all of them in one graph."""
    inputs = [array.astype(dtype) for array in arrays]
    counts: dict[str, int] = {}

    def everything(*tensors: Any) -> dict[str, Any]:
        outputs: dict[str, Any] = {}
        for name, function in functions.items():
            found = derivatives(function)(*tensors)
            counts[name] = len(found)
            outputs |= {f"{name} {i}": node for i, node in enumerate(found)}
        return outputs

    named: Any = (lambda x: everything(x)) if len(arrays) == 1 else lambda x, y: everything(x, y)
    values = iter(computed(engine, tw.graph.record(named, *inputs), *inputs).values())
    return {name: list(itertools.islice(values, count)) for name, count in counts.items()}


LEFT = np.random.default_rng(3).normal(size=(7, 5))
RIGHT = np.random.default_rng(4).normal(size=(1, 5))
GATES: dict[str, Callable[..., Parts]] = {
    "gates/of one input": partial(gate_parts, UNARY, LEFT),
    "gates/of two inputs": partial(gate_parts, BINARY, LEFT, RIGHT),
}
