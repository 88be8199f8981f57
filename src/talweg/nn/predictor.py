"""Prediction in native code: a network's forward pass, compiled once and kept with the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from talweg import gates
from talweg.engine.registry import predicting_engine
from talweg.engine.run.engine import AnyRows, Engine
from talweg.errors import EngineError
from talweg.gates import Array, Spec
from talweg.graph import Graph, Tensor, recorded, run_input, simplify
from talweg.lazy import cached_property
from talweg.pool import Pool

if TYPE_CHECKING:
    from talweg.nn.module import Module

FEW = 16
"""Rows from which another program, which lays weights out for many rows, is worth its compiling."""


def predictor(net: Module, *, few: bool) -> Predictor | None:
    """The compiled forward pass of a network, if it and its gates can be compiled: at first for
    a few rows, or for many.
    """
    engine = predicting_engine()
    if net.whole is not net or engine is None:
        return None
    try:
        return Predictor(net, engine, few=few)
    except EngineError:
        return None


class Predictor:
    """The compiled forward pass of a network, for few rows and for many.

    >>> net = tw.Sequential(tw.Dense(1, init="ones")).init([[1.0, 2.0]])
    >>> predictor(net, few=True)(np.array([[3.0, 4.0]], np.float32))
    array([[7.]], dtype=float32)
    """

    def __init__(self, net: Module, engine: Engine, *, few: bool) -> None:
        self._engine = engine
        self._owner = net.weights  # so that no other takes its place in memory
        self._weights = net.weights.flat
        self._record = _recorder(net)
        self._row, self._dtype = (1, *net.row_shape), np.dtype(net.dtype)
        _ = self.single if few else self.many  # what cannot be compiled is told now

    @cached_property
    def single(self) -> _Single:
        """For one row; compiled when first asked for."""
        graph = recorded(self._record, 1)
        output = graph.graph.outputs["output"].spec
        x = Spec(self._row, self._dtype)
        return _Single(self._engine.function_of_rows(graph), self._weights, x, output)

    @cached_property
    def many(self) -> AnyRows:
        """For more rows; compiled when first asked for."""
        return self._engine.function_of_rows(recorded(self._record, FEW))

    def __call__(self, x: Array) -> Array:
        """The outputs for rows that are as the network wants them."""
        if self.takes_row(x):
            return self.single(x)
        return self.many(x=x, weights=self._weights)["output"]

    def takes_row(self, x: Any) -> bool:
        """Whether x is a single row of the shape and dtype that the network wants."""
        return type(x) is np.ndarray and x.shape == self._row and x.dtype == self._dtype


def in_batches(forward: Callable[[Array], Array], rows: Array, size: int) -> Array:
    """What is said of rows (N, ...), so many of them at a time."""
    if len(rows) <= size:
        return forward(rows)
    return np.concatenate([forward(rows[i : i + size]) for i in range(0, len(rows), size)])


def predict_by(
    net: Module, weights: Array, rows: Array, *, compiles: bool, batch_size: int = 4096
) -> Array:
    """What a network would say of rows (N, ...) with the flat weights (W,).

    Its own are neither used nor changed, so that threads may share it. To be compiled pays where
    it is asked often, or of many rows.
    """
    native = net.native_forward(rows) if compiles else None
    if native is None:
        named = net.weights.views_of(weights)
        return in_batches(lambda x: np.array(net.apply(named, x).value), rows, batch_size)
    compiled = native.many
    return in_batches(lambda x: compiled(x=x, weights=weights)["output"], rows, batch_size)


class _Single:
    """One row, through memory that stays where it is; each thread has its own."""

    def __init__(self, graph: AnyRows, weights: Array, x: Spec, output: Spec) -> None:
        self._graph, self._weights, self._ends = graph, weights, (x, output)
        self._places = Pool(self._place)

    def _place(self) -> tuple[Array, Array, Callable[[], None]]:
        """A row, its output, and what computes it."""
        x, output = (np.empty(end.shape, end.dtype) for end in self._ends)
        given = {"x": x, "weights": self._weights}
        return x, output, self._graph.bound(given, {"output": output}, rows=1)

    def __call__(self, row: Array) -> Array:
        place = self._places.take()
        x, output, run = place
        x[...] = row
        run()
        said = output.copy()
        self._places.give_back(place)
        return said


def _recorder(net: Module) -> Callable[[int], Graph]:
    """The graph of predictions for so many rows; its inputs are the flat weights and x."""
    weights, row_shape, dtype = net.weights, net.row_shape, np.dtype(net.dtype)

    def record(rows: int) -> Graph:
        flat = run_input(Spec(weights.flat.shape, weights.flat.dtype), "weights")
        x = run_input(Spec((rows, *row_shape), dtype), "x")
        output = net.apply(views(net, flat), x)
        if not isinstance(output, Tensor) or not output.recorded:
            raise EngineError("the network's output does not depend on its input")
        return simplify(Graph({"weights": flat, "x": x}, {"output": output}))

    return record


def views(net: Module, flat: Tensor) -> dict[str, Tensor]:
    """Each parameter as a slice of the flat vector, reshaped."""
    found, start = {}, 0
    for name, array in net.weights.items():
        piece = gates.take_slice(flat, ranges=((start, start + array.size, 1),))
        found[name] = gates.reshape(piece, shape=array.shape).named(name)
        start += array.size
    return found
