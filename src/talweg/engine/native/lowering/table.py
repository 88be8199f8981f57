"""The lowering of each gate: `LOWERINGS` has those of all files in this folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talweg.engine.native.emit.accumulators import SUM, Accumulator
from talweg.engine.native.lowering.elementwise import ELEMENTWISE
from talweg.engine.native.lowering.record import (
    ContractionForm,
    Form,
    Lowering,
    ReductionForm,
    ReplicaRule,
    ViewForm,
)
from talweg.engine.native.plan.symbolic_shapes import Node
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
    described in `record`; `examples/own_gate.py` registers a kernel.
    """
    if gate in LOWERINGS:
        raise EngineError(f"the gate {gate.name!r} already has a lowering")
    LOWERINGS[gate] = lowering
    _form.cache_clear()


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


def form_of(node: Node) -> Form | None:
    """The form of a node; None for an input or a constant."""
    return _form(node.source.gate)


@cache
def _form(gate: Gate | None) -> Form | None:
    lowering = lowering_of(gate) if gate else None
    return lowering.form if lowering else None


def is_view(node: Node) -> bool:
    """Whether a node is a view of its input."""
    return isinstance(form_of(node), ViewForm)


def accumulator_of(node: Node) -> Accumulator:
    """The accumulator of a node that is reduced or contracted; a contraction sums."""
    form = form_of(node)
    if isinstance(form, ContractionForm):
        return SUM
    assert isinstance(form, ReductionForm), node
    return form.accumulator
