"""A plan without some of its outputs, which runs on the same memory as the whole plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from talweg.engine.native.ir.kernel import Work
from talweg.engine.native.ir.nest import Nest
from talweg.engine.native.ir.node import Node
from talweg.engine.native.ir.view import Buffer
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import Region


def pruned(plan: Plan, dropped: Collection[str]) -> Plan:
    """The plan without the `dropped` outputs and the kernels that only they need.

    Buffers keep their places and sizes. A dropped output that updates an input leaves it unchanged.
    """
    outputs = {name: buffer for name, buffer in plan.outputs.items() if name not in dropped}
    parts = _pruned_all(plan.regions, set(outputs.values()))
    regions = [parts[region] for region in plan.regions if region in parts]
    return replace(
        plan,
        regions=tuple(region for region in regions if isinstance(region, Region)),
        outputs=outputs,
    )


def _pruned_all(body: Sequence[Work], live: set[Buffer]) -> dict[Work, Work]:
    """The part of each piece of work that the live buffers need, from the last piece to the first.

    What a part reads becomes live. Work that is not needed is left out.
    """
    parts: dict[Work, Work] = {}
    for work in reversed(body):
        part = _pruned(work, live)
        if part is not None:
            parts[work] = part
            live |= {view.buffer for view in part.reads()}
    return parts


def _pruned(work: Work, live: set[Buffer]) -> Work | None:
    """The part of a region or a kernel that writes live buffers; None if it writes none."""
    if not any(view.buffer in live for view in work.writes()):
        return None
    if isinstance(work, Region):
        return work.replaced(_pruned_all(work.body, live))
    return _pruned_nest(work, live) if isinstance(work, Nest) else work


def _pruned_nest(nest: Nest, live: Collection[Buffer]) -> Nest:
    stores = tuple((node, view) for node, view in nest.stores if view.buffer in live)
    results = {node: view for node, view in nest.results.items() if view.buffer in live}
    needed: set[Node | None] = {node for node, _ in stores}
    for node in (*results, *reversed(nest.nodes)):
        if node in needed or node in results:
            needed.update(node.inputs)
    return replace(
        nest,
        nodes=tuple(node for node in nest.nodes if node in needed),
        reduced=nest.reduced if results else (),
        reductions=tuple(node for node in nest.reductions if node in results),
        loads={node: view for node, view in nest.loads.items() if node in needed},
        stores=stores,
        results=results,
    )
