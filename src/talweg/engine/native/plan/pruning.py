"""A plan without some of its outputs, which runs on the same memory as the whole plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from talweg.engine.native.plan.kernel import Kernel, Nest
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.symbolic_shapes import Node
from talweg.engine.native.plan.view import Buffer


def pruned(plan: Plan, dropped: Collection[str]) -> Plan:
    """The plan without the `dropped` outputs and the kernels that only they need.

    Buffers keep their places and sizes. A dropped output that updates an input leaves it unchanged.
    """
    outputs = {name: each for name, each in plan.outputs.items() if name not in dropped}
    live = set(outputs.values())
    kernels: list[Kernel] = []
    for kernel in reversed(plan.kernels):
        kept = _pruned(kernel, live)
        if kept is not None:
            kernels.insert(0, kept)
            live |= {view.buffer for view in kept.reads()}
    return Plan(plan.graph, kernels, plan.buffers, plan.inputs, outputs)


def _pruned(kernel: Kernel, live: Collection[Buffer]) -> Kernel | None:
    """The part of a kernel that writes live buffers; None if it writes none."""
    if not any(view.buffer in live for view in kernel.writes()):
        return None
    return _pruned_nest(kernel, live) if isinstance(kernel, Nest) else kernel


def _pruned_nest(nest: Nest, live: Collection[Buffer]) -> Nest:
    stores = [(node, view) for node, view in nest.stores if view.buffer in live]
    results = {node: view for node, view in nest.results.items() if view.buffer in live}
    needed: set[Node | None] = {node for node, _ in stores}
    for node in (*results, *reversed(nest.nodes)):
        if node in needed or node in results:
            needed.update(node.inputs)
    return replace(
        nest,
        nodes=[node for node in nest.nodes if node in needed],
        reduced=nest.reduced if results else (),
        reductions=[node for node in nest.reductions if node in results],
        loads={node: view for node, view in nest.loads.items() if node in needed},
        stores=stores,
        results=results,
    )
