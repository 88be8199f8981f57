"""Random graphs: recipes that hypothesis draws, and how to record and run them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings, strategies as st

import talweg as tw
from talweg import gates
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import Graph, Tensor, gradients

SMOOTH: list[Callable[..., Any]] = [
    lambda a: tw.sin(a),
    lambda a: tw.tanh(a) * 1.0,
    lambda a: tw.sigmoid(-a),
    lambda a: tw.softplus(a) + 0.0,
    lambda a: tw.exp(tw.tanh(a)),
    lambda a: tw.erf(a) - 0.5,
    lambda a: tw.log1p(a * a),
    lambda a: tw.sqrt(1.0 + a * a),
    lambda a: gates.identity(a) / 1.0,
    lambda a: a.sum(axis=-1, keepdims=True) if a.ndim else a,
    lambda a: a.mean() * 2.0,
    lambda a: a.reshape(-1),
    lambda a: a.T,
    lambda a: a.T.T,
    lambda a: a[..., ::-1] if a.ndim else a,
    lambda a: a[0] if a.ndim else a[None],
    lambda a: gates.broadcast_to(a, shape=(2, *a.shape)) * 0.5 if a.ndim < 3 else a,
    lambda a: tw.softmax(a.reshape(-1)),
    lambda a: tw.cumulative_sum(a, axis=0, reverse=True) if a.ndim else a,
    lambda a: gates.take(a.reshape(-1, 1), np.arange(a.size)[::-1] // 2),
    lambda a: gates.segment_sum(a.reshape(-1, 1), np.arange(a.size) % 2, size=2),
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: tw.tanh(a) * b,
    lambda a, b: a / (2.0 + b * b),
    lambda a, b: (1.5 + tw.tanh(a)) ** tw.tanh(b),
    lambda a, b: tw.concatenate([a.reshape(-1), b.reshape(-1)]),
    lambda a, b: a.reshape(-1, 1) @ b.reshape(1, -1) if a.size * b.size < 50 else a,
    lambda a, b: tw.where(np.array(True), a, a + b.sum()),
]


KINKED: list[Callable[..., Any]] = [
    lambda a: tw.relu(a),
    lambda a: abs(a),
    lambda a: tw.sign(a) + a,
    lambda a: a.max(axis=0) if a.ndim else a,
    lambda a: tw.cast(tw.cast(a, dtype="float64"), dtype=a.dtype),
    lambda a: tw.stop_gradient(a) * a,
    lambda a, b: tw.maximum(a, b),
    lambda a, b: tw.minimum(b, a),
    lambda a, b: tw.where(a > b, a, b),
]


SHAPES = [(), (1,), (3,), (2, 1), (1, 3), (2, 2), (2, 3), (3, 2, 2)]


@dataclass(frozen=True)
class Recipe:
    """How to build a graph: the inputs' shapes, then steps, each a function of earlier nodes."""

    shapes: list[tuple[int, ...]]
    dtype: str
    steps: list[tuple[Callable[..., Any], list[int]]]

    def arrays(self, seed: int) -> list[np.ndarray]:
        random = np.random.default_rng(seed)
        return [random.uniform(-2, 2, shape).astype(self.dtype) for shape in self.shapes]

    def __call__(self, *inputs: Tensor) -> Tensor:
        nodes = list(inputs)
        for step, places in self.steps:
            operands = [nodes[place % len(nodes)] for place in places]
            try:
                nodes.append(step(*operands))
            except tw.ShapeError:  # these two do not broadcast
                nodes.append(step(*(each.mean() for each in operands)))
        return nodes[-1]


def takes_two(step: Callable[..., Any]) -> bool:
    return step.__code__.co_argcount == 2


def recipes(pool: list[Callable[..., Any]], most: int) -> st.SearchStrategy[Recipe]:
    place = st.integers(0, 20)
    step = st.sampled_from(pool).flatmap(
        lambda each: st.tuples(
            st.just(each),
            st.lists(place, min_size=1 + takes_two(each), max_size=1 + takes_two(each)),
        )
    )
    return st.builds(
        Recipe,
        st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3),
        st.sampled_from(["float32", "float64"]),
        st.lists(step, min_size=1, max_size=most),
    )


def bounded(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def value_and_slopes(recipe: Recipe) -> Any:
    def both(*inputs: Tensor) -> dict[str, Tensor]:
        output = recipe(*inputs)
        slopes = gradients((output * output).mean(), inputs)
        return {"output": output} | {f"slope {i}": each for i, each in enumerate(slopes)}

    return both


def run(graph: Graph, arrays: list[np.ndarray]) -> dict[str, Any]:
    return Interpreter(graph)(**dict(zip(graph.inputs, arrays, strict=True)))
