"""A whole run on the native engine: memory laid out, threads started, and waited for.

The threads are Python's, each inside one call of the program, which holds no lock of Python's.
Python stays free meanwhile: it moves the counters to `Control`, and sets a flag to end the run.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.batches import filled_up, training_batches
from talweg.engine.interpreter import origin_of_non_finite
from talweg.engine.native import contract, control as c
from talweg.engine.native.build import Build, build, load
from talweg.engine.native.compiler import Compiled, host
from talweg.engine.native.memory import placed, zeros
from talweg.engine.native.row_order import row_order_scratch
from talweg.engine.native.rules import first_state
from talweg.engine.native.view import Buffer
from talweg.engine.program import BadStep, Control, Outcome, Program, Rows
from talweg.gates import Array

HISTORY_ROWS = 65536
"""Epochs that one call of the program has room to record; the next call goes on."""
WAIT = 0.02
"""Seconds between two looks at a running program."""
SERIAL = 300_000
"""Operations of a step below which one thread is as fast as several (some 10 us)."""
BLOCK_BYTES = 256 * 1024
"""What the rows that go through a stage together may take, half of a second-level cache."""
SAVE_STEPS = 64


@dataclass(frozen=True)
class Prepared:
    """A compiled program, to be run with other settings, seeds, epochs and starting weights."""

    build: Build
    code: Compiled
    seconds: float

    def run(
        self,
        program: Program,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> Outcome:
        """Train from `weights` on `rows`; neither is changed. `program` has the same graphs."""
        control.started = time.perf_counter()
        outcome = _Run(program, self.build, self.code, weights, rows, validation, control).run()
        return replace(outcome, compile_seconds=self.seconds)


def prepare(program: Program) -> Prepared:
    """Plan and compile a run."""
    start = time.perf_counter()
    made = build(program, host())
    code = load(made)
    return Prepared(made, code, time.perf_counter() - start)


def run(
    program: Program, weights: Array, rows: Rows, validation: Rows | None, control: Control
) -> Outcome:
    """Compile a run, and train from `weights` on `rows`; neither is changed."""
    return prepare(program).run(program, weights, rows, validation, control)


def _sleep_address() -> int:
    """The function that sends a waiting thread to sleep; 0 where there is none."""
    try:
        found = ctypes.CDLL(None).usleep
    except (AttributeError, OSError, TypeError):
        return 0
    return ctypes.cast(found, ctypes.c_void_p).value or 0


class _Run:
    """The memory of a run, and how far it is."""

    def __init__(
        self,
        program: Program,
        made: Build,
        code: Compiled,
        weights: Array,
        rows: Rows,
        validation: Rows | None,
        control: Control,
    ) -> None:
        self.program, self.parts, self.code, self.control = program, made.parts, code, control
        self.rows, self.validation = rows, validation
        self.held = validation or (rows if program.record_evaluation else None)
        self.threads = _threads(program, len(rows))
        self.words = np.frombuffer(zeros(c.WORDS * 8).data, np.int64)
        self.reals = self.words.view(np.float64)
        self.kept: list[Any] = []  # arrays that the program holds pointers to
        self.weights = weights.copy()
        self.best = weights.copy()
        self.state = {name: np.array(each) for name, each in program.state.items()}
        self.saved = [np.array(each) for each in (weights, *self.state.values())]
        self.history = np.zeros((0, self.parts.columns))
        self._set_words()
        self.block = self._block_rows()
        self.words[c.BLOCK] = self.block
        self.tables = [self._table(thread) for thread in range(self.threads)]

    # Laying out ---------------------------------------------------------------------------------

    def _set_words(self) -> None:
        program, words = self.program, self.words
        words[c.ROWS], words[c.BATCH] = len(self.rows), program.batch_size
        words[c.SHUFFLE] = program.shuffle and program.batch_size < len(self.rows)
        words[c.KEEP_BEST] = program.keep_best
        words[c.SEED] = np.uint64(program.seed).astype(np.int64)
        self.reals[c.MEAN_WEIGHT] = self.rows.mean_weight
        words[c.THREADS], words[c.SLEEP] = self.threads, _sleep_address()
        words[c.LAST_STEP] = np.iinfo(np.int64).max
        words[c.SAVED_STEP] = -SAVE_STEPS
        words[c.SAVE_EVERY] = SAVE_STEPS
        if self.held is not None:
            words[c.HELD_ROWS] = len(self.held)
            words[c.HELD_BATCH] = program.evaluation_size
        self.reals[c.BEST_LOSS] = np.inf

    def _block_rows(self) -> int:
        """Rows that a thread takes through a stage at a time, so that they stay in its cache."""
        most = max(self.program.batch_size, self.program.evaluation_size) // self.threads + 6
        row = sum(each.nbytes(1) for each in self.parts.step.buffers if each.size.power == 1)
        parts = -(-most // max(120, BLOCK_BYTES // max(row, 1)))
        return -(-most // parts // 6) * 6  # blocks of about one size, whole tiles each

    def _table(self, thread: int) -> npt.NDArray[np.uintp]:
        """A thread's pointers; what all share is laid out by the first."""
        if thread == 0:
            self.shared = self._shared_pointers()
        table = self.shared.copy()
        plans = [(self.parts.step, self.program.batch_size)]
        if self.parts.evaluate:
            plans.append((self.parts.evaluate, self.program.evaluation_size))
        for plan, rows in plans:
            own = [each for each in plan.buffers if each.kind in ("block", "private")]
            blocks = [each for each in own if each.kind == "block"]
            self._lay_out(table, blocks, min(rows, self.block))
            for each in own:
                if each.kind == "private":
                    table[each.place] = self._address(zeros(each.nbytes(rows) + 64))
        table[c.SCRATCH] = self._address(
            zeros(max(map(contract.scratch_bytes, ("float", "double"))))
        )
        return table

    def _shared_pointers(self) -> npt.NDArray[np.uintp]:
        count = c.FIRST_BUFFER + sum(
            len(plan.buffers)
            for plan in (self.parts.step, self.parts.evaluate, self.parts.rules)
            if plan
        )
        table = np.zeros(count, np.uintp)
        table[c.CONTROL] = self._address(self.words)
        self._point_to_rows(table)
        self._point_to_step(table)
        self._point_to_evaluation(table)
        self._point_to_rules(table)
        return table

    def _address(self, array: Any) -> int:
        """An array's address; the array lives as long as the run."""
        self.kept.append(array)
        return int(array.ctypes.data)

    def _lay_out(self, table: npt.NDArray[np.uintp], buffers: Sequence[Buffer], rows: int) -> None:
        offsets, total = placed([each for each in buffers if each.first >= 0], rows)
        arena = self._address(zeros(total))
        for buffer, offset in offsets.items():
            table[buffer.place] = arena + offset

    def _point_to_rows(self, table: npt.NDArray[np.uintp]) -> None:
        count = len(self.parts.measures)
        order = self.program.shuffle
        held = self.held or self.rows
        entries: dict[int, Any] = {
            c.X: self.rows.x,
            c.Y: self.rows.y,
            c.ROW_WEIGHTS: self.rows.weights,
            c.HELD_X: held.x,
            c.HELD_Y: held.y,
            c.HELD_WEIGHTS: held.weights,
            c.ORDER: zeros(4 * len(self.rows)) if order else zeros(8),
            c.ORDER_SCRATCH: zeros(row_order_scratch(len(self.rows))) if order else zeros(8),
            c.SUMS: zeros(8 * count),
            c.HELD_SUMS: zeros(8 * count),
            c.BEST: self.best,
            c.GUARD: zeros(64 * self.threads),
        }
        for place, each in enumerate(self.saved):
            entries[c.SAVED + place] = each
        for place, array in entries.items():
            table[place] = self._address(array)
        self.guards = entries[c.GUARD]

    def _point_to_step(self, table: npt.NDArray[np.uintp]) -> None:
        plan, dtype = self.parts.step, self.weights.dtype
        self.settings = [np.asarray(each) for each in self.program.settings.values()]
        arrays = {"weights": self.weights, **{f"state.{n}": a for n, a in self.state.items()}}
        names = [f"settings.{name}" for name in self.program.settings]
        arrays |= dict(zip(names, self.settings, strict=True))
        arrays["count"] = np.zeros((), dtype)
        for name, buffer in plan.inputs.items():
            if name in arrays:
                table[buffer.place] = self._address(arrays[name])
            else:  # a batch's rows, put together
                table[buffer.place] = self._address(
                    zeros(buffer.nbytes(self.program.batch_size) + 64)
                )
        self._place_rest(table, plan.buffers, self.program.batch_size)

    def _point_to_evaluation(self, table: npt.NDArray[np.uintp]) -> None:
        plan = self.parts.evaluate
        if plan is None or self.held is None:
            return
        table[plan.inputs["weights"].place] = self._address(self.weights)
        total = np.asarray(self.held.weights.sum(dtype=np.float64), self.weights.dtype)
        table[plan.inputs["count"].place] = self._address(total)
        if plan.graph.rows is not None:  # its batches are put together
            for name in ("x", "y", "row_weights"):
                buffer = plan.inputs[name]
                table[buffer.place] = self._address(zeros(buffer.nbytes(plan.graph.rows) + 64))
        self._place_rest(table, plan.buffers, self.program.evaluation_size)

    def _point_to_rules(self, table: npt.NDArray[np.uintp]) -> None:
        plan = self.parts.rules
        if plan is None:
            return
        state = first_state(self.program.rules)
        for name, buffer in plan.inputs.items():
            table[buffer.place] = self._address(np.asarray(state.get(name, 0.0)))
        self._place_rest(table, plan.buffers, 1)

    def _place_rest(
        self, table: npt.NDArray[np.uintp], buffers: Sequence[Buffer], rows: int
    ) -> None:
        for buffer in buffers:
            if buffer.kind == "constant":
                table[buffer.place] = self._address(buffer.array)
        self._lay_out(table, [each for each in buffers if each.kind == "shared"], rows)

    # Running ------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        pieces = []
        while True:
            first = int(self.words[c.EPOCH])
            room = min(self.program.epochs - first, HISTORY_ROWS)
            piece = np.zeros((room, self.parts.columns))
            self._record_in(piece, first)
            self._call()
            pieces.append(piece[: int(self.words[c.EPOCH]) - first])
            if self.words[c.STATUS] or self.words[c.BAD] or self.words[c.STOP]:
                break
            if self.words[c.EPOCH] >= self.program.epochs:
                break
        self.history = np.concatenate(pieces)
        bad = self._diagnosed() if self.words[c.BAD] else None
        return self._outcome(bad)

    def _record_in(self, piece: Array, first: int) -> None:
        self.piece = piece
        self.words[c.FIRST_RECORD] = first
        self.words[c.LAST_EPOCH] = first + len(piece)
        for table in self.tables:
            table[c.HISTORY] = piece.ctypes.data

    def _call(self) -> None:
        """Run the program on all threads, and look after it until it returns."""
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(
            self.code.addresses["run"]
        )
        self.words[c.ARRIVED] = 0
        ends = [threading.Event() for _ in self.tables]

        def work(thread: int) -> None:
            try:
                table = self.tables[thread]
                function(self.words.ctypes.data, table.ctypes.data, thread)
            finally:
                ends[thread].set()

        for thread in range(self.threads):
            threading.Thread(target=work, args=(thread,), name="talweg", daemon=True).start()
        try:
            while not all(each.is_set() for each in ends):
                ends[0].wait(self._look())
        finally:
            self._end(ends)
        self._look()

    def _end(self, ends: Sequence[threading.Event]) -> None:
        """Leave no thread behind, whatever was raised here: the program uses memory of this run."""
        if not all(each.is_set() for each in ends):
            self.words[c.STOP] |= 1
        for each in ends:
            while not each.is_set():
                with suppress(BaseException):  # what came first is on its way up already
                    each.wait()

    def _look(self) -> float:
        """Carry word from the program to Python and back; seconds until the next look."""
        words, control = self.words, self.control
        seconds = time.perf_counter() - control.started
        self.reals[c.SECONDS] = seconds
        budget = self.program.time_budget
        late = budget is not None and seconds >= budget
        if control.stop or late:
            words[c.STOP] = 1 if control.stop else 2
        control.step = int(words[c.STEP])
        epoch = int(words[c.EPOCH])
        if epoch > control.epoch:
            control.epoch = epoch
            control.measures = self._measures(self.piece[epoch - 1 - int(words[c.FIRST_RECORD])])
        return WAIT if budget is None else max(1e-4, min(WAIT, budget - seconds))

    def _measures(self, record: Array) -> dict[str, float]:
        return dict(zip(self._names(), map(float, record), strict=False))

    def _names(self) -> list[str]:
        names = list(self.parts.measures)
        return names + [f"val_{name}" for name in names] if self.validation else names

    # Ending -------------------------------------------------------------------------------------

    def _outcome(self, bad: BadStep | None) -> Outcome:
        words = self.words
        epoch, step = int(words[c.EPOCH]), int(words[c.STEP])
        closed = epoch * -(-len(self.rows) // self.program.batch_size)
        kept_epoch, weights, kept_step = epoch, self.weights, step if step > closed else None
        if self.program.keep_best and words[c.BEST_EPOCH]:
            kept_epoch, weights, kept_step = int(words[c.BEST_EPOCH]), self.best, None
        return Outcome(
            weights=weights,
            history={name: self.history[:, i].copy() for i, name in enumerate(self._names())},
            stopped_by=self._reason(),
            kept_epoch=kept_epoch,
            kept_step=kept_step,
            epochs=epoch,
            steps=step,
            seconds=time.perf_counter() - self.control.started,
            bad_step=bad,
        )

    def _reason(self) -> int | str:
        words = self.words
        if words[c.BAD]:
            return "non_finite"
        if words[c.STATUS]:
            return int(words[c.STATUS]) - c.RULE
        if words[c.STOP]:
            return "interrupted" if words[c.STOP] == 1 else "time_budget"
        return "epochs"

    def _diagnosed(self) -> BadStep:
        """Go back to the weights before the step that went wrong, and find what did."""
        words = self.words
        epochs, steps = int(words[c.EPOCH]), int(words[c.STEP])
        for array, saved in zip((self.weights, *self.state.values()), self.saved, strict=True):
            array[...] = saved
        words[c.EPOCH], words[c.STEP] = words[c.SAVED_EPOCH], words[c.SAVED_STEP]
        words[c.BAD], words[c.STOP], words[c.REPLAY] = 0, 0, 1
        words[c.LAST_STEP], words[c.LAST_EPOCH] = steps, epochs + 1
        words[c.SAVE_EVERY] = np.iinfo(np.int64).max // 2
        self.guards[:] = 0
        self._replay()
        words[c.EPOCH], words[c.STEP], words[c.BAD] = epochs, steps, 1
        return BadStep(epochs + 1, steps + 1, self._origin(epochs, steps))

    def _replay(self) -> None:
        control, self.control = self.control, Control(stop=False)
        budget, self.piece = self.program.time_budget, np.zeros((0, 0))
        self.control.epoch = 2**62  # nothing is recorded
        object.__setattr__(self.program, "time_budget", None)
        self._call()
        object.__setattr__(self.program, "time_budget", budget)
        self.control = control

    def _origin(self, epochs: int, steps: int) -> Any:
        """The node that broke the step, found by the interpreter."""
        program, rows = self.program, self.rows
        done = epochs * -(-len(rows) // program.batch_size)
        if program.batch_size >= len(rows):
            batch = filled_up(rows, slice(None), len(rows), len(rows) * rows.mean_weight)
        else:
            batch = list(training_batches(program, rows, epochs + 1))[steps - done]
        inputs = [self.weights, *self.state.values(), *self.settings, *batch]
        return origin_of_non_finite(program.step, inputs, skip=program.measures[1:])


def _threads(program: Program, rows: int) -> int:
    """How many threads a run gets: all that may be used, where steps are large enough."""
    if program.threads is not None:
        return program.threads
    if program.step.cost().operations < SERIAL:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
