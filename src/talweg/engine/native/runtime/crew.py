"""Threads that run one program together: as many as can be had, and none is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from talweg.errors import EngineError
from talweg.memory_limits import start_thread

Call = Callable[[], object]


class Crew:
    """One thread for each of some calls, which wait for each other and so must all begin.

    They begin when all are there. If the system gives fewer threads, the first calls are made.
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
        """`begin` with so many threads, then the calls; `look` says when to look again, in seconds.

        Whatever is raised here meanwhile (Ctrl-C, say), `halt` is to end the calls, and all are
        waited for: they use memory that goes with the caller.
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
        """How many threads there are."""
        for place, thread in enumerate(self._threads):
            try:
                start_thread(thread.start)
            except EngineError:
                if place == 0:
                    raise
                return place
        return len(self._threads)

    def _work(self, place: int, call: Call) -> None:
        with self._gate:  # no allocation here: what fails leaves the others waiting
            is_called = place < self.size
        try:
            if is_called:
                call()
        finally:
            self._ends[place].set()

    def _is_done(self) -> bool:
        return all(each.is_set() for each in self._ends[: self.size])

    def _finish(self, halt: Call) -> None:
        if not self._is_done():
            halt()
        for thread in self._threads:
            while thread.is_alive():
                with suppress(BaseException):  # what came first is on its way up already
                    thread.join()
