"""The memory of a run: the arrays behind each thread's table of pointers."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.native import control_block as c
from talweg.engine.native.driver.row_order import row_order_scratch
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.gemm import product as gemm
from talweg.engine.native.emit.gemm.tiles import ROW_UNIT
from talweg.engine.native.plan.arenas import ArenaName, zeros
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.runtime.thread_choice import most_threads
from talweg.engine.native.stopping_graph import first_state
from talweg.engine.run.program import Program
from talweg.engine.run.rows import Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.errors import OutOfMemoryError, in_bytes
from talweg.gates import Array

BLOCK_BYTES = 256 * 1024
"""Bytes of the rows that a thread takes through a region at a time: half of an L2 cache."""
SAVE_STEPS = 64
"""Steps after which weights and state are saved again, at the start of an epoch."""


class RunMemory:
    """The memory of a run: control block, arrays, and a table of pointers for each thread.

    It has room for the most threads that the run may take.
    """

    def __init__(
        self, program: Program, plans: RunPlans, weights: Array, rows: Rows, held_out: Rows | None
    ) -> None:
        self.program, self.plans, self.rows, self.held_out = program, plans, rows, held_out
        self.threads = most_threads(program, plans)
        self.words = self._zeros(c.WORDS * 8).view(np.int64)
        self.reals = self.words.view(np.float64)
        self.pointed_to: list[Any] = []  # keeps arrays alive whose addresses the program has
        self.weights = self._copied(weights)
        self.best = self._copied(weights)
        self.state = {name: self._copied(array) for name, array in program.state.items()}
        self.saved = [self._copied(array) for array in (weights, *self.state.values())]
        self.rule_states: dict[str, Array] = {}  # stopping rules and plateaus
        self.settings = [np.asarray(value) for value in program.schedule.settings.values()]
        self.scheduled = np.zeros(0)
        self.guards = self._zeros(64 * self.threads)
        self._set_words()
        self.by_blocks = {c.BLOCK_ROWS: (plans.step, program.schedule.batch_size)}
        if plans.evaluate:
            rows_at_once = program.schedule.evaluation_size
            self.by_blocks[c.HELD_BLOCK_ROWS] = (plans.evaluate, rows_at_once)
        numbers = range(1, self.threads + 1)
        self.most_block_rows = {
            word: min(rows, max(self._block_rows(plan, rows, threads) for threads in numbers))
            for word, (plan, rows) in self.by_blocks.items()
        }
        self.set_threads(self.threads)
        shared = self._shared_pointers()
        self.tables = [self._table(shared) for _ in range(self.threads)]

    def _set_words(self) -> None:
        program, words = self.program, self.words
        words[c.ROWS], words[c.BATCH] = len(self.rows), program.schedule.batch_size
        words[c.SHUFFLE] = program.schedule.shuffle and program.schedule.batch_size < len(self.rows)
        words[c.KEEP_BEST] = program.limits.restore_best
        words[c.SEED] = np.uint64(program.schedule.seed).astype(np.int64)
        self.reals[c.MEAN_WEIGHT] = self.rows.mean_weight
        words[c.SLEEP], words[c.CLOCK] = map(_address_of, ("usleep", "clock_gettime"))
        words[c.WATCH_ROWS] = program.graphs.watch_every * program.schedule.batch_size
        words[c.WATCHED_STEPS] = -(-len(self.rows) // words[c.WATCH_ROWS])
        words[c.LAST_STEP] = np.iinfo(np.int64).max
        words[c.SAVED_STEP] = -SAVE_STEPS
        words[c.SAVE_EVERY] = SAVE_STEPS
        if self.held_out is not None:
            words[c.HELD_ROWS] = len(self.held_out)
            words[c.HELD_BATCH] = program.schedule.evaluation_size
        self.reals[c.BEST_LOSS] = np.inf

    def set_threads(self, threads: int) -> None:
        """Let the next call run on this many threads."""
        self.words[c.THREADS] = threads
        for word, (plan, rows) in self.by_blocks.items():
            self.words[word] = self._block_rows(plan, rows, threads)

    def _block_rows(self, plan: Plan, rows: int, threads: int) -> int:
        """Rows that a thread takes through a region at a time, so that they stay in its cache.

        Each thread gets the same number of blocks, all of about the same size, in whole tiles.
        """
        row = sum(buffer.nbytes(1) for buffer in plan.buffers if buffer.size.power == 1)
        at_a_time = max(120, BLOCK_BYTES // max(row, 1)) * threads
        blocks = -(-rows // at_a_time) * threads
        return -(-rows // blocks // ROW_UNIT) * ROW_UNIT

    def _table(self, shared: npt.NDArray[np.uintp]) -> npt.NDArray[np.uintp]:
        """A thread's table of pointers: those that all threads share, and its own."""
        table = shared.copy()
        for word, (plan, rows) in self.by_blocks.items():
            self._lay_out(table, plan, "block", self.most_block_rows[word])
            for buffer in plan.buffers:
                if buffer.kind == "private":
                    table[buffer.slot] = self._room(buffer.nbytes(rows))
        table[c.SCRATCH] = self._room(max(map(gemm.scratch_bytes, ("float", "double"))))
        return table

    def _shared_pointers(self) -> npt.NDArray[np.uintp]:
        table = np.zeros(self.plans.slots, np.uintp)
        table[c.CONTROL] = self._address(self.words)
        self._point_to_rows(table)
        self._point_to_step(table)
        self._point_to_evaluation(table)
        self._point_to_rules(table)
        return table

    def resume(self, start: Snapshot) -> None:
        """Continue a run from a snapshot."""
        self.weights[...], self.best[...] = start.weights, start.best
        for arrays, values in ((self.state, start.state), (self.rule_states, start.rules)):
            for name, array in arrays.items():
                array[...] = values[name]
        words = self.words
        words[c.EPOCH], words[c.STEP] = start.epoch, start.step
        words[c.BEST_EPOCH], self.reals[c.BEST_LOSS] = start.best_epoch, start.best_loss
        if start.stopped_by is not None:
            words[c.STATUS] = c.RULE + start.stopped_by

    def restore_saved(self) -> None:
        """Go back to the weights and the state that the program saved last."""
        for array, saved in zip((self.weights, *self.state.values()), self.saved, strict=True):
            array[...] = saved
        self.guards[:] = 0
        words = self.words
        words[c.EPOCH], words[c.STEP] = words[c.SAVED_EPOCH], words[c.SAVED_STEP]
        words[c.START_ROW] = 0

    def record_into(self, by_epoch: Array, by_step: Array) -> None:
        """Let the next call record its epochs, and its watched steps, in these rows."""
        words = self.words
        words[c.FIRST_RECORD], words[c.FIRST_WATCHED] = words[c.EPOCH], words[c.STEP]
        words[c.LAST_EPOCH] = words[c.EPOCH] + len(by_epoch)
        for table in self.tables:
            table[c.HISTORY], table[c.WATCHED] = by_epoch.ctypes.data, by_step.ctypes.data

    def read_settings(self, values: Array, first: int) -> None:
        """Let the program read settings that change from these rows; `first` is the epoch or the
        step of the first row.
        """
        self.scheduled = values
        self.words[c.FIRST_SCHEDULED] = first
        for table in self.tables:
            table[c.SCHEDULED] = values.ctypes.data

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A context in which the program runs; checked memory raises its errors here."""
        yield

    def _zeros(self, size: int) -> npt.NDArray[np.uint8]:
        return zeros(size)

    def _copied(self, array: Any) -> Array:
        return np.array(array)

    def _room(self, size: int) -> int:
        """The address of new bytes, with a cache line behind them that nothing else uses."""
        return self._address(zeros(size + 64))

    def _address(self, array: Any) -> int:
        """The address of an array, which lives as long as the run."""
        self.pointed_to.append(array)
        return int(array.ctypes.data)

    def _lay_out(
        self, table: npt.NDArray[np.uintp], plan: Plan, name: ArenaName, rows: int
    ) -> None:
        """Lay out an arena of a plan in new memory."""
        offsets, total = plan.layout(name, rows)
        arena = self._address(zeros(total))
        for buffer, offset in offsets.items():
            table[buffer.slot] = arena + offset

    def _point_to_rows(self, table: npt.NDArray[np.uintp]) -> None:
        count = len(self.plans.summed)
        order = self.program.schedule.shuffle
        held_out = self.held_out or self.rows
        entries: dict[int, Any] = {
            c.X: self.rows.x,
            c.Y: self.rows.y,
            c.ROW_WEIGHTS: self.rows.weights,
            c.HELD_X: held_out.x,
            c.HELD_Y: held_out.y,
            c.HELD_WEIGHTS: held_out.weights,
            c.ORDER: zeros(4 * len(self.rows)) if order else zeros(8),
            c.ORDER_SCRATCH: zeros(row_order_scratch(len(self.rows))) if order else zeros(8),
            c.SUMS: zeros(8 * count * self.program.graphs.replicas),
            c.HELD_SUMS: zeros(8 * count),
            c.BEST: self.best,
            c.GUARD: self.guards,
        }
        assert c.SAVED + len(self.saved) <= c.FIRST_BUFFER
        for index, array in enumerate(self.saved):
            entries[c.SAVED + index] = array
        for entry, array in entries.items():
            table[entry] = self._address(array)

    def _point_to_step(self, table: npt.NDArray[np.uintp]) -> None:
        plan, dtype = self.plans.step, self.weights.dtype
        arrays = {"weights": self.weights, **{f"state.{n}": a for n, a in self.state.items()}}
        names = [f"settings.{name}" for name in self.program.schedule.settings]
        arrays |= dict(zip(names, self.settings, strict=True))
        arrays["count"] = np.zeros((), dtype)
        for name, buffer in plan.inputs.items():
            if name in arrays:
                table[buffer.slot] = self._address(arrays[name])
            else:  # rows of a batch, which are copied together
                table[buffer.slot] = self._room(buffer.nbytes(self.program.schedule.batch_size))
        self._point_to_rest(table, plan, self.program.schedule.batch_size)

    def _point_to_evaluation(self, table: npt.NDArray[np.uintp]) -> None:
        plan = self.plans.evaluate
        if plan is None or self.held_out is None:
            return
        table[plan.inputs["weights"].slot] = self._address(self.weights)
        total = np.asarray(self.held_out.weights.sum(dtype=np.float64), self.weights.dtype)
        table[plan.inputs["count"].slot] = self._address(total)
        if plan.graph.fixed_rows is not None:  # the rows of its batches are copied together
            for name in ("x", "y", "row_weights"):
                buffer = plan.inputs[name]
                table[buffer.slot] = self._room(buffer.nbytes(plan.graph.fixed_rows))
        self._point_to_rest(table, plan, self.program.schedule.evaluation_size)

    def _point_to_rules(self, table: npt.NDArray[np.uintp]) -> None:
        plan = self.plans.rules
        if plan is None:
            return
        state = first_state(self.program.limits.rules, self.program.schedule.plateaus)
        self.rule_states = {name: self._copied(value) for name, value in state.items()}
        for name, buffer in plan.inputs.items():
            table[buffer.slot] = self._address(self.rule_states.get(name, np.zeros(())))
        self._point_to_rest(table, plan, 1)

    def _point_to_rest(self, table: npt.NDArray[np.uintp], plan: Plan, rows: int) -> None:
        for buffer in plan.buffers:
            if buffer.kind == "constant":
                table[buffer.slot] = self._address(buffer.array)
        self._lay_out(table, plan, "shared", rows)


def _address_of(name: str) -> int:
    """The address of a function of the C library, which the program calls; 0 if it has none."""
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return 0
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def too_large(program: Program, plans: RunPlans, weights: Array) -> OutOfMemoryError:
    """The error of a run that does not fit in memory."""
    kept = [np.asarray(array).nbytes for array in program.state.values()]
    training = weights.nbytes * 3 + 2 * sum(kept)
    step = _buffer_bytes(plans.step, program.schedule.batch_size)
    words = f"{in_bytes(training)} for weights and the optimizer's state, "
    words += f"{in_bytes(step)} for each step of {program.schedule.batch_size} rows"
    if plans.evaluate:
        evaluation = _buffer_bytes(plans.evaluate, program.schedule.evaluation_size)
        rows = program.schedule.evaluation_size
        words += f", {in_bytes(evaluation)} to evaluate {rows} rows at a time"
    return OutOfMemoryError(
        f"The run needs more memory than is free: {words}. Use fewer units, an optimizer with "
        "less state (SGD), or, if a step needs most of it, a smaller batch_size."
    )


def _buffer_bytes(plan: Plan, rows: int) -> int:
    private = sum(x.nbytes(rows) for x in plan.buffers if x.kind == "private")
    return plan.layout("shared", rows)[1] + plan.layout("block", rows)[1] + private
