"""A whole run on the native engine: memory laid out, threads started, and waited for.

The threads are Python's, each inside one call of the program, which holds no lock of Python's.
Python stays free meanwhile: it moves the counters to `Control`, and sets a flag to end the run.
"""

from __future__ import annotations

import ctypes
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from talweg.engine.native.build import Build, build, load
from talweg.engine.native.llvm.compiler import Compiled, host
from talweg.engine.native.runtime import control as c
from talweg.engine.native.runtime.crew import Crew
from talweg.engine.native.runtime.run_memory import Memory, too_large
from talweg.engine.numpy.interpreter import origin_of_non_finite
from talweg.engine.run.batches import filled_up, training_batches
from talweg.engine.run.program import BadStep, Control, Outcome, Program, Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.gates import Array

HISTORY_ROWS = 65536
"""Epochs that one call of the program has room to record; the next call goes on."""
WAIT = 0.02
"""Seconds between two looks at a running program."""
NAP_SECONDS = 130e-6
"""What a wait with one sleep takes: the spinning before it, and getting the core back."""
WASTE = 0.2
"""The share of their time that threads may sleep before the first goes on alone."""
PATIENCE = 1.0
"""Seconds after which a run that went on alone tries all its threads again."""


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
        control.begin()
        outcome = _Run(program, self.build, self.code, weights, rows, validation, control).run()
        return replace(outcome, compile_seconds=self.seconds)


def prepare(program: Program, *, checked: bool = False) -> Prepared:
    """Plan and compile a run; for tests, so that it checks each address before it uses it."""
    start = time.perf_counter()
    made = build(program, host(), checked=checked)
    code = load(made)
    return Prepared(made, code, time.perf_counter() - start)


def run(
    program: Program, weights: Array, rows: Rows, validation: Rows | None, control: Control
) -> Outcome:
    """Compile a run, and train from `weights` on `rows`; neither is changed."""
    return prepare(program).run(program, weights, rows, validation, control)


def _memory(made: Build, code: Compiled, *rest: Any) -> Memory:
    """The memory of a run, for a program that checks itself in pieces far from each other."""
    program, weights, rows, held = rest
    if made.checked is None:
        return Memory(program, made.parts, weights, rows, held)
    from talweg.engine.native.checker.memory import CheckedMemory  # for tests alone

    return CheckedMemory(made, code, program, made.parts, weights, rows, held)


def _joined(pieces: list[Array]) -> Array:
    """All rows; those of one call are not copied, since replicas leave some megabytes."""
    full = [each for each in pieces if len(each)] or pieces[:1]
    pieces[:] = full if len(full) == 1 else [np.concatenate(full)]
    return pieces[0]


