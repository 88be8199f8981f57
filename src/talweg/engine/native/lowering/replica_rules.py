"""Replica rules that several gates share; every array has the replicas along its last axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from talweg.gates import Gate
from talweg.graph import Tensor

Settings = Mapping[str, Any]


def unchanged(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    """The gate as it is: its settings count axes from the front, or it has none."""
    result: Tensor = gate(*inputs, **settings)
    return result


def with_shape(gate: Gate, inputs: Sequence[Tensor], settings: Settings) -> Tensor:
    """The gate with the replicas' axis at the end of its `shape`."""
    (x,) = inputs
    result: Tensor = gate(x, shape=(*settings["shape"], x.shape[-1]))
    return result
