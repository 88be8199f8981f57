"""A graph as a compiled function of arrays, for any number of rows: what predictions run on."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.native import contract, control as c
from talweg.engine.native.build import new_module, plan_for, routines
from talweg.engine.native.compiler import Compiled, compiled, host
from talweg.engine.native.ir import Module, number
from talweg.engine.native.memory import zeros
from talweg.engine.native.outline import outline, outline_of
from talweg.engine.native.plan import Plan
from talweg.engine.native.stage import write_stage
from talweg.engine.native.view import Kind
from talweg.errors import EngineError
from talweg.gates import Array, Spec
from talweg.graph import Graph

BLOCK = 240
"""Rows that go through a stage together."""


class CompiledGraph:
    """Runs a graph on arrays, as `Interpreter` does, but in native code and on one thread.

    Made from a graph, it takes arrays of the recorded shapes; with `record`, which gives the
    graph for a number of rows, arrays of any number of rows.
    """

    _borrows = True

    def __init__(
        self, graph: Graph, record: Callable[[int], Graph] | None = None, rows: int = 1
    ) -> None:
        module = new_module(host(), borrows=self._borrows)
        made = outline(graph, record, rows) if record else outline_of(graph)
        if record is not None and made.rows is not None:
            raise EngineError("the graph holds for one number of rows, and no other")
        self.outline = made
        self.plan = plan_for(made, module, c.FIRST_BUFFER, rows)
        self.text = _written(module, self.plan)
        self._routines = [routines(each, host()) for each in sorted(module.borrowed or ())]
        self._code = self._compiled()
        address = self._code.addresses["call"]
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)
        self.lock = Lock()
        self._room = 0

    def _compiled(self) -> Compiled:
        return compiled(self.text, ["call"], self._routines)

    def __call__(self, **arrays: Any) -> dict[str, Array]:
        """The outputs by name, for inputs by name."""
        given = {name: np.asarray(each, order="C") for name, each in arrays.items()}
        rows = self._rows(given)
        with self.lock:
            self._lay_out(rows)
            for name, buffer in self.plan.inputs.items():
                self._table[buffer.place] = given[name].ctypes.data
            found = {}
            for name, node in self.outline.outputs.items():
                shape = tuple(each.of(rows) for each in node.shape)
                found[name] = np.empty(shape, node.dtype)
                self._table[self.plan.outputs[name].place] = found[name].ctypes.data
            self._call(self._table.ctypes.data, rows)
        return found

    def bound(
        self, inputs: Mapping[str, Array], outputs: Mapping[str, Array], rows: int
    ) -> Callable[[], None]:
        """A call on these very arrays, which are read and written where they are."""
        self._lay_out(rows)
        for name, array in inputs.items():
            self._table[self.plan.inputs[name].place] = self._address(array)
        for name, array in outputs.items():
            self._table[self.plan.outputs[name].place] = self._address(array)
        return partial(self._call, self._table.ctypes.data, rows)

    def _rows(self, given: Mapping[str, Array]) -> int:
        """How many rows the inputs have; EngineError where they are not as recorded."""
        if set(given) != set(self.outline.inputs):
            expected = ", ".join(self.outline.inputs)
            raise EngineError(f"the graph's inputs are {expected}, but {', '.join(given)} came")
        rows = 1
        for name, node in self.outline.inputs.items():
            for size, found in zip(node.shape, given[name].shape, strict=False):
                if size.power == 1:
                    rows = found // size.factor
        for name, node in self.outline.inputs.items():
            wanted = Spec(tuple(each.of(rows) for each in node.shape), node.dtype)
            found_spec = Spec(given[name].shape, given[name].dtype)
            if found_spec != wanted:
                raise EngineError(f"input {name!r} was recorded as {wanted}, but is {found_spec}")
        return rows

    def _lay_out(self, rows: int) -> None:
        if rows <= self._room:
            return
        self._room = rows
        table = np.zeros(c.FIRST_BUFFER + len(self.plan.buffers), np.uintp)
        self._kept: list[npt.NDArray[Any]] = []
        kinds: list[tuple[Kind, int]] = [("shared", rows), ("block", min(rows, BLOCK))]
        for kind, count in kinds:
            offsets, total = self.plan.layout(kind, count)
            arena = self._address(zeros(total))
            for buffer, offset in offsets.items():
                table[buffer.place] = arena + offset
        for buffer in self.plan.buffers:
            if buffer.kind == "constant":
                table[buffer.place] = self._address(buffer.array)
            if buffer.kind == "private":
                table[buffer.place] = self._address(zeros(buffer.nbytes(rows) + 64))
        scratch = max(map(contract.scratch_bytes, ("float", "double")))
        table[c.SCRATCH] = self._address(zeros(scratch))
        table[c.GUARD] = self._address(zeros(64))
        table[c.CONTROL] = self._address(zeros(c.WORDS * 8))
        self._table = table

    def _address(self, array: Any) -> int:
        self._kept.append(array)
        return int(array.ctypes.data)


def _written(module: Module, plan: Plan) -> str:
    """`void call(ptr table, i64 rows)`: all stages, on one thread."""
    names = {stage: write_stage(module, plan, stage, "stage") for stage in plan.stages}
    f = module.function("call", [("ptr", "table"), ("i64", "rows")], public=True)
    table, rows = f.parameters
    zero, one = number(0, "i64"), number(1, "i64")
    for stage, name in names.items():
        if stage % 2:
            with f.loop(0, rows, BLOCK) as loop:
                high = f.index(f.least(f.plus(loop.index, BLOCK), rows))
                f.call(name, "void", table, rows, loop.index, high, zero, one)
        else:
            f.call(name, "void", table, rows, zero, zero, zero, one)
    f.give()
    return str(module)
