"""One region of a plan as a function: its kernels one after another, on this thread's share."""

from __future__ import annotations

from collections.abc import Mapping

from talweg.engine.native.control_block import CONTROL
from talweg.engine.native.emit.barrier import write_barrier
from talweg.engine.native.emit.frame import PARAMETERS, Frame
from talweg.engine.native.emit.nest import write_nest
from talweg.engine.native.emit.own_kernel import OwnKernel
from talweg.engine.native.emit.product import write_pack, write_product
from talweg.engine.native.ir.kernel import Kernel, Work
from talweg.engine.native.ir.nest import Nest
from talweg.engine.native.ir.product import Pack, Product
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.plan.hazards import needs_barrier
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import ByOutputs, Region

SMALL_KERNEL = 2**10
"""A kernel of fewer operations is not optimized in a long step, of which it is a tiny part."""


def write_regions(
    module: Module, plan: Plan, name: str, tickets: Mapping[Kernel, int] | None = None
) -> dict[Region, str]:
    """Write a function for each region of a plan; returns their names."""
    return {
        region: _write_region(module, plan, region, f"{name}_{number}", tickets or {})
        for number, region in enumerate(plan.regions)
    }


def _write_region(
    module: Module, plan: Plan, region: Region, name: str, tickets: Mapping[Kernel, int]
) -> str:
    rare = module.optimizes_only_kernels and all(
        _may_be_slow(kernel) for kernel in region.kernels()
    )
    f = module.function(name, PARAMETERS, rare=rare)
    _write_body(Frame(f, tickets, plan.blocks), region)
    f.ret()
    return f.name


def _write_body(frame: Frame, region: Region) -> None:
    since_barrier: list[Work] = []
    for work in region.body:
        if isinstance(region, ByOutputs) and any(
            needs_barrier(earlier, work) for earlier in since_barrier
        ):
            write_barrier(frame.f, frame.entry(CONTROL), frame.threads)
            since_barrier = []
        since_barrier.append(work)
        _write(frame, work)


def _write(frame: Frame, work: Work) -> None:
    if isinstance(work, Region):
        _write_body(frame, work)
        return
    frame.begin()
    if isinstance(work, Nest):
        write_nest(frame, work)
    elif isinstance(work, Pack):
        write_pack(frame, work)
    elif isinstance(work, Product):
        write_product(frame, work)
    else:
        assert isinstance(work, OwnKernel)
        work.emit(frame)


def _may_be_slow(kernel: Kernel) -> bool:
    """Whether a kernel needs no optimization: its loops are short, or those of a GEMM routine."""
    size = kernel.operations()
    return isinstance(kernel, Pack) or (size.is_known and size.factor < SMALL_KERNEL)
