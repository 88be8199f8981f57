"""Which nets of a sweep compute the same: told by what they are made of, or else by recording them,
which takes ten times as long.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from talweg.gates import Gate
from talweg.graph import Graph, Tensor, run_input
from talweg.nn import Module
from talweg.nn.forward_pass import TrainingStep

_IGNORED = {
    *("_weights", "_home", "_given", "_asked", "row_shape"),
    *("_changed", "_predictor", "_predictor_of", "_looked_at"),
}
"""What a module remembers of its use, which does not change what it computes."""
Modules = Sequence[tuple[str, Module]]
_SIMPLE = {type(None), bool, int, float, str, Gate}


def likeness(modules: Modules) -> Any:
    """Of a net, by its `named_modules`: equal for nets that compute the same and start from the
    same draws; None where only a recording can tell, as with a module or a function that is not
    talweg's own.
    """
    paths = {id(module): path for path, module in modules}
    try:
        return tuple(_described(path, module, paths) for path, module in modules)
    except _UnknownError:
        return None


class _UnknownError(Exception):
    """Something that may compute anything."""


def _described(path: str, module: Module, paths: Mapping[int, str]) -> Any:
    _refuse_unknown(module)
    settings = {name: value for name, value in vars(module).items() if name not in _IGNORED}
    return path, type(module), _plain(settings, paths)


def _refuse_unknown(thing: Any) -> None:
    """Only what talweg itself defines is known."""
    if not (getattr(thing, "__module__", None) or "").startswith("talweg."):
        raise _UnknownError


def _plain(value: Any, paths: Mapping[int, str]) -> Any:
    """A setting of a module as something that can be compared."""
    if type(value) in _SIMPLE:
        return type(value), value
    if isinstance(value, Module) and id(value) in paths:
        return Module, paths[id(value)]
    if isinstance(value, (list, tuple)):
        return type(value), *(_plain(each, paths) for each in value)
    if isinstance(value, dict):
        return dict, *((name, _plain(each, paths)) for name, each in value.items())
    if isinstance(value, np.ndarray):
        return id(value), value.dtype.str, value.tobytes()  # the same array, and not changed since
    return _of_talweg(value, paths)


def _of_talweg(value: Any, paths: Mapping[int, str]) -> Any:
    """A record of settings, such as an initialiser, or a function that always does the same."""
    _refuse_unknown(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), _plain(vars(value), paths)
    if getattr(value, "__closure__", True) is not None:
        raise _UnknownError
    return value


# By recording ------------------------------------------------------------------------------------


def forward(net: Module, x: Any) -> tuple[Any, ...]:
    """The net's own computation for one row: in evaluation, and all that it does in training."""
    weights = {name: run_input(each, name) for name, each in net.weights.items()}
    row, key = run_input(x[:1], "x"), run_input(np.zeros(()), "key")
    training = TrainingStep(key, run_input(np.ones(1, net.dtype), "row_weights"))
    outputs = {"prediction": net.apply(weights, row)}
    outputs["in training"] = net.apply(weights, row, training=training)
    outputs |= {f"penalty {i}": each for i, each in enumerate(training.penalties)}
    outputs |= {f"limit {n}": limit(weights[n]) for n, limit in training.limits.items()}
    outputs |= {f"assigned {name}": each for name, each in training.assigned.items()}
    inputs = {**weights, "x": row, "key": key, "row_weights": training.row_weights}
    return signature(Graph(inputs, outputs))


def signature(graph: Graph) -> tuple[Any, ...]:
    """A graph as plain values, equal where graphs compute the same, constants included."""
    places = {node.number: place for place, node in enumerate(graph.nodes)}
    ends = [(name, places[node.number]) for name, node in graph.inputs.items()]
    ends += [(name, places[node.number]) for name, node in graph.outputs.items()]
    return (*ends, *(_node(node, places) for node in graph.nodes))


def _node(node: Tensor, places: Mapping[int, int]) -> tuple[Any, ...]:
    inputs = [places[each.number] for each in node.inputs]
    is_constant = node.gate is None and not node.recorded
    digest = hashlib.sha256(node.array.tobytes()).digest() if is_constant else None
    settings = repr(node.settings)
    return (id(node.gate), settings, *inputs, node.shape, node.dtype.str, node.layer, digest)
