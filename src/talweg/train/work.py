"""What a thread of a sweep does at a time: one run, or many tiny ones as replicas of one run.

A step of a tiny net leaves most of a vector idle and most of the time to the loops around it; as
replicas, 1,000 nets of 3-4-1 units took a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from talweg.engine import loop
from talweg.engine.program import Control, Outcome, Program
from talweg.engine.replicas import is_finite, parted, stacked, together, without_rule
from talweg.train.fit import Engine
from talweg.train.points import Task
from talweg.train.run import Run

TINY = 24_000
"""Operations of a step, times the bytes of a number, up to which runs become replicas.

6,000 operations in float32: there 32 replicas are two or three times as fast as one by one, at 700
(3-4-1 units, 4 rows) ten times; from 50,000 on the vectors of one run alone are fuller.
"""
FEW = 4
"""Runs of one kind from which on they become replicas."""
WIDTHS = (1, 2, 4)
"""Vectors that replicas may fill; beyond, a step is no faster and numbers leave the cache."""


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

    def run(self, engine: Engine, alone: Callable[[Task], Engine], control: Control) -> list[Run]:
        """The runs of all tasks; `alone` gives the engine of a single one.

        A replica that diverged runs once more by itself, to end where it did.
        """
        if self.width == 1:
            return [self.lead.ready().run(engine, control)]
        jobs = [each.job for each in self.tasks]
        weights = stacked([each.net.weights.flat for each in jobs], self.width)
        outcome = engine(self.program, weights, jobs[0].rows, None, control)
        runs = []
        for task, own in zip(self.tasks, parted(outcome, len(jobs)), strict=True):
            if is_finite(own):
                runs.append(task.job.run(_gives(own), Control()))
            elif control.stop:  # interpreted, it ends at once
                runs.append(task.job.run(loop.run, Control(stop=True)))
            else:
                runs.append(task.job.run(alone(task), control))
        return runs


def _gives(outcome: Outcome) -> Engine:
    return lambda *_: outcome


def one_by_one(tasks: Sequence[Task]) -> list[Work]:
    """Each task by itself."""
    return [Work((place,), (task,)) for place, task in enumerate(tasks)]


def works_of(tasks: Sequence[Task], workers: int) -> list[Work]:
    """All tasks, tiny ones of one kind together.

    Which become replicas does not depend on the number of threads, and their width changes no bit.
    """
    kinds: dict[Any, list[int]] = {}
    for place, task in enumerate(tasks):
        kinds.setdefault(_kind(task), []).append(place)
    works: list[Work] = []
    for places in kinds.values():
        lead, shares = tasks[places[0]], len(places) >= FEW
        width = _width(lead, len(places), workers) if shares and _may_share(lead) else 1
        works += [
            Work(each, tuple(tasks[place] for place in each), width) for each in _cut(places, width)
        ]
    return works


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
    from talweg.engine.native.compiler import host

    lanes = host().vector_bytes // task.job.net.weights.flat.itemsize
    rounds = {vectors: -(-count // (vectors * lanes * workers)) for vectors in WIDTHS}
    return lanes * min(WIDTHS, key=lambda vectors: (rounds[vectors] * (1 + vectors), vectors))
