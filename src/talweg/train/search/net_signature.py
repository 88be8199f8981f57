"""Which networks of a sweep compute the same, by their modules and settings, or by recording them,
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
from talweg.nn.module import STATE_OF_USE

Modules = Sequence[tuple[str, Module]]
_SIMPLE = {type(None), bool, int, float, str, Gate}


def likeness(modules: Modules) -> Any:
    """A key of a network, from its `named_modules`: equal for networks that compute the same and
    draw the same starting weights. None if only a recording can decide, as with a module or a
    function that is not part of talweg.
    """
    paths = {id(module): path for path, module in modules}
    try:
        return tuple(_module_key(path, module, paths) for path, module in modules)
    except _UnknownError:
        return None


class _UnknownError(Exception):
    """Something that may compute anything."""


def _module_key(path: str, module: Module, paths: Mapping[int, str]) -> Any:
    _refuse_unknown(module)
    settings = {name: value for name, value in vars(module).items() if name not in STATE_OF_USE}
    return path, type(module), _key(settings, paths)


def _refuse_unknown(thing: Any) -> None:
    """Only what talweg itself defines is known."""
    if not (getattr(thing, "__module__", None) or "").startswith("talweg."):
        raise _UnknownError


def _key(value: Any, paths: Mapping[int, str]) -> Any:
    """A setting of a module as something that can be compared."""
    if type(value) in _SIMPLE:
        return type(value), value
    if isinstance(value, Module) and id(value) in paths:
        return Module, paths[id(value)]
    if isinstance(value, (list, tuple)):
        return type(value), *(_key(item, paths) for item in value)
    if isinstance(value, dict):
        return dict, *((name, _key(item, paths)) for name, item in value.items())
    if isinstance(value, np.ndarray):
        return id(value), value.dtype.str, value.tobytes()  # the same array, still unchanged
    return _key_of_record(value, paths)


def _key_of_record(value: Any, paths: Mapping[int, str]) -> Any:
    """A record of settings, such as an initializer, or a function that always computes the same."""
    _refuse_unknown(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), _key(vars(value), paths)
    if getattr(value, "__closure__", True) is not None:
        raise _UnknownError
    return value


# By recording ------------------------------------------------------------------------------------


def forward_signature(net: Module, x: Any) -> tuple[Any, ...]:
    """What a network computes of one row: its prediction, and all that it does in training."""
    weights = {name: run_input(values, name) for name, values in net.weights.items()}
    row, key = run_input(x[:1], "x"), run_input(np.zeros(()), "key")
    training = TrainingStep(key, run_input(np.ones(1, net.dtype), "row_weights"))
    outputs = {"prediction": net.apply(weights, row)}
    outputs["in training"] = net.apply(weights, row, training=training)
    outputs |= {f"penalty {i}": penalty for i, penalty in enumerate(training.penalties)}
    outputs |= {f"limit {n}": limit(weights[n]) for n, limit in training.limits.items()}
    outputs |= {f"assigned {name}": value for name, value in training.assigned.items()}
    inputs = {**weights, "x": row, "key": key, "row_weights": training.row_weights}
    return graph_signature(Graph(inputs, outputs))


def graph_signature(graph: Graph) -> tuple[Any, ...]:
    """A graph as plain values: equal for graphs that compute the same, constants included."""
    indices = {node.number: index for index, node in enumerate(graph.nodes)}
    ends = [(name, indices[node.number]) for name, node in graph.inputs.items()]
    ends += [(name, indices[node.number]) for name, node in graph.outputs.items()]
    return (*ends, *(_node_signature(node, indices) for node in graph.nodes))


def _node_signature(node: Tensor, indices: Mapping[int, int]) -> tuple[Any, ...]:
    inputs = [indices[source.number] for source in node.inputs]
    is_constant = node.gate is None and not node.recorded
    digest = hashlib.sha256(node.array.tobytes()).digest() if is_constant else None
    settings = repr(node.settings)
    return (id(node.gate), settings, *inputs, node.shape, node.dtype.str, node.layer, digest)
