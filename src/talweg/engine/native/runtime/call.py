"""One call of the compiled program, on all threads at once.

The threads are Python threads, each inside one native call that does not hold the GIL. Python stays
free meanwhile: it copies counters to `Control`, and sets flags that end the call.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import partial

from talweg.engine.native import control_block as c
from talweg.engine.native.llvm.compiler import Compiled
from talweg.engine.native.runtime.core_sharing import LOOK_SECONDS, CoreSharing
from talweg.engine.native.runtime.crew import Crew
from talweg.engine.native.runtime.run_memory import RunMemory
from talweg.engine.run.outcome import Control


class Call:
    """A call of the program, supervised until it returns.

    `measures_of` gives the measures of an epoch that has ended, for the progress that users see.
    """

    def __init__(
        self,
        code: Compiled,
        memory: RunMemory,
        control: Control,
        time_budget: float | None,
        measures_of: Callable[[int], dict[str, float]],
    ) -> None:
        self.code, self.memory, self.control = code, memory, control
        self.time_budget, self.measures_of = time_budget, measures_of
        self.words = memory.words
        self.sharing = CoreSharing(self.words, memory.threads)

    def run(self) -> None:
        """Call the program and wait until all its threads have returned."""
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
        self.sharing.begin()

    def _halt(self) -> None:
        self.words[c.STOP] |= c.INTERRUPTED

    def _look(self) -> float:
        """Exchange flags and counters with the program; returns the seconds until the next look."""
        words, control = self.words, self.control
        seconds = time.perf_counter() - control.started
        self.memory.reals[c.SECONDS] = seconds
        budget = self.time_budget
        is_late = budget is not None and seconds >= budget
        if control.stop or is_late:
            words[c.STOP] = c.INTERRUPTED if control.stop else c.TIME_BUDGET
        self.sharing.look()
        control.step = int(words[c.STEP])
        epoch = int(words[c.EPOCH])
        if epoch > control.epoch:
            control.epoch, control.best_epoch = epoch, int(words[c.BEST_EPOCH])
            control.measures = self.measures_of(epoch)
        return LOOK_SECONDS if budget is None else max(1e-4, min(LOOK_SECONDS, budget - seconds))