class _Run:
    """A run under way: the memory it works in, and how far it is."""

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
        held = validation or (rows if program.record_evaluation else None)
        try:
            self.memory = _memory(made, code, program, weights, rows, held)
        except MemoryError as error:
            raise too_large(program, made.parts, weights) from error
        self.words, self.reals = self.memory.words, self.memory.reals
        self.noted = 0.0, 0  # when threads were last seen to sleep, and how often they had
        self.wasted = False
        starts = [rule.init()["value"] for rule in program.plateaus.values()]
        self.followed = np.array([starts])  # by epoch, what settings that follow measures were
        self.pieces = [np.zeros((0, self.parts.columns))]  # of the history, by call
        self.seen = [np.zeros((0, len(self.parts.watched)))]
        self.pace = math.inf  # seconds that an epoch takes
        if control.keeper and control.keeper.start:
            self._go_on_from(control.keeper.start)

    def run(self) -> Outcome:
        while self._goes_on():
            self._run_piece()
            self._keep_if_due()
        bad = self._diagnosed() if self.words[c.BAD] else None
        outcome = self._outcome(bad)
        return self._kept_at_end(outcome) if self.control.keeper and not bad else outcome

    def _goes_on(self) -> bool:
        words = self.words
        halts = words[c.STATUS] or words[c.BAD] or words[c.STOP]
        return not halts and bool(words[c.EPOCH] < self.program.epochs)

    def _run_piece(self) -> None:
        """One call of the program, and what it recorded."""
        first, first_step = int(self.words[c.EPOCH]), int(self.words[c.STEP])
        room = min(self.program.epochs - first, self._room())
        piece = np.zeros((room, self.parts.columns))
        seen = np.zeros(
            (room * self._steps() if self.parts.watch_steps else 0, len(self.parts.watched))
        )
        self._record_in(piece, first, seen, first_step)
        start = time.perf_counter()
        self._call()
        if self.program.plateaus:
            self._note_followed(first)
        done = int(self.words[c.EPOCH]) - first
        self.pace = (time.perf_counter() - start) / max(1, done)
        self.pieces.append(piece[:done])
        self.seen.append(seen[: int(self.words[c.STEP]) - first_step])

    def _share_cores(self) -> None:
        """Go on alone where threads mostly wait for each other, since others want the cores too;
        after a while try again. The bits do not depend on it.
        """
        words, now = self.words, time.perf_counter()
        since, naps = self.noted
        if now - since < (PATIENCE if words[c.ALONE] else 2 * WAIT):
            return
        self.noted = now, int(words[c.NAPS])
        if words[c.ALONE]:
            words[c.LAST_EPOCH] = 0  # the call ends with the epoch, and the next has all threads
            return
        slept = (self.noted[1] - naps) * NAP_SECONDS
        wastes = slept > WASTE * (now - since) * self.memory.threads
        words[c.ALONE] = wastes and self.wasted  # twice in a row: a start is uneven by itself
        self.wasted = wastes

    def _steps(self) -> int:
        """Steps of one epoch."""
        return -(-len(self.rows) // self.program.batch_size)

    def _room(self) -> int:
        """Epochs that one call records: fewer, where each step leaves a row, or a snapshot is due
        between two calls. Its threads cannot be told to end it: some might be an epoch ahead.
        """
        by_steps = self.parts.watch_steps or self.parts.changes_each_step
        room = max(1, HISTORY_ROWS // self._steps()) if by_steps else HISTORY_ROWS
        keeper = self.control.keeper
        most = keeper.epochs_until(int(self.words[c.EPOCH]), self.pace) if keeper else room
        return min(room, most)

    def _record_in(self, piece: Array, first: int, seen: Array, first_step: int) -> None:
        self.piece = piece
        self.words[c.FIRST_RECORD], self.words[c.FIRST_WATCHED] = first, first_step
        self.words[c.LAST_EPOCH] = first + len(piece)
        self.memory.recording(piece, seen)
        self._adjust_from(first, len(piece))

    def _adjust_from(self, first: int, epochs: int) -> None:
        """Lay out what settings that change are in so many epochs, a row for each or each step."""
        schedules, count = self.program.schedules.values(), len(self.program.schedules)
        if not self.program.changing:
            return
        steps = self._steps() if self.program.changes_each_step else 1
        self.words[c.FIRST_SCHEDULED] = first * steps
        times = [first + epoch + step / steps for epoch in range(epochs) for step in range(steps)]
        values = np.zeros(((epochs + 1) * steps, len(self.program.changing)))
        values[: len(times), :count] = [[at(time) for at in schedules] for time in times]
        known = np.repeat(self.followed[first : first + epochs], steps, axis=0)
        values[: len(known), count:] = known
        self.memory.adjusting(values)

    def _note_followed(self, first: int) -> None:
        """Keep what settings that follow measures were, for the next call, or to go back."""
        steps = self._steps() if self.program.changes_each_step else 1
        end = (int(self.words[c.EPOCH]) - first + 1) * steps
        found = self.memory.scheduled[steps:end:steps, len(self.program.schedules) :]
        self.followed = np.concatenate([self.followed, found])

    def _call(self) -> None:
        """Run the program on all threads, and look after it until it returns."""
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(
            self.code.addresses["run"]
        )
        words = self.words.ctypes.data
        calls = [
            partial(function, words, table.ctypes.data, thread)
            for thread, table in enumerate(self.memory.tables)
        ]
        with self.memory.in_use():
            Crew(calls).run(self._begin, self._look, self._halt)
        self._look()

    def _begin(self, threads: int) -> None:
        self.words[c.ARRIVED], self.words[c.ALONE], self.words[c.NAPS] = 0, 0, 0
        self.words[c.THREADS] = threads
        self.noted, self.wasted = (time.perf_counter(), 0), False

    def _halt(self) -> None:
        self.words[c.STOP] |= 1

    def _look(self) -> float:
        """Carry word from the program to Python and back; seconds until the next look."""
        words, control = self.words, self.control
        seconds = time.perf_counter() - control.started
        self.reals[c.SECONDS] = seconds
        budget = self.program.time_budget
        late = budget is not None and seconds >= budget
        if control.stop or late:
            words[c.STOP] = 1 if control.stop else 2
        self._share_cores()
        control.step = int(words[c.STEP])
        epoch = int(words[c.EPOCH])
        if epoch > control.epoch:
            control.epoch, control.best_epoch = epoch, int(words[c.BEST_EPOCH])
            control.measures = self._measures(self.piece[epoch - 1 - int(words[c.FIRST_RECORD])])
        return WAIT if budget is None else max(1e-4, min(WAIT, budget - seconds))

    def _measures(self, record: Array) -> dict[str, float]:
        return {name: float(record[place]) for name, place in self._columns().items()}

    def _columns(self) -> dict[str, int]:
        """Where a row of the history has each measure, the first replica's."""
        names, first = list(self.parts.measures), len(self.parts.summed)
        found = {name: place * self.parts.replicas for place, name in enumerate(names)}
        if self.validation:
            found |= {f"val_{name}": first + place for place, name in enumerate(names)}
        return found

    def _noted(self, place: int) -> Array:
        """A measure, of every epoch; (epochs, replicas) where there are several."""
        replicas, history = self.parts.replicas, _joined(self.pieces)
        if replicas == 1:
            return history[:, place].copy()
        return history[:, place : place + replicas]

    def _history(self) -> dict[str, Array]:
        return {name: self._noted(place) for name, place in self._columns().items()}

    def _seen(self) -> dict[str, Array]:
        """What was watched: a column for each, by step or by epoch."""
        names, first = self.parts.watched, len(self.parts.measures)
        rows = _joined(self.seen) if self.parts.watch_steps else _joined(self.pieces)[:, first:]
        return {name: rows[:, place].copy() for place, name in enumerate(names)}

    # Snapshots ----------------------------------------------------------------------------------

    def _keep_if_due(self) -> None:
        keeper, (epoch, best) = self.control.keeper, map(int, self.words[[c.EPOCH, c.BEST_EPOCH]])
        if keeper and self._goes_on() and keeper.is_due(epoch, best):
            keeper.keep(self._snapshot())

    def _kept_at_end(self, outcome: Outcome) -> Outcome:
        """Keep the run as it was at the end of its last whole epoch."""
        epoch, step = outcome.epochs, outcome.epochs * self._steps()
        if outcome.steps > step:  # it was cut within the next one
            state = {name: each.copy() for name, each in self.memory.state.items()}
            outcome = replace(outcome, weights=outcome.weights.copy(), state=state)
            self._go_back(epoch, step)
        assert self.control.keeper
        self.control.keeper.keep(self._snapshot())
        return outcome

    def _snapshot(self) -> Snapshot:
        """The run between two calls, in the memory that the next one will change."""
        words, status = self.words, int(self.words[c.STATUS])
        step = int(words[c.STEP])
        rows = step if self.parts.watch_steps else int(words[c.EPOCH])
        return Snapshot(
            weights=self.memory.weights,
            state=self.memory.state,
            rules=self.memory.remembered,
            best=self.memory.best,
            best_loss=float(self.reals[c.BEST_LOSS]),
            best_epoch=int(words[c.BEST_EPOCH]),
            epoch=int(words[c.EPOCH]),
            step=step,
            seconds=time.perf_counter() - self.control.started,
            history=self._history(),
            watched={name: each[:rows] for name, each in self._seen().items()},
            stopped_by=status - c.RULE if status else None,
        )

    def _go_on_from(self, start: Snapshot) -> None:
        self.memory.go_on_from(start)
        history = np.zeros((start.epoch, self.parts.columns))
        for name, place in self._columns().items():
            history.T[place : place + self.parts.replicas] = start.history[name].T
        watched, first = list(start.watched.values()), len(self.parts.measures)
        if watched and self.parts.watch_steps:
            self.seen = [np.stack(watched, axis=1)]
        elif watched:
            history[:, first : first + len(watched)] = np.stack(watched, axis=1)
        self.pieces = [history]
        values = [float(start.rules[f"plateau.{name}.value"]) for name in self.program.plateaus]
        self.followed = np.tile(values, (start.epoch + 1, 1))  # those before are not asked for

    # Ending -------------------------------------------------------------------------------------

    def _outcome(self, bad: BadStep | None) -> Outcome:
        words = self.words
        epoch, step = int(words[c.EPOCH]), int(words[c.STEP])
        restored_epoch = int(words[c.BEST_EPOCH]) or None if self.program.keep_best else None
        weights = self.memory.weights if restored_epoch is None else self.memory.best
        return Outcome(
            weights=weights,
            history=self._history(),
            watched=self._seen(),
            state=self.memory.state,
            stopped_by=self._reason(),
            restored_epoch=restored_epoch,
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
        self._go_back(epochs, steps)
        words[c.BAD] = 1
        settings = self._settings(epochs, steps)
        return BadStep(epochs + 1, steps + 1, self._origin(epochs, steps), settings)

    def _go_back(self, epochs: int, steps: int) -> None:
        """To where so many steps were done, by repeating those since weights were saved."""
        words = self.words
        for array, saved in zip(
            (self.memory.weights, *self.memory.state.values()), self.memory.saved, strict=True
        ):
            array[...] = saved
        words[c.EPOCH], words[c.STEP] = words[c.SAVED_EPOCH], words[c.SAVED_STEP]
        words[c.BAD], words[c.STOP], words[c.REPLAY] = 0, 0, 1
        words[c.LAST_STEP], words[c.LAST_EPOCH] = steps, epochs + 1
        words[c.SAVE_EVERY] = np.iinfo(np.int64).max // 2
        self.memory.guards[:] = 0
        first = int(words[c.SAVED_EPOCH])
        self._adjust_from(first, epochs + 1 - first)
        self._replay()
        words[c.EPOCH], words[c.STEP] = epochs, steps

    def _settings(self, epochs: int, steps: int) -> dict[str, Any]:
        """The settings of the step that follows so many."""
        done = epochs + (steps - epochs * self._steps()) / self._steps()
        settings, plateaus = self.program.settings_at(done), self.program.plateaus
        if plateaus:
            settings |= dict(zip(plateaus, self.followed[epochs], strict=True))
        return settings

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
        done = epochs * self._steps()
        if program.batch_size >= len(rows):
            batch = filled_up(rows, slice(None), len(rows), len(rows) * rows.mean_weight)
        else:
            batch = list(training_batches(program, rows, epochs + 1))[steps - done]
        settings = map(np.asarray, self._settings(epochs, steps).values())
        inputs = [self.memory.weights, *self.memory.state.values(), *settings, *batch]
        return origin_of_non_finite(program.step, inputs, skip=program.measures[1:])
