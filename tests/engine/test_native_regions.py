"""Regions of plans: what shares a level, and regions inside of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.engine.native.build import new_module, plan_for, symbolic
from talweg.engine.native.emit.region import write_regions
from talweg.engine.native.ir.kernel import Work
from talweg.engine.native.llvm.compiler import Target
from talweg.engine.native.plan.arenas import arenas_of
from talweg.engine.native.plan.hazards import conflict
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.pruning import pruned
from talweg.engine.native.plan.regions import ByOutputs, ByRows, Region
from talweg.graph import Graph, gradients, record, simplify
from talweg.graph.recorded import recorded

TARGET = Target("x86_64-unknown-linux-gnu", "x86-64-v3", "", vector_bytes=32, registers=16)


def function(x: Any, w: Any, v: Any) -> dict[str, Any]:
    output = tw.softmax(tw.tanh(x @ w) @ v)
    loss = (output * output).sum()
    (slope,) = gradients(loss, [w])
    return {"output": output, "loss": loss, "slope": slope, "w": w - 0.1 * slope}


def example() -> Plan:
    """A plan with regions of both kinds, for any number of rows."""

    def recording(rows: int) -> Graph:
        return simplify(record(function, np.ones((rows, 30)), np.ones((30, 20)), np.ones((20, 3))))

    return plan_for(symbolic(recorded(recording, 32)), TARGET, 0, 32)


def with_inner_region(plan: Plan) -> Plan:
    """The plan with the first two kernels of each region by rows as a region of their own."""
    regions: list[Region] = []
    for region in plan.regions:
        if isinstance(region, ByRows):
            first, second, *rest = region.body
            region = ByRows((ByRows((first, second)), *rest))
        regions.append(region)
    return replace(plan, regions=tuple(regions))


def text(plan: Plan) -> str:
    module = new_module(TARGET)
    write_regions(module, plan, "region")
    return str(module)


def pairs(level: Sequence[Work]) -> list[tuple[Work, Work]]:
    return [(one, other) for i, one in enumerate(level) for other in level[i + 1 :]]


def test_the_work_of_a_level_has_no_conflicts_and_needs_the_level_before() -> None:
    levels = [r.levels for r in example().regions if isinstance(r, ByOutputs)]
    assert max(map(len, levels)) > 1
    for region in levels:
        assert not any(conflict(*pair) for level in region for pair in pairs(level))
        for before, level in pairwise(region):
            assert all(any(conflict(one, work) for one in before) for work in level)


def test_an_inner_region_runs_the_same_code() -> None:
    plan = example()
    nested = with_inner_region(plan)
    assert nested.kernels == plan.kernels
    assert text(nested) == text(plan)


def test_an_inner_region_is_one_piece_of_work() -> None:
    plan = with_inner_region(example())
    region = next(r for r in plan.regions if isinstance(r, ByRows))
    inner, *rest = region.body
    assert isinstance(inner, Region)
    assert inner.writes() == [view for kernel in inner.kernels() for view in kernel.writes()]
    assert any(conflict(inner, work) for work in rest)
    lifetimes = arenas_of(plan.regions, set(plan.outputs.values()))["block"]
    assert lifetimes.keys() == plan.blocks
    start = sum(len(before.body) for before in plan.regions[: plan.regions.index(region)])
    for view in inner.writes():
        assert view.buffer not in lifetimes or lifetimes[view.buffer].first == start


def test_a_pruned_plan_keeps_inner_regions() -> None:
    plan = with_inner_region(example())
    kept = pruned(plan, ["slope", "loss", "w"])
    assert set(kept.outputs) == {"output"}
    assert len(kept.kernels) < len(plan.kernels)
    assert any(isinstance(work, Region) for region in kept.regions for work in region.body)


def test_an_inner_region_is_printed_inside_its_region() -> None:
    lines = str(with_inner_region(example())).splitlines()
    assert "  by rows" in lines
    assert lines[lines.index("  by rows") - 1] == "by rows"


@pytest.mark.parametrize("by_rows", [True, False])
def test_an_operation_count_has_the_highest_power_of_the_rows(by_rows: bool) -> None:
    region = next(r for r in example().regions if isinstance(r, ByRows) == by_rows)
    assert region.operations().power == max(k.operations().power for k in region.kernels())
