"""From a program to machine code. Each form on the way can be printed: graph, plan and LLVM IR.

An example: a step of a dense layer w (8, 4) on a batch x (N, 8) with targets y (N, 4) at the
learning rate r, from the recorded graph to LLVM IR.

    h = x w,  g = 2 (h - y) / N,  w' = w - r (x^T g)

`ir/symbolic_graph` merges the graphs recorded for 32 and for 33 rows: h and g get the shape (N, 4),
and the last divisor becomes N. In `lowering/`, matmul is a contraction, transpose a view, and
subtract, multiply and divide are maps. `plan/row_analysis` gives h and g the row axis 0; x^T g is a
sum over the rows and has none, and neither has w'. `plan/groups` puts maps of one shape in one nest
of loops, and makes nests of both products, since they are small. `plan/planner` gives them buffers
and views: x^T is a view of x, w' is written over w, and r stays where the caller has it. `print`
shows the plan, with the inputs and the results of each kernel:

    by rows
      nest [N, 4, 8] over 2: matmul
          x w -> matmul6
      nest [N, 4]: subtract multiply divide
          matmul6 y -> divide9
    by outputs
      0: nest [8, 4, N] over 2: matmul
          x divide9 -> matmul11
      1: nest [8, 4]: multiply subtract
          r matmul11 w -> w

`plan/arenas` keeps one block of rows of matmul6 for each thread, since only the region by rows
needs it, and all rows of divide9. `emit/region` writes a function for each region, with a barrier
between the levels 0 and 1, and `emit/nest` the loops of each nest. `driver/epoch` calls them for
each batch: the first on the thread's blocks of rows, the second after a barrier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from talweg.engine.expansion import expanded
from talweg.engine.native.control_block import FIRST_BUFFER
from talweg.engine.native.driver.main import write_run
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.gemm.product import write_routines
from talweg.engine.native.emit.math.functions import FUNCTIONS
from talweg.engine.native.ir.symbolic_graph import SymbolicGraph, fixed_graph, symbolic_graph
from talweg.engine.native.llvm import compiler
from talweg.engine.native.llvm.compiler import Compiled, Target, compiled, host
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import type_of
from talweg.engine.native.lowering.table import is_native, lowering_of
from talweg.engine.native.plan.groups import SMALL_PRODUCT
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.planner import planned
from talweg.engine.native.plan.pruning import pruned
from talweg.engine.native.stopping_graph import rules_graph
from talweg.engine.run.program import Program, watched_outputs
from talweg.gates import Array
from talweg.graph import Graph, Recorded


@dataclass(frozen=True)
class Build:
    """The plans of a run and the text that they became."""

    plans: RunPlans
    text: str
    linked_types: tuple[str, ...]
    """The types whose GEMM routines are linked to the program."""


def new_module(
    target: Target, *, links_gemm: bool = True, optimizes_only_kernels: bool = False
) -> Module:
    """An empty module for a processor. With `links_gemm` its programs call GEMM routines that are
    compiled once and linked to them; without, the module contains its own.
    """
    family = ""
    if target.triple.startswith("x86_64"):
        family = "x86"
    elif target.triple.startswith(("aarch64", "arm64")):
        family = "arm"
    module = Module(
        target.vector_bytes,
        target.registers,
        family,
        FUNCTIONS,
        optimizes_only_kernels=optimizes_only_kernels,
    )
    module.linked_types = set() if links_gemm else None
    return module


@cache
def routines(type: str, target: Target) -> str:
    """The text of the GEMM routines of a type, compiled once for all programs of a processor."""
    module = new_module(target, links_gemm=False)
    write_routines(module, type)
    return str(module)


def begin_products(weights: Iterable[Array]) -> None:
    """Begin to compile the GEMM routines, if a product with one of the weights may call them.

    A row times a weight takes as many multiplications as the weight has numbers.
    """
    for array in weights:
        if array.ndim > 1 and array.size > SMALL_PRODUCT:
            compiler.compile_ahead(routines(type_of(array.dtype), host()))
            return


def build(program: Program, target: Target, *, links_gemm: bool = True) -> Build:
    """Plan a run and write it for a processor; `links_gemm` as in `new_module`."""
    plans = _plans(program, target)
    has_long_steps = plans.is_long(program.schedule.batch_size)
    module = new_module(target, links_gemm=links_gemm, optimizes_only_kernels=has_long_steps)
    write_run(module, plans)
    return Build(plans, str(module), tuple(sorted(module.linked_types or ())))


def load(build: Build) -> Compiled:
    """The machine code of a build, for this machine."""
    return compiled(build.text, ["run"], [routines(type, host()) for type in build.linked_types])


def _plans(program: Program, target: Target) -> RunPlans:
    step = symbolic(program.graphs.step)
    guards = program.graphs.replicas == 1  # a replica that diverges must not end the others
    step_plan = plan_for(step, target, FIRST_BUFFER, program.schedule.batch_size, guards=guards)
    first = FIRST_BUFFER + len(step_plan.buffers)
    unwatched_plan = evaluate_plan = rules_plan = None
    if program.graphs.watch_every > 1:
        unwatched_plan = pruned(step_plan, watched_outputs(program.step))
    if program.graphs.evaluation is not None:
        evaluate = symbolic(program.graphs.evaluation)
        evaluate_plan = plan_for(evaluate, target, first, program.schedule.evaluation_size)
        first += len(evaluate_plan.buffers)
    if program.limits.rules or program.schedule.plateaus:
        names = [*program.graphs.measures]
        names += [f"val_{name}" for name in names] if program.limits.validates else []
        rules = rules_graph(program.limits.rules, names, program.schedule.plateaus)
        rules_plan = plan_for(fixed(rules), target, first, 1)
    return RunPlans(program, step_plan, unwatched_plan, evaluate_plan, rules_plan)


def symbolic(graph: Recorded) -> SymbolicGraph:
    """A graph with all gates expanded, for any number of rows where sizes can express them."""
    return symbolic_graph(graph.map(native_graph), lowering_of)


def fixed(graph: Graph) -> SymbolicGraph:
    """A graph with all gates expanded, without rows."""
    return fixed_graph(native_graph(graph), lowering_of)


def native_graph(graph: Graph) -> Graph:
    """The graph with each gate expanded that the native engine cannot compute."""
    return expanded(graph, is_native)


def plan_for(
    graph: SymbolicGraph, target: Target, first: int, rows: int, guards: bool = True
) -> Plan:
    """The plan of a graph for a processor; `first` is the slot of its first buffer in the table."""
    return planned(graph, rows=rows, vector_bytes=target.vector_bytes, first=first, guards=guards)
