"""The table of a network's layers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from talweg.errors import SettingError, counted
from talweg.gates import Shape
from talweg.graph import Graph, Tensor, run_input
from talweg.graph.graph import node_cost
from talweg.nn.network import Network


class LayerRow(NamedTuple):
    """One layer of a network."""

    name: str
    kind: str
    output: Shape
    parameters: int


def layer_rows(net: Network) -> list[LayerRow]:
    """The layers that have parameters of their own, in the order of their first use."""
    graph = _recorded(net)
    outputs: dict[str, Shape] = {}
    for node in graph.nodes:
        if node.layer is not None and node.varies:
            outputs[node.layer] = node.shape[1:]
    sizes: dict[str, int] = {}
    for name, view in net.weights.items():
        layer = name.rpartition(".")[0]
        sizes[layer] = sizes.get(layer, 0) + view.size
    kinds = {path: repr(module) for path, module in net.named_modules()}
    return [
        LayerRow(layer, kinds[layer], outputs.get(layer, ()), size) for layer, size in sizes.items()
    ]


def summary(net: Network) -> str:
    """One line for each layer, then the totals."""
    rows = layer_rows(net)
    cells = [("layer", "kind", "output", "parameters")]
    cells += [(r.name or "-", r.kind, _rows_of(r.output), f"{r.parameters:,}") for r in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(4)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    flat = net.weights.flat
    parameters = f"{counted(flat.size, 'parameter')} ({flat.nbytes:,} bytes)"
    return "\n".join([*lines, f"{parameters}, {operations_per_row(net):,} operations per row"])


def operations_per_row(net: Network) -> int:
    """The number of operations of a prediction for one row."""
    return sum(node_cost(node).operations for node in _recorded(net).nodes if node.gate)


def _rows_of(shape: Shape) -> str:
    return "(" + ", ".join(["N", *map(str, shape)]) + ")"


def _recorded(net: Network) -> Graph:
    """The network's graph for one row."""
    if net.network is not net:
        raise SettingError(
            f"{net!r} is a part of a {type(net.network).__name__} and does not know its inputs; "
            "ask the network for its summary"
        )
    x = run_input(np.zeros((1, *net.row_shape), net.dtype), "x")
    output: Tensor = net.apply(net.weights, x)
    return Graph({"x": x}, {"output": output})
