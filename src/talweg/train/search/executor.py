"""Train runs side by side: one thread compiles ahead, others train, the caller waits for Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext
from typing import Any, Self

from talweg.engine.run.engine import Runner
from talweg.engine.run.outcome import Control
from talweg.memory_limits import start_thread
from talweg.train.run.interrupts import interruptible
from talweg.train.run.progress import SharedBar, Watched, wants_bar
from talweg.train.search.batching import Ended, Work
from talweg.train.search.tasks import Task, errors_named

_POLL = 0.02  # seconds between two checks for Ctrl-C

Note = Callable[[int, Ended], None]
"""Called on the caller's thread with the index and the result of each run that has ended."""


class Executor:
    """Trains the works of each rung; enter it once, for all rungs."""

    def __init__(
        self, tasks: Sequence[Task], engine: str | None, workers: int, progress: SharedBar
    ) -> None:
        self.engine, self.workers, self.progress = engine, workers, progress
        self.controls = [Control() for _ in tasks]
        self.started: set[int] = set()
        self.runners: dict[Any, Future[Runner]] = {}
        self.compiled: dict[Any, float] = {}  # seconds, of the programs that were run
        self.runners_lock = threading.Lock()
        self.compiling = ThreadPoolExecutor(1, "talweg-compile")
        self.training = ThreadPoolExecutor(min(workers, len(tasks)), "talweg-train")
        self.futures: dict[Future[list[Ended]], Work] = {}
        self.watched: dict[int, Watched] = {}  # by the first index of a work
        self.exits = ExitStack()

    def __enter__(self) -> Self:
        self.exits.enter_context(interruptible(*self.controls))
        self.exits.callback(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self.exits.close()

    @property
    def is_interrupted(self) -> bool:
        return self.controls[0].stop

    def run(self, works: Sequence[Work], note: Note) -> None:
        """Train the works; after Ctrl-C only those that have started."""
        self.futures, self.started = {}, set()
        self.watched = {work.indices[0]: self._watched(work) for work in works}
        bar = self.progress.bar([*self.watched.values()], self.workers)
        with bar if wants_bar(self.progress.shows_bar) else nullcontext():
            for work in _longest_first(works):
                self.futures[self._submit(work)] = work
            self._wait(note)

    def _submit(self, work: Work) -> Future[list[Ended]]:
        runner = self._runner(work)
        return start_thread(lambda: self.training.submit(self._train, work, runner))

    def _watched(self, work: Work) -> Watched:
        """The state of a work for the progress bar."""
        start, program = work.lead.start, work.lead.job.program
        return Watched(
            self.controls[work.indices[0]],
            runs=len(work.indices),
            first=start.epoch if start else 0,
            epochs=program.limits.epochs,
            budget=program.limits.time_budget,
        )

    def _runner(self, work: Work) -> Future[Runner]:
        """The runner of a work, compiled at its first use."""
        with self.runners_lock:
            if work.key not in self.runners:
                self.runners[work.key] = start_thread(
                    lambda: self.compiling.submit(work.prepare, self.engine)
                )
            return self.runners[work.key]

    def _train(self, work: Work, runner: Future[Runner]) -> list[Ended]:
        control = self.controls[work.indices[0]]
        with errors_named(work.lead.name):
            compiled = runner.result()
            self.started.add(work.indices[0])  # before reading the flag, so that no run is missed
            if control.stop:
                return []
            results = work.run(compiled, self._runner_alone, control)
        self.compiled |= {x.key: x.run.compile_seconds for x in results if x.run.compile_seconds}
        return results

    def _runner_alone(self, task: Task) -> Runner:
        """The runner of a single task."""
        return self._runner(Work((), (task,))).result()

    def _wait(self, note: Note) -> None:
        """Wait for all works; after Ctrl-C, for those that have started."""
        pending = set(self.futures)
        while pending:
            finished, pending = wait(pending, _POLL, FIRST_EXCEPTION)
            for future in finished:
                indices = self.futures[future].indices
                self.watched[indices[0]].ended = True
                for index, ended in zip(indices, future.result(), strict=False):  # errors end all
                    note(index, ended)
            if self.is_interrupted:
                pending = {future for future in pending if self._has_started(future)}

    def _has_started(self, future: Future[list[Ended]]) -> bool:
        return self.futures[future].indices[0] in self.started

    def _end(self) -> None:
        """End what is still running, after an error or a second Ctrl-C.

        After Ctrl-C nothing waits for a program that is being compiled.
        """
        is_interrupted = self.is_interrupted
        for control in self.controls:
            control.stop = True
        for pool in (self.compiling, self.training):
            pool.shutdown(wait=False, cancel_futures=True)
        wait(future for future in self.futures if self._has_started(future))
        for pool in (self.compiling, self.training):
            pool.shutdown(wait=not is_interrupted)


def _longest_first(works: Sequence[Work]) -> list[Work]:
    """The works program by program, the longest first, so that no core ends with a long one."""
    costs = [work.cost for work in works]
    most: dict[Any, int] = {}
    for work, cost in zip(works, costs, strict=True):
        most[work.key] = max(cost, most.get(work.key, 0))
    rank = {key: i for i, key in enumerate(sorted(most, key=most.__getitem__, reverse=True))}
    order = sorted(range(len(works)), key=lambda i: (rank[works[i].key], -costs[i]))
    return [works[i] for i in order]
