"""Runs side by side: one thread compiles ahead, some train, the caller's waits for Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext
from typing import Any, Self

from talweg.engine.run.program import Control, Outcome
from talweg.memory_limits import start_thread
from talweg.train.run.engines import Engine, engine_for
from talweg.train.run.interrupts import interruptible
from talweg.train.run.progress import Watched, Whole, wants_bar
from talweg.train.search.batching import Ended, Work
from talweg.train.search.jobs import Task
from talweg.train.search.search_space import named

_LOOK = 0.02  # seconds between two looks for Ctrl-C

Note = Callable[[int, Ended], None]
"""Is told of each run that has ended, by its place, on the caller's thread."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class SideBySide:
    """What runs the works of a sweep, rung by rung; to be entered once, for all of them."""

    def __init__(
        self, tasks: Sequence[Task], engine: str | None, workers: int, progress: Whole
    ) -> None:
        self.engine, self.workers, self.progress = engine, workers, progress
        self.controls = [Control() for _ in tasks]
        self.begun: set[int] = set()
        self.engines: dict[Any, Future[Engine]] = {}
        self.compiled: dict[Any, float] = {}  # how long the programs took that were run
        self.finding = threading.Lock()
        self.compiling = ThreadPoolExecutor(1, "talweg-compile")
        self.training = ThreadPoolExecutor(min(workers, len(tasks)), "talweg-train")
        self.futures: dict[Future[list[Ended]], Work] = {}
        self.watched: dict[int, Watched] = {}  # by the first place of a work
        self.held = ExitStack()

    def __enter__(self) -> Self:
        self.held.enter_context(interruptible(*self.controls))
        self.held.callback(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self.held.close()

    @property
    def is_interrupted(self) -> bool:
        return self.controls[0].stop

    def run(self, works: Sequence[Work], note: Note) -> None:
        """Do the works; after Ctrl-C only those that have begun."""
        self.futures, self.begun = {}, set()
        self.watched = {each.places[0]: self._watched(each) for each in works}
        bar = self.progress.bar([*self.watched.values()], self.workers)
        with bar if wants_bar(self.progress.shows_bar) else nullcontext():
            for work in _longest_first(works):
                self.futures[self._submitted(work)] = work
            self._wait(note)

    def _submitted(self, work: Work) -> Future[list[Ended]]:
        engine = self._engine(work)
        return start_thread(lambda: self.training.submit(self._one, work, engine))

    def _watched(self, work: Work) -> Watched:
        """What the bar tells of a work."""
        start, program = work.lead.start, work.lead.job.program
        return Watched(
            self.controls[work.places[0]],
            runs=len(work.places),
            first=start.epoch if start else 0,
            epochs=program.epochs,
            budget=program.time_budget,
        )

    def _engine(self, work: Work) -> Future[Engine]:
        """What runs a work; compiled when first asked for, so in the order of need."""
        with self.finding:
            if work.key not in self.engines:
                self.engines[work.key] = start_thread(
                    lambda: self.compiling.submit(self._compile, work)
                )
            return self.engines[work.key]

    def _compile(self, work: Work) -> Engine:
        engine = engine_for(self.engine, work.program)

        def run(*given: Any) -> Outcome:
            outcome = engine(*given)
            self.compiled[work.key] = outcome.compile_seconds
            return outcome

        return run

    def _one(self, work: Work, engine: Future[Engine]) -> list[Ended]:
        control = self.controls[work.places[0]]
        with named(work.lead.point):
            trained_by = engine.result()
            self.begun.add(work.places[0])  # before the look at the flag: no run slips through
            return [] if control.stop else work.run(trained_by, self._alone, control)

    def _alone(self, task: Task) -> Engine:
        """What runs a task by itself."""
        return self._engine(Work((), (task,))).result()

    def _wait(self, note: Note) -> None:
        """Until all are done; after Ctrl-C, until those are that have begun."""
        pending = set(self.futures)
        while pending:
            finished, pending = wait(pending, _LOOK, FIRST_EXCEPTION)
            for each in finished:
                places = self.futures[each].places
                self.watched[places[0]].ended = True
                for place, ended in zip(places, each.result(), strict=False):  # errors end all
                    note(place, ended)
            if self.is_interrupted:
                pending = {each for each in pending if self._has_begun(each)}

    def _has_begun(self, future: Future[list[Ended]]) -> bool:
        return self.futures[future].places[0] in self.begun

    def _end(self) -> None:
        """End what is still under way, after an error or a second Ctrl-C.

        After Ctrl-C nothing waits for a program that is being compiled.
        """
        is_interrupted = self.is_interrupted
        for control in self.controls:
            control.stop = True
        for pool in (self.compiling, self.training):
            pool.shutdown(wait=False, cancel_futures=True)
        wait(each for each in self.futures if self._has_begun(each))
        for pool in (self.compiling, self.training):
            pool.shutdown(wait=not is_interrupted)


def _longest_first(works: Sequence[Work]) -> list[Work]:
    """The works program by program, so that no core is left with a long one."""
    costs = [each.cost for each in works]
    most: dict[Any, int] = {}
    for work, cost in zip(works, costs, strict=True):
        most[work.key] = max(cost, most.get(work.key, 0))
    rank = {key: i for i, key in enumerate(sorted(most, key=most.__getitem__, reverse=True))}
    order = sorted(range(len(works)), key=lambda i: (rank[works[i].key], -costs[i]))
    return [works[i] for i in order]
