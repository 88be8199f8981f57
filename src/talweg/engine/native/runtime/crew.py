"""The threads that run one program together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from talweg.cores import move_to_core
from talweg.errors import EngineError
from talweg.memory_limits import start_thread

Call = Callable[[], object]


class Crew:
    """Runs calls that wait for each other, each in its own thread.

    The calls begin when all threads exist. If the system gives fewer threads, only the first calls
    run.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.size = 0
        self._gate = threading.Lock()
        self._ends = [threading.Event() for _ in calls]
        self._threads = [
            threading.Thread(target=self._work, args=pair, name="talweg", daemon=True)
            for pair in enumerate(calls)
        ]

    def run(self, begin: Callable[[int], object], look: Callable[[], float], halt: Call) -> None:
        """Call `begin` with the number of threads, then run the calls.

        Meanwhile `look` is called repeatedly; it returns the seconds until the next time. If an
        exception such as KeyboardInterrupt is raised here, `halt` must end the calls. All threads
        are joined, since they use memory that the caller frees.
        """
        try:
            with self._gate:
                size = self._started()
                begin(size)
                self.size = size
            while not self._is_done():
                self._ends[0].wait(look())
        finally:
            self._finish(halt)

    def _started(self) -> int:
        """Start the threads; returns their number."""
        for index, thread in enumerate(self._threads):
            try:
                start_thread(thread.start)
            except EngineError:
                if index == 0:
                    raise
                return index
        return len(self._threads)

    def _work(self, index: int, call: Call) -> None:
        with self._gate:  # no allocation here: a failure would leave the others waiting
            is_called = index < self.size
        try:
            if is_called:
                if self.size > 1:
                    move_to_core(index)
                call()
        finally:
            self._ends[index].set()

    def _is_done(self) -> bool:
        return all(end.is_set() for end in self._ends[: self.size])

    def _finish(self, halt: Call) -> None:
        if not self._is_done():
            halt()
        for thread in self._threads:
            while thread.is_alive():
                with suppress(BaseException):  # the first exception is already being raised
                    thread.join()
