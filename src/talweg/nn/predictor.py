"""Compiled prediction: a network's forward pass, compiled once and kept with the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from talweg import gates
from talweg.errors import EngineError
from talweg.forks import importing
from talweg.gates import Array, Spec
from talweg.graph import Graph, Tensor, recorded, run_input, simplify
from talweg.lazy import cached_property
from talweg.nn.network import Network
from talweg.pool import Pool

if TYPE_CHECKING:
    from talweg.engine.run.engine import AnyRows, Engine

FEW = 16
"""From this number of rows on, a second program that arranges weights for many rows pays off."""


def predictor(net: Network, *, few: bool) -> Predictor | None:
    """The compiled forward pass, first for a few rows or for many; None if it cannot be compiled.

    A part of a network, and a network with a gate without native code, cannot.
    """
    with importing:
        from talweg.engine.registry import predicting_engine  # not with every network
    engine = predicting_engine()
    if net.network is not net or engine is None:
        return None
    try:
        return Predictor(net, engine, few=few)
    except EngineError:
        return None


class Predictor:
    """The compiled forward pass of a network: one program for single rows, and one for many.

    >>> net = tw.Sequential(tw.Dense(1, init="ones")).init([[1.0, 2.0]])
    >>> predictor(net, few=True)(np.array([[3.0, 4.0]], np.float32))
    array([[7.]], dtype=float32)
    """

    def __init__(self, net: Network, engine: Engine, *, few: bool) -> None:
        self._engine = engine
        self._owner = net.weights  # keeps its memory from being reused
        self._weights = net.weights.flat
        self._record = _recorder(net)
        self._row, self._dtype = (1, *net.row_shape), np.dtype(net.dtype)
        _ = self.single if few else self.many  # raises an EngineError now rather than later

    @cached_property
    def single(self) -> _SingleRow:
        """The program for one row, compiled on first use."""
        graph = recorded(self._record, 1)
        output = graph.graph.outputs["output"].spec
        x = Spec(self._row, self._dtype)
        return _SingleRow(self._engine.function_of_rows(graph), self._weights, x, output)

    @cached_property
    def many(self) -> AnyRows:
        """The program for more rows, compiled on first use."""
        return self._engine.function_of_rows(recorded(self._record, FEW))

    def __call__(self, x: Array) -> Array:
        """The outputs for rows of the network's shape and dtype."""
        if self.takes_row(x):
            return self.single(x)
        return self.many(x=x, weights=self._weights)["output"]

    def in_batches(self, rows: Array, size: int) -> Array:
        """The outputs for rows (N, ...), in batches of `size` unless rows are independent."""
        return in_batches(self, rows, len(rows) if self.many.has_independent_rows else size)

    def takes_row(self, x: Any) -> bool:
        """Whether x is a single row of the network's shape and dtype."""
        return type(x) is np.ndarray and x.shape == self._row and x.dtype == self._dtype


def in_batches(forward: Callable[[Array], Array], rows: Array, size: int) -> Array:
    """The outputs for rows (N, ...), computed in batches of `size` rows."""
    if len(rows) <= size:
        return forward(rows)
    return np.concatenate([forward(rows[i : i + size]) for i in range(0, len(rows), size)])


def predict_with(net: Any, weights: Array, rows: Array, *, batch_size: int = 4096) -> Array:
    """The outputs of a network for rows (N, ...) with other flat weights (W,).

    It neither uses nor changes the network's own weights, so threads may share the network.
    """
    native = net.native_forward(rows)
    if native is None:
        named = net.weights.views_of(weights)
        return in_batches(lambda x: np.array(net.apply(named, x).value), rows, batch_size)
    compiled = native.many
    size = len(rows) if compiled.has_independent_rows else batch_size
    return in_batches(lambda x: compiled(x=x, weights=weights)["output"], rows, size)


class _SingleRow:
    """Prediction for one row, in memory that is reused; each thread has its own."""

    def __init__(self, graph: AnyRows, weights: Array, x: Spec, output: Spec) -> None:
        self._graph, self._weights, self._ends = graph, weights, (x, output)
        self._pool = Pool(self._buffers)

    def _buffers(self) -> tuple[Array, Array, Callable[[], None]]:
        """A row, its output, and the function that computes it."""
        x, output = (np.empty(end.shape, end.dtype) for end in self._ends)
        given = {"x": x, "weights": self._weights}
        return x, output, self._graph.bound(given, {"output": output}, rows=1)

    def __call__(self, row: Array) -> Array:
        buffers = self._pool.take()
        x, output, run = buffers
        x[...] = row
        run()
        result = output.copy()
        self._pool.give_back(buffers)
        return result


def _recorder(net: Network) -> Callable[[int], Graph]:
    """Records the forward pass for a number of rows; its inputs are the flat weights and x."""
    weights, row_shape, dtype = net.weights, net.row_shape, np.dtype(net.dtype)

    def record(rows: int) -> Graph:
        flat = run_input(Spec(weights.flat.shape, weights.flat.dtype), "weights")
        x = run_input(Spec((rows, *row_shape), dtype), "x")
        output = net.apply(views(net, flat), x)
        if not isinstance(output, Tensor) or not output.recorded:
            raise EngineError("the network's output does not depend on its input")
        return simplify(Graph({"weights": flat, "x": x}, {"output": output}))

    return record


def views(net: Network, flat: Tensor) -> dict[str, Tensor]:
    """Each parameter as a slice of the flat vector, reshaped."""
    tensors, start = {}, 0
    for name, array in net.weights.items():
        piece = gates.take_slice(flat, ranges=((start, start + array.size, 1),))
        tensors[name] = gates.reshape(piece, shape=array.shape).named(name)
        start += array.size
    return tensors
