"""The memory of checked programs: each buffer is a piece of its own, far from the others.

Buffers have their exact sizes, without the free bytes behind them that `run_memory` and `function`
add, so a check fails for each access past the end.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from talweg.engine.native import control_block as c
from talweg.engine.native.build import build
from talweg.engine.native.checker import functions as w
from talweg.engine.native.checker.instrument import Checked, with_checks
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.function import BLOCK_ROWS, CompiledGraph, Workspace
from talweg.engine.native.ir.view import Buffer
from talweg.engine.native.llvm.compiler import Compiled, compiled, host
from talweg.engine.native.plan.arenas import ArenaName
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.runtime.launch import Prepared
from talweg.engine.native.runtime.run_memory import RunMemory
from talweg.engine.run.program import Program
from talweg.errors import EngineError
from talweg.gates import Array

GAP = 4096
"""Unused bytes on both sides of a piece."""
RUBBISH = 0xFF
"""The initial value of each byte of a buffer: floats are NaN, integers -1."""
_BEYOND = 2**63 - 1
Bytes = npt.NDArray[np.uint8]
Pointers = npt.NDArray[np.uintp]


class Piece(NamedTuple):
    """Memory that a program may read, and write if it is `writable`."""

    start: int
    size: int
    writable: bool = True
    name: str = ""

    @property
    def bounds(self) -> tuple[int, int, int]:
        """Its start, and its ends for reads and for writes."""
        end = self.start + self.size
        return self.start, end, end if self.writable else self.start

    def __str__(self) -> str:
        return (
            f"{self.name or 'an array'} ({'' if self.writable else 'read-only, '}{self.size} bytes)"
        )


class Pieces:
    """The memory of one program, which must not run twice at the same time."""

    def __init__(self, program: Checked, code: Compiled) -> None:
        self._sites, self._kept = program.sites, [np.zeros(GAP, np.uint8)]
        self._shown = ctypes.c_int64.from_address(code.addresses[w.PIECES])
        self._spare = int(self._kept[0].ctypes.data)
        self._pieces: dict[int, Piece] = {}
        for name, size in program.tables.items():
            self._pieces[code.addresses[name]] = Piece(code.addresses[name], size, False, name)

    def room(self, size: int, name: str = "") -> Bytes:
        """A new piece, filled with rubbish."""
        whole = np.full(size + 2 * GAP, RUBBISH, np.uint8)
        start = GAP - whole.ctypes.data % 64
        mine: Bytes = self.lent(whole[start : start + size], name)
        return mine

    def copied(self, array: Any, *, writable: bool = True) -> Any:
        """A copy of an array in a piece of its own."""
        array = np.asarray(array)
        mine = self.room(array.nbytes).view(array.dtype).reshape(array.shape)
        mine[...] = array
        return self.lent(mine, writable=writable)

    def lent(self, array: Any, name: str = "", *, writable: bool = True) -> Any:
        """Let the program use an array in place."""
        start = int(array.ctypes.data)
        self._pieces[start] = Piece(start, array.nbytes, writable, name)
        self._kept.append(array)
        return array

    def owns(self, array: Any) -> bool:
        return int(array.ctypes.data) in self._pieces

    def name(self, start: int, name: str) -> None:
        """Name a piece for messages; its first name stays."""
        piece = self._pieces.get(start)
        if piece and not piece.name:
            self._pieces[start] = piece._replace(name=name)

    @contextmanager
    def shown(self, *more: Any) -> Iterator[None]:
        """A context in which the program may use the pieces and some more arrays.

        Raises an EngineError at its end if an access was outside all pieces, with the instruction
        and its distance to the nearest piece.
        """
        pieces = [*self._pieces.values(), *(Piece(x.ctypes.data, x.nbytes) for x in more)]
        words = self._words([piece for piece in pieces if piece.size])
        self._shown.value = words.ctypes.data
        yield
        if words[w.SITE]:
            raise EngineError(self._said(words, pieces))

    def _words(self, pieces: list[Piece]) -> npt.NDArray[np.int64]:
        halvings = len(pieces).bit_length()
        words = np.full(w.FIRST_PIECE + 3 * 2**halvings, _BEYOND, np.int64)
        words[: w.FIRST_PIECE] = 0
        words[w.HALVINGS], words[w.SPARE] = halvings, self._spare
        table = words[w.FIRST_PIECE :].reshape(-1, 3)
        table[0] = -_BEYOND  # before all pieces
        table[1 : 1 + len(pieces)] = sorted(piece.bounds for piece in pieces)
        return words

    def _said(self, words: npt.NDArray[np.int64], pieces: Iterable[Piece]) -> str:
        site, start, size = (int(words[index]) for index in (w.SITE, w.ADDRESS, w.BYTES))
        near = min(pieces, key=lambda piece: _distance(piece, start, size))
        return (
            f"{self._sites[site - 1]}\nuses {size} bytes that are not its own: they begin "
            f"{start - near.start} bytes after the start of {near}, the nearest piece"
        )


def _distance(piece: Piece, start: int, size: int) -> int:
    return max(piece.start - start, start + size - piece.start - piece.size, 0)


def prepare_checked(program: Program) -> Prepared:
    """Compile a run that checks each address before it uses it. It takes few steps, so compiling
    it is what takes long, and LLVM does not optimize it.
    """
    start = time.perf_counter()
    built = build(program, host(), links_gemm=False)
    checked = with_checks(built.text)
    code = compiled(checked.text, ["run", *checked.names], optimizes=False)
    memory = partial(CheckedMemory, checked, code)
    return Prepared(built, code, time.perf_counter() - start, memory)


def _described(plan: Plan, buffer: Buffer) -> str:
    kind = "block" if buffer in plan.blocks else buffer.kind
    return f"the {kind} buffer {buffer.name}"


class CheckedMemory(RunMemory):
    """The memory of a run in pieces; arrays from outside are copied into pieces."""

    def __init__(
        self, checked: Checked, code: Compiled, program: Program, plans: RunPlans, *rest: Any
    ) -> None:
        self._pieces = Pieces(checked, code)
        self._constants = [x.array for x in plans.buffers if x.kind == "constant"]
        super().__init__(program, plans, *rest)
        self.tables = [self._pieces.copied(table) for table in self.tables]
        names = {
            buffer.slot: _described(plan, buffer) for plan in plans.all for buffer in plan.buffers
        }
        self._name(names)

    def _name(self, names: dict[int, str]) -> None:
        for table in self.tables:
            self._pieces.name(table.ctypes.data, "the table")
            for slot, start in enumerate(table):
                self._pieces.name(int(start), names.get(slot, f"entry {slot} of the table"))

    def record_into(self, by_epoch: Array, by_step: Array) -> None:
        super().record_into(by_epoch, by_step)
        self._recorded = [by_epoch, by_step]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        with super().in_use(), self._pieces.shown(*self._recorded, self.scheduled):
            yield

    def _zeros(self, size: int) -> Bytes:
        room = self._pieces.room(size)
        room[:] = 0
        return room

    def _copied(self, array: Any) -> Array:
        mine: Array = self._pieces.copied(array)
        return mine

    def _address(self, array: Any) -> int:
        if not self._pieces.owns(array):
            array = self._pieces.copied(array, writable=not self._is_fixed(array))
        return super()._address(array)

    def _is_fixed(self, array: Any) -> bool:
        """Whether the program must not write an array: rows, constant settings and constants."""
        rows = [part for part in (self.rows, self.held_out) if part is not None]
        fixed = [array for part in rows for array in (part.x, part.y, part.weights)]
        settings = (
            [] if self.program.schedule.changing else self.settings
        )  # the program writes those that change
        return any(array is other for other in (*fixed, *settings, *self._constants))

    def _room(self, size: int) -> int:
        return self._address(self._pieces.room(size))

    def _lay_out(self, table: Pointers, plan: Plan, name: ArenaName, rows: int) -> None:
        for buffer in plan.layout(name, rows)[0]:
            table[buffer.slot] = self._room(buffer.nbytes(rows))


class CheckedWorkspace(Workspace):
    """The memory of one call, in pieces."""

    def __init__(self, rows: int, table: Pointers, pieces: Pieces) -> None:
        super().__init__()
        self.rows, self.table, self.pieces = rows, table, pieces

    def point(self, slot: int, array: Any) -> None:
        """Point an entry to an array; one from outside becomes a piece."""
        super().point(slot, array if self.pieces.owns(array) else self.pieces.lent(array))


class CheckedGraph(CompiledGraph):
    """A compiled graph with checks; it copies all arrays into pieces and back."""

    _links_gemm = False

    def _compiled(self) -> Compiled:
        self._program = with_checks(self.text)
        return compiled(self._program.text, ["call", *self._program.names], optimizes=False)

    def __call__(self, **arrays: Any) -> dict[str, Array]:
        given = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        rows = self._rows(given)
        space = self._laid_out(rows)
        for name, buffer in self.plan.inputs.items():
            self._point(space, buffer, space.pieces.copied(given[name], writable=False))
        outputs = {}
        for name, node in self.graph.outputs.items():
            shape = tuple(size.of(rows) for size in node.shape)
            outputs[name] = space.pieces.copied(np.full(shape, RUBBISH).astype(node.dtype))
            self._point(space, self.plan.outputs[name], outputs[name])
        self._run_in(space)
        return {name: array.copy() for name, array in outputs.items()}

    def _run_in(self, space: Workspace) -> None:
        assert isinstance(space, CheckedWorkspace)
        with space.pieces.shown():
            super()._run_in(space)

    def _point(self, space: CheckedWorkspace, buffer: Buffer, array: Any) -> None:
        space.point(buffer.slot, array)
        space.pieces.name(array.ctypes.data, _described(self.plan, buffer))

    def _laid_out(self, rows: int) -> CheckedWorkspace:
        pieces = Pieces(self._program, self._code)
        entries = c.FIRST_BUFFER + len(self.plan.buffers)
        table = pieces.lent(pieces.copied(np.zeros(entries, np.uintp)), "the table")
        space = CheckedWorkspace(rows, table, pieces)
        for buffer in self.plan.buffers:
            if buffer.kind == "constant":
                self._point(space, buffer, pieces.copied(buffer.array, writable=False))
            elif buffer.kind != "input":
                count = min(rows, BLOCK_ROWS) if buffer in self.plan.blocks else rows
                self._point(space, buffer, pieces.room(buffer.nbytes(count)))
        scratch = max(map(gemm.scratch_bytes, ("float", "double")))
        space.point(c.SCRATCH, pieces.room(scratch, "scratch"))
        space.point(c.GUARD, pieces.copied(np.zeros(64, np.uint8)))
        space.point(c.CONTROL, pieces.copied(np.zeros(c.WORDS, np.int64)))
        return space
