"""A trace: every number of backpropagation, one row for each node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talweg.errors import GraphError, nearest
from talweg.gates import Array
from talweg.graph.backpropagation import every_gradient, local_slope
from talweg.graph.graph import is_number, number_text
from talweg.graph.node import ancestors
from talweg.graph.tensor import Tensor

_WIDEST = 22  # characters of a value that is written out
_SLOPES = 4  # the column that is cut if the table is wider than a terminal


@dataclass(frozen=True)
class Row:
    """The value of a node, its derivative by each input, and the gradient that reached it.

    The derivative by an input that never varies is None.
    """

    node: str
    gate: str
    inputs: tuple[str, ...]
    value: Array
    slopes: tuple[Array | str | None, ...]
    gradient: Array | None


@dataclass(frozen=True)
class Trace:
    """The rows of a graph, inputs first; `trace["name"]` is one row, and print gives a table."""

    rows: tuple[Row, ...]

    def __getitem__(self, node: str) -> Row:
        rows = {row.node: row for row in self.rows}
        if node not in rows:
            raise GraphError(f"no node is called {node!r}. {nearest(node, rows)}")
        return rows[node]

    def __str__(self) -> str:
        cells = [("node", "gate", "inputs", "value", "local derivatives", "gradient")]
        cells += [_cells(row) for row in self.rows]
        widths = [max(len(line[i]) for line in cells) for i in range(6)]
        widths[_SLOPES] = min(widths[_SLOPES], max(34, 79 - sum(widths) + widths[_SLOPES] - 10))
        return "\n".join(_line(line, widths) for line in cells)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    shown = [
        cell if len(cell) <= width else cell[: width - 3] + "..."
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(map(str.ljust, shown, widths)).rstrip()


def trace(output: Tensor) -> Trace:
    """Every node that `output` depends on: gate, inputs, value, local derivatives, gradient.

    A local derivative is d node / d input with all other inputs fixed; the gradient is
    d output / d node. Where the local derivative is not an array of the input's shape (a matrix
    product, a sum), the table shows its rule in words, with g for the gradient that arrives. The
    printed table shortens long arrays; `rows` has all elements. Gradients are shown only if the
    output is a single number. `trace` does not set `.grad`; `backward` does.

    >>> x, y = tw.tensor(4.0, name="x"), tw.tensor(-3.0, name="y")
    >>> print(trace((x * y).named("f")))
    node  gate      inputs  value  local derivatives  gradient
    x     variable          4                         -3
    y     variable          -3                        4
    f     multiply  x, y    -12    d/dx -3, d/dy 4    1
    """
    if not isinstance(output, Tensor):
        raise GraphError(f"trace needs a tensor, but {type(output).__name__} was given")
    is_differentiable = output.size == 1 and output.dtype.kind == "f"
    gradients = every_gradient(output) if is_differentiable else {}
    shown = [node for node in ancestors([output]) if not is_number(node)]
    names = _unique_names(shown)
    return Trace(tuple(_row(node, names, gradients.get(node.number)) for node in shown))


def _unique_names(nodes: list[Tensor]) -> dict[int, str]:
    used: set[str] = set()
    names = {}
    for i, node in enumerate(nodes):
        name = node.name or f"n{i}"
        names[node.number] = name if name not in used else f"{name}'{i}"
        used.add(names[node.number])
    return names


def _row(node: Tensor, names: dict[int, str], gradient: Array | None) -> Row:
    inputs = tuple(names.get(source.number) or number_text(source) for source in node.inputs)
    gate = node.gate.name if node.gate else ("variable" if node.varies else "constant")
    slopes = tuple(_slope(node, i, inputs) for i in range(len(node.inputs)))
    return Row(names[node.number], gate, inputs, node.value, slopes, gradient)


def _slope(node: Tensor, position: int, names: tuple[str, ...]) -> Array | str | None:
    if node.gate is None or not node.inputs[position].varies:
        return None
    slope = local_slope(node, position)
    return node.gate.slope(position, names) if slope is None else slope


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    slopes = [
        f"d/d{name} {_text(slope)}"
        for name, slope in zip(row.inputs, row.slopes, strict=True)
        if slope is not None
    ]
    gradient = "" if row.gradient is None else _text(row.gradient)
    return row.node, row.gate, ", ".join(row.inputs), _text(row.value), ", ".join(slopes), gradient


def _text(value: Array | str) -> str:
    """A few numbers written out, more as their shape and range."""
    if isinstance(value, str):
        return value
    text = _listed(value.tolist()) if value.size <= 6 else ""
    if (text and len(text) <= _WIDEST) or not value.size:
        return text or "empty"
    shape = "x".join(map(str, value.shape))
    return f"{shape} in {np.min(value):.3g}..{np.max(value):.3g}"


def _listed(value: object) -> str:
    if isinstance(value, list):
        return "[" + " ".join(map(_listed, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
