"""The work of one thread: a single run, or many tiny runs as replicas in one program.

A step of a tiny network leaves most of a vector unused and spends most of its time on the loops
around it; as replicas, 1,000 networks of 3-4-1 units took a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

from talweg.engine.registry import chosen_engine, interpreter
from talweg.engine.replicas import (
    gates_without_rule,
    is_finite,
    replicated_program,
    split_outcome,
    stacked,
)
from talweg.engine.run.engine import Runner
from talweg.engine.run.outcome import Control, Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.snapshot import Snapshot
from talweg.train.run.in_memory_snapshot import (
    MemoryCheckpointer,
    parted_snapshot,
    stacked_snapshot,
)
from talweg.train.run.job import Job
from talweg.train.run.run import Run
from talweg.train.search.tasks import Task

TINY = 24_000
"""Operations of a step, times the bytes of a number, up to which runs become replicas.

At 6,000 operations in float32, 32 replicas are two or three times as fast as single runs, at 700
(3-4-1 units, 4 rows) ten times; from 50,000 on, the vectors of a single run are fuller.
"""
FEW = 4
"""The least number of runs of one kind that become replicas."""
WIDTHS = (1, 2, 4)
"""Vectors that replicas may fill; with more, a step is no faster and leaves the cache."""


class Ended(NamedTuple):
    """The record of a run that has ended, the key of its program, and a snapshot if it halts."""

    run: Run
    key: Any
    snapshot: Snapshot | None


@dataclass(frozen=True)
class Work:
    """Runs that train at once: a single one, or `tasks` as `width` replicas, some of them copies
    that fill up the last vector.

    `indices` are the indices of the tasks in the sweep.
    """

    indices: tuple[int, ...]
    tasks: tuple[Task, ...]
    width: int = 1

    @property
    def lead(self) -> Task:
        return self.tasks[0]

    @property
    def key(self) -> Any:
        """Equal for works that share a compiled program."""
        return self.lead.key, self.width

    def prepare(self, engine: str | None) -> Runner:
        """The runner of this work and of every other work with its key."""
        chosen = chosen_engine(engine)
        return chosen.prepare(self._program(self.lead.job.program_for(chosen)))

    def _program(self, lead: Program) -> Program:
        """The program of the first task, or that of all tasks as replicas."""
        if self.width == 1:
            return lead
        programs = [lead, *(task.job.program for task in self.tasks[1:])]
        rule_of = chosen_engine(self.lead.job.settings["engine"]).replica_rule
        return replicated_program(programs, self.width, rule_of)

    @property
    def cost(self) -> int:
        return sum(task.cost for task in self.tasks)

    def run(
        self, runner: Runner, runner_alone: Callable[[Task], Runner], control: Control
    ) -> list[Ended]:
        """Train all tasks; `runner_alone` gives the runner of a single task.

        A replica that diverged is trained again alone, so it ends as a single run would.
        """
        if self.width == 1:
            return [_run(self.lead.ready(), self.lead, runner, control)]
        jobs, checkpointer = [task.job for task in self.tasks], self._checkpointer()
        weights = stacked([job.net.weights.flat for job in jobs], self.width)
        control.checkpointer = checkpointer
        outcome = runner(self._program(self.lead.job.program), weights, jobs[0].rows, None, control)
        end = checkpointer.end if checkpointer else None
        snapshots = parted_snapshot(end, len(jobs)) if end else [None] * len(jobs)
        results = []
        for task, own, snapshot in zip(
            self.tasks, split_outcome(outcome, len(jobs)), snapshots, strict=True
        ):
            if is_finite(own):
                run = task.job.run(_runner_giving(own), Control())
                results.append(Ended(run, self.key, snapshot))
            elif control.stop:  # on the interpreter, it ends at once
                at_once = task.job.prepare(interpreter().name)
                results.append(_run(task.job, task, at_once, Control(stop=True)))
            else:
                results.append(_run(task.job, task, runner_alone(task), control))
        return results

    def _checkpointer(self) -> MemoryCheckpointer | None:
        starts = [task.start for task in self.tasks if task.start]
        if not (starts or self.lead.halts):
            return None
        start = stacked_snapshot(starts, self.width) if starts else None
        return MemoryCheckpointer(start, keeps=self.lead.halts)


def _run(job: Job, task: Task, runner: Runner, control: Control) -> Ended:
    """Train a single run from its start to its halt or its end."""
    checkpointer = (
        MemoryCheckpointer(task.start, keeps=task.halts) if task.start or task.halts else None
    )
    control.checkpointer = checkpointer
    run = job.run(runner, control)
    return Ended(run, (task.key, 1), checkpointer.end if checkpointer else None)


def _runner_giving(outcome: Outcome) -> Runner:
    """An engine that trains nothing and returns this outcome."""
    return lambda *_: outcome


def replicas_among(tasks: Sequence[Task]) -> set[int]:
    """The indices of the tasks that become replicas.

    They depend on all runs of a sweep, and not on threads, nor on which runs are left to train.
    """
    replicas: set[int] = set()
    for indices in _by_kind(tasks, range(len(tasks))).values():
        if len(indices) >= FEW and _may_be_replicas(tasks[indices[0]]):
            replicas |= {*indices}
    return replicas


def works_of(
    tasks: Sequence[Task], left: Iterable[int], replicas: Set[int], workers: int
) -> list[Work]:
    """The works of the tasks that are left; how many replicas share a work changes no bit."""
    works: list[Work] = []
    for indices in _by_kind(tasks, left).values():
        lead = tasks[indices[0]]
        width = _width(lead, len(indices), workers) if indices[0] in replicas else 1
        works += [Work(cut, tuple(tasks[i] for i in cut), width) for cut in _cut(indices, width)]
    return works


def _by_kind(tasks: Sequence[Task], indices: Iterable[int]) -> dict[Any, list[int]]:
    kinds: dict[Any, list[int]] = {}
    for index in indices:
        kinds.setdefault(_kind(tasks[index]), []).append(index)
    return kinds


def _cut(indices: Sequence[int], width: int) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(indices), width):
        yield tuple(indices[start : start + width])


def _kind(task: Task) -> Any:
    """Equal for runs that take the same steps on the same rows."""
    job, program = task.job, task.job.program
    shuffles = program.schedule.shuffle and program.schedule.batch_size < len(job.rows)
    return (
        task.key,
        (id(job.rows), program.schedule.batch_size, program.limits.epochs),
        program.schedule.seed if shuffles else None,
    )


def _may_be_replicas(task: Task) -> bool:
    """Whether runs of this kind may be replicas: tiny ones that all go to their last epoch."""
    job, program = task.job, task.job.program
    ends_early = program.limits.rules or program.limits.validates or program.limits.restore_best
    changes = ends_early or program.schedule.changing
    is_watched = program.watched or task.watches
    size = task.operations * job.net.weights.flat.itemsize
    is_plain = not (changes or is_watched or program.method)
    rule_of = chosen_engine(job.settings["engine"]).replica_rule
    return is_plain and size <= TINY and not gates_without_rule(program.step, rule_of)


def _width(task: Task, count: int, workers: int) -> int:
    """The number of replicas in a work with which `workers` threads finish first.

    Measured with 3-4-1 units, a step takes a time of 1 + the number of vectors that are filled.
    """
    job = task.job
    lanes = chosen_engine(job.settings["engine"]).vector_width(job.net.weights.flat.itemsize)
    rounds = {vectors: -(-count // (vectors * lanes * workers)) for vectors in WIDTHS}
    return lanes * min(WIDTHS, key=lambda vectors: (rounds[vectors] * (1 + vectors), vectors))
