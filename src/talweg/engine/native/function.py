"""A graph compiled to a function of arrays, for any number of rows: predictions run on it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.native import control_block as c
from talweg.engine.native.build import fixed, new_module, plan_for, routines, symbolic
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.emit.region import write_regions
from talweg.engine.native.ir.node import Node
from talweg.engine.native.llvm.compiler import Compiled, compiled, host
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import number
from talweg.engine.native.plan.arenas import ArenaName, zeros
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import ByRows
from talweg.errors import EngineError
from talweg.gates import Array, Spec
from talweg.graph import Graph, Recorded
from talweg.parallel import for_each
from talweg.pool import Pool

BLOCK_ROWS = 240
"""Rows that go through a region together."""
PART = 60_000_000
"""Operations of a part that a thread takes at a time: 1 ms or more, ten starts of a thread."""
FEWEST_PARTS = 4
"""Parts that threads share: three took a fifth longer on two threads than on one while another
program had one of the two cores."""


class Workspace:
    """The memory of one call: the table of pointers, and the arrays that they point to."""

    def __init__(self) -> None:
        self.rows = 0
        self.table = np.zeros(0, np.uintp)
        self.arrays: list[npt.NDArray[Any]] = []

    def point(self, slot: int, array: npt.NDArray[Any]) -> None:
        """Let an entry of the table point to an array, and keep the array alive."""
        self.arrays.append(array)
        self.table[slot] = array.ctypes.data


class CompiledGraph:
    """Runs a graph on arrays, as `Interpreter` does, but in native code.

    A `Graph` takes arrays of the recorded shapes. A graph that is `Recorded` for any number of rows
    takes arrays of any number of rows; if they are independent, several threads share many of them.
    `_links_gemm` and `_compiled` are separate so that
    `checker.memory` can compile an instrumented graph instead.
    """

    _links_gemm = True

    def __init__(self, graph: Graph | Recorded) -> None:
        module = new_module(host(), links_gemm=self._links_gemm)
        rows = graph.rows if isinstance(graph, Recorded) else 1
        self.graph = symbolic(graph) if isinstance(graph, Recorded) else fixed(graph)
        if self.graph.fixed_rows is not None:
            raise EngineError(
                "the graph was recorded for a fixed number of rows and cannot compute another; "
                "record it with a symbolic one"
            )
        self.plan = plan_for(self.graph, host(), c.FIRST_BUFFER, rows)
        self.has_independent_rows = self.plan.has_independent_rows
        self.text = _written(module, self.plan)
        self._routines = [routines(type, host()) for type in sorted(module.linked_types or ())]
        self._code = self._compiled()
        address = self._code.addresses["call"]
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)
        self._workspaces = Pool(Workspace)

    def _compiled(self) -> Compiled:
        return compiled(self.text, ["call"], self._routines)

    def __call__(self, **arrays: Any) -> dict[str, Array]:
        """The outputs by name, from inputs by name."""
        given = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        rows = self._rows(given)
        outputs = {
            name: np.empty(tuple(size.of(rows) for size in node.shape), node.dtype)
            for name, node in self.graph.outputs.items()
        }
        parts = self._parts(rows)
        if len(parts) >= FEWEST_PARTS:
            for_each(partial(self._compute_part, given, outputs), parts)
        else:
            self._compute(given, outputs, rows)
        return outputs

    def _parts(self, rows: int) -> list[range]:
        """The rows that threads take at a time, in whole blocks."""
        if not self.has_independent_rows:
            return [range(rows)]
        operations = sum(kernel.operations().of(BLOCK_ROWS) for kernel in self.plan.kernels)
        size = -(-PART // max(1, operations)) * BLOCK_ROWS
        return [range(first, min(first + size, rows)) for first in range(0, rows, size)]

    def _compute_part(
        self, given: Mapping[str, Array], outputs: Mapping[str, Array], part: range
    ) -> None:
        """Compute some rows of the outputs."""
        inputs = {name: _rows_of(self.graph.inputs[name], x, part) for name, x in given.items()}
        results = {name: _rows_of(self.graph.outputs[name], x, part) for name, x in outputs.items()}
        self._compute(inputs, results, len(part))

    def _compute(self, given: Mapping[str, Array], outputs: Mapping[str, Array], rows: int) -> None:
        """Compute the outputs, on this thread."""
        space = self._workspaces.take()
        if space.rows < rows:
            space = self._laid_out(rows)
        for buffers, arrays in ((self.plan.inputs, given), (self.plan.outputs, outputs)):
            for name, buffer in buffers.items():
                space.table[buffer.slot] = arrays[name].ctypes.data
        self._call(space.table.ctypes.data, rows)
        self._workspaces.give_back(space)

    def bound(
        self, inputs: Mapping[str, Array], outputs: Mapping[str, Array], rows: int
    ) -> Callable[[], None]:
        """A call that reads and writes these very arrays; run one such call at a time."""
        space = self._laid_out(rows)
        for name, array in inputs.items():
            space.point(self.plan.inputs[name].slot, array)
        for name, array in outputs.items():
            space.point(self.plan.outputs[name].slot, array)
        return partial(self._run_in, space)

    def _run_in(self, space: Workspace) -> None:
        self._call(space.table.ctypes.data, space.rows)

    def _rows(self, given: Mapping[str, Array]) -> int:
        """The number of rows of the inputs. EngineError if they differ from what was recorded."""
        if set(given) != set(self.graph.inputs):
            expected = ", ".join(self.graph.inputs)
            raise EngineError(
                f"the inputs of the graph are {expected}, but the given ones are {', '.join(given)}"
            )
        rows = 1
        for name, node in self.graph.inputs.items():
            for size, length in zip(node.shape, given[name].shape, strict=False):
                if size.power == 1:
                    rows = length // size.factor
        for name, node in self.graph.inputs.items():
            expected_spec = Spec(tuple(size.of(rows) for size in node.shape), node.dtype)
            spec = Spec(given[name].shape, given[name].dtype)
            if spec != expected_spec:
                raise EngineError(f"input {name!r} was recorded as {expected_spec}, but is {spec}")
        return rows

    def _laid_out(self, rows: int) -> Workspace:
        space = Workspace()
        space.rows = rows
        space.table = np.zeros(c.FIRST_BUFFER + len(self.plan.buffers), np.uintp)
        arenas: list[tuple[ArenaName, int]] = [("shared", rows), ("block", min(rows, BLOCK_ROWS))]
        for name, count in arenas:
            offsets, total = self.plan.layout(name, count)
            arena = zeros(total)
            for buffer, offset in offsets.items():
                space.point(buffer.slot, arena[offset:])
        for buffer in self.plan.buffers:
            if buffer.kind == "constant":
                space.point(buffer.slot, buffer.array)
            if buffer.kind == "private":
                space.point(buffer.slot, zeros(buffer.nbytes(rows) + 64))
        scratch = max(map(gemm.scratch_bytes, ("float", "double")))
        space.point(c.SCRATCH, zeros(scratch))
        space.point(c.GUARD, zeros(64))
        space.point(c.CONTROL, zeros(c.WORDS * 8))
        return space


def _rows_of(node: Node, array: Array, part: range) -> Array:
    """Some rows of an array; all of an array without rows."""
    factor = node.shape[0].factor if node.is_cut_by_rows else 0
    return array[part.start * factor : part.stop * factor] if factor else array


def _written(module: Module, plan: Plan) -> str:
    """The text of `void call(ptr table, i64 rows)`: all regions, on one thread."""
    names = write_regions(module, plan, "region")
    f = module.function("call", [("ptr", "table"), ("i64", "rows")], public=True)
    table, rows = f.parameters
    zero, one = number(0, "i64"), number(1, "i64")
    for region, name in names.items():
        if isinstance(region, ByRows):
            with f.loop(0, rows, BLOCK_ROWS) as loop:
                high = f.index(f.least(f.plus(loop.index, BLOCK_ROWS), rows))
                f.call(name, "void", table, rows, loop.index, high, zero, one)
        else:
            f.call(name, "void", table, rows, zero, zero, zero, one)
    f.ret()
    return str(module)
