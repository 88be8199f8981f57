"""The lowering of each gate: `LOWERINGS` has those of all files in this folder."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from talweg.engine.native.ir.node import Lowering
from talweg.engine.native.lowering.elementwise import ELEMENTWISE
from talweg.engine.run.engine import ReplicaRule
from talweg.errors import EngineError
from talweg.gates import Gate


def _shipped() -> dict[Gate, Lowering]:
    """The entries of every file in this folder, so that a new file needs no mention elsewhere."""
    entries: dict[Gate, Lowering] = {}
    folder = import_module(__package__)
    for file in iter_modules(folder.__path__, f"{__package__}."):
        if file.name != __name__:
            entries |= getattr(import_module(file.name), "LOWERINGS", {})
    return entries


LOWERINGS = _shipped()
"""Gates that do not work element by element, and elementwise ones that are special."""


def register(gate: Gate, lowering: Lowering) -> None:
    """Let the native engine compute a gate of your own by this entry.

    A gate that works element by element needs none: its `native` function is enough. The forms are
    described in `ir.node`; `examples/own_gate.py` registers a kernel.
    """
    if gate in LOWERINGS:
        raise EngineError(f"the gate {gate.name!r} already has a lowering")
    LOWERINGS[gate] = lowering


def lowering_of(gate: Gate) -> Lowering | None:
    """A gate's entry; None if the native engine cannot compute it."""
    return LOWERINGS.get(gate, ELEMENTWISE if gate.kind == "elementwise" else None)


def is_native(gate: Gate) -> bool:
    """Whether the native engine can compute a gate without its composition."""
    lowering = lowering_of(gate)
    return lowering is not None and (lowering is not ELEMENTWISE or gate.native is not None)


def replica_rule(gate: Gate) -> ReplicaRule | None:
    """How one node of a gate computes many replicas; None if replicas cannot share it."""
    lowering = lowering_of(gate)
    return lowering.replicas if lowering else None
