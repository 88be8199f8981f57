"""What a thread of a sweep does at a time: one run, or many tiny ones as replicas of one run.

A step of a tiny net leaves most of a vector idle and most of the time to the loops around it; as
replicas, 1,000 nets of 3-4-1 units took a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

from talweg.engine.numpy import loop
from talweg.engine.replicas import is_finite, parted, stacked, together, without_rule
from talweg.engine.run.program import Control, Outcome, Program
from talweg.engine.run.snapshot import Snapshot
from talweg.train.run.engines import Engine
from talweg.train.run.fit import Job
from talweg.train.run.in_memory_snapshot import Bookmark, parted_snapshot, stacked_snapshot
from talweg.train.run.run import Run
from talweg.train.search.jobs import Task

TINY = 24_000
"""Operations of a step, times the bytes of a number, up to which runs become replicas.

6,000 operations in float32: there 32 replicas are two or three times as fast as one by one, at 700
(3-4-1 units, 4 rows) ten times; from 50,000 on the vectors of one run alone are fuller.
"""
FEW = 4
"""Runs of one kind from which on they become replicas."""
WIDTHS = (1, 2, 4)
"""Vectors that replicas may fill; beyond, a step is no faster and numbers leave the cache."""


class Ended(NamedTuple):
    """What a run has left, and where it stands, if it halts."""

    run: Run
    snapshot: Snapshot | None


@dataclass(frozen=True)
class Work:
    """Runs that are done at once: one, or those of `tasks` as `width` replicas, copies included."""

    places: tuple[int, ...]
    tasks: tuple[Task, ...]
    width: int = 1

    @property
    def lead(self) -> Task:
        return self.tasks[0]

    @property
    def key(self) -> Any:
        """What decides the compiled program."""
        return self.lead.key, self.width

    @property
    def program(self) -> Program:
        """The program to compile."""
        programs = [each.job.program for each in self.tasks]
        return programs[0] if self.width == 1 else together(programs, self.width)

    @property
    def cost(self) -> int:
        return sum(each.cost for each in self.tasks)

    def run(self, engine: Engine, alone: Callable[[Task], Engine], control: Control) -> list[Ended]:
        """The runs of all tasks; `alone` gives the engine of a single one.

        A replica that diverged runs once more by itself, to end where it did.
        """
        if self.width == 1:
            return [_run(self.lead.ready(), self.lead, engine, control)]
        jobs, mark = [each.job for each in self.tasks], self._bookmark()
        weights = stacked([each.net.weights.flat for each in jobs], self.width)
        control.keeper = mark
        outcome = engine(self.program, weights, jobs[0].rows, None, control)
        ends = parted_snapshot(mark.end, len(jobs)) if mark and mark.end else [None] * len(jobs)
        found = []
        for task, own, end in zip(self.tasks, parted(outcome, len(jobs)), ends, strict=True):
            if is_finite(own):
                found.append(Ended(task.job.run(_gives(own), Control()), end))
            elif control.stop:  # interpreted, it ends at once
                found.append(_run(task.job, task, loop.run, Control(stop=True)))
            else:
                found.append(_run(task.job, task, alone(task), control))
        return found

    def _bookmark(self) -> Bookmark | None:
        starts = [each.start for each in self.tasks if each.start]
        if not (starts or self.lead.halts):
            return None
        start = stacked_snapshot(starts, self.width) if starts else None
        return Bookmark(start, keeps=self.lead.halts)


def _run(job: Job, task: Task, engine: Engine, control: Control) -> Ended:
    """A single run, from its start to its halt."""
    mark = Bookmark(task.start, keeps=task.halts) if task.start or task.halts else None
    control.keeper = mark
    run = job.run(engine, control)
    return Ended(run, mark.end if mark else None)


def _gives(outcome: Outcome) -> Engine:
    return lambda *_: outcome


def replicas_among(tasks: Sequence[Task]) -> set[int]:
    """The places of those that become replicas.

    It depends on all runs of a sweep, and not on threads, nor on which of them are left to do.
    """
    found: set[int] = set()
    for places in _by_kind(tasks, range(len(tasks))).values():
        if len(places) >= FEW and _may_share(tasks[places[0]]):
            found |= {*places}
    return found


def works_of(
    tasks: Sequence[Task], left: Iterable[int], shares: Set[int], workers: int
) -> list[Work]:
    """The work that is left; how many replicas share one run changes no bit."""
    works: list[Work] = []
    for places in _by_kind(tasks, left).values():
        lead = tasks[places[0]]
        width = _width(lead, len(places), workers) if places[0] in shares else 1
        works += [Work(each, tuple(tasks[p] for p in each), width) for each in _cut(places, width)]
    return works


def _by_kind(tasks: Sequence[Task], places: Iterable[int]) -> dict[Any, list[int]]:
    kinds: dict[Any, list[int]] = {}
    for place in places:
        kinds.setdefault(_kind(tasks[place]), []).append(place)
    return kinds


def _cut(places: Sequence[int], width: int) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(places), width):
        yield tuple(places[start : start + width])


def _kind(task: Task) -> Any:
    """Equal for runs that take the same steps on the same rows."""
    job, program = task.job, task.job.program
    mixes = program.shuffle and program.batch_size < len(job.rows)
    return (
        task.key,
        (id(job.rows), program.batch_size, program.epochs),
        program.seed if mixes else None,
    )


def _may_share(task: Task) -> bool:
    """Whether runs of this kind may be replicas: tiny ones that all go to their last epoch."""
    job, program = task.job, task.job.program
    ends_early = program.rules or program.validates or program.keep_best
    changes = ends_early or program.changing
    is_seen = program.watched or task.point.settings["watch"] is not None
    size = task.operations * job.net.weights.flat.itemsize
    is_plain = not (changes or is_seen or program.search)
    return is_plain and size <= TINY and not without_rule(program.step)


def _width(task: Task, count: int, workers: int) -> int:
    """The replicas of one run for which so many threads are done first.

    Measured with 3-4-1 units, a step takes 1 + the vectors that its replicas fill.
    """
    from talweg.engine.native.llvm.compiler import host

    lanes = host().vector_bytes // task.job.net.weights.flat.itemsize
    rounds = {vectors: -(-count // (vectors * lanes * workers)) for vectors in WIDTHS}
    return lanes * min(WIDTHS, key=lambda vectors: (rounds[vectors] * (1 + vectors), vectors))
