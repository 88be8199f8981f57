"""Calls of the compiled program: slices of a run, each on some number of threads at once.

The threads are Python threads, each inside one native call that does not hold the GIL. Python stays
free meanwhile: it copies counters to `Control`, and sets words that end the slice or the run.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import partial

from talweg.engine.native import control_block as c
from talweg.engine.native.llvm.compiler import Compiled
from talweg.engine.native.runtime.crew import Crew
from talweg.engine.native.runtime.run_memory import RunMemory
from talweg.engine.native.runtime.thread_choice import ThreadChooser
from talweg.engine.run.outcome import Control

FIRST_LOOK = 4e-3
"""Seconds until the first look at a running program."""
LOOK_SECONDS = 0.02
"""Seconds between two looks at a running program."""


class Caller:
    """Calls the program of a run slice by slice, and supervises it until it has reached its end."""

    def __init__(self, code: Compiled, memory: RunMemory, chooser: ThreadChooser) -> None:
        self.memory, self.words, self.chooser = memory, memory.words, chooser
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(
            code.addresses["run"]
        )
        self.calls = [
            partial(function, self.words.ctypes.data, table.ctypes.data, thread)
            for thread, table in enumerate(memory.tables)
        ]

    def run(
        self,
        control: Control,
        time_budget: float | None = None,
        measures_of: Callable[[int], dict[str, float]] = lambda epoch: {},
    ) -> None:
        """Run to the last epoch or the last step, or until something else ends the run.

        `measures_of` gives the measures of an epoch that has ended, for the progress that users
        see.
        """
        self.control, self.time_budget, self.measures_of = control, time_budget, measures_of
        last_step = int(self.words[c.LAST_STEP])
        with self.memory.in_use():
            self._slice(last_step)
            while not self._has_ended(last_step):
                self._slice(last_step)
        self.words[c.LAST_STEP] = last_step

    def _slice(self, last_step: int) -> None:
        """Run until the chooser wants a pause, and not beyond a step."""
        words, chosen = self.words, self.chooser.slice
        words[c.LAST_STEP] = min(last_step, int(words[c.STEP]) + chosen.steps)
        Crew(self.calls[: chosen.threads]).run(self._begin, self._look, self._halt)
        self._exchange()
        self.chooser.end(int(words[c.STEP]), self._seconds())

    def _has_ended(self, last_step: int) -> bool:
        words = self.words
        is_over = words[c.EPOCH] >= words[c.LAST_EPOCH] or words[c.STEP] >= last_step
        return bool(is_over or words[c.STOP] or words[c.NON_FINITE] or words[c.STATUS])

    def _begin(self, threads: int) -> None:
        words = self.words
        words[c.ARRIVED], words[c.NAPS] = 0, 0
        self.memory.set_threads(threads)
        words[c.BEGAN : c.BEGAN + 2] = words[c.ENDED : c.ENDED + 2] = 0
        self.chooser.begin(int(words[c.STEP]))
        self.began = time.perf_counter()

    def _halt(self) -> None:
        self.words[c.STOP] |= c.INTERRUPTED

    def _seconds(self) -> float:
        """The seconds of the slice without the start of its threads, if the system can tell."""
        words = self.words
        if not words[c.BEGAN]:
            return time.perf_counter() - self.began
        seconds, nanoseconds = map(int, words[c.ENDED : c.ENDED + 2] - words[c.BEGAN : c.BEGAN + 2])
        return seconds + nanoseconds * 1e-9

    def _look(self) -> float:
        """Exchange flags and counters with the program; returns the seconds until the next look."""
        self._exchange()
        words, passed = self.words, time.perf_counter() - self.began
        if self.chooser.look(int(words[c.STEP]), passed, int(words[c.NAPS])):
            words[c.LAST_STEP] = 0
        wait = LOOK_SECONDS if passed > FIRST_LOOK else FIRST_LOOK
        if self.time_budget is None:
            return wait
        return max(1e-4, min(wait, self.time_budget - float(self.memory.reals[c.SECONDS])))

    def _exchange(self) -> None:
        words, control = self.words, self.control
        seconds = time.perf_counter() - control.started
        self.memory.reals[c.SECONDS] = seconds
        is_late = self.time_budget is not None and seconds >= self.time_budget
        if control.stop or is_late:
            words[c.STOP] = c.INTERRUPTED if control.stop else c.TIME_BUDGET
        control.step = int(words[c.STEP])
        epoch = int(words[c.EPOCH])
        if epoch > control.epoch:
            control.epoch, control.best_epoch = epoch, int(words[c.BEST_EPOCH])
            control.measures = self.measures_of(epoch)
