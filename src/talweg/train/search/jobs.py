"""From the points of a sweep to runs that are ready to go: each structure is recorded once.

Runs whose nets and settings differ in nothing but numbers that a program takes in (weights, seed,
epochs, settings of the optimiser) are copies of one recorded run, each with a net of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from talweg.engine.run.program import Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.errors import SettingError
from talweg.gates import Array
from talweg.nn import Module, as_loss
from talweg.train.run.fit import Job, copy_of, job_of, refuse_part, without_rows
from talweg.train.run.folds import Fold
from talweg.train.run.rows import evaluation_size, training_and_validation
from talweg.train.search.net_signature import Modules, forward, likeness, signature
from talweg.train.search.search_space import Build, Point, named, splits_rows


@dataclass(frozen=True)
class Task:
    """A run that waits to be done; those of one `key` share a compiled program.

    `operations` are those of one step, `steps` those of one epoch. It goes on from its `start`, and
    if it `halts`, it leaves where it stands. The first of its structure may have a `warning`.
    """

    point: Point
    job: Job
    rows: Callable[[], tuple[Rows, Rows | None]] | None
    key: int
    operations: int
    steps: int
    start: Snapshot | None = None
    halts: bool = False
    warning: str | None = None

    @property
    def cost(self) -> int:
        """The operations of the whole run."""
        done = self.start.epoch if self.start else 0
        return self.operations * self.steps * (self.job.program.epochs - done)

    def until(self, epochs: int, start: Snapshot | None) -> Task:
        """The same, from where it stood to the end of so many epochs."""
        program = self.job.program
        job = replace(self.job, program=replace(program, epochs=epochs))
        return replace(self, job=job, start=start, halts=epochs < program.epochs)

    def ready(self) -> Job:
        """The run with its rows, which are split off only now where they are some of X."""
        if self.rows is None:
            return self.job
        rows, held_out = self.rows()
        return replace(self.job, rows=rows, held_out=held_out)


def tasks_of(build: Build, X: Any, y: Any, points: Sequence[Point]) -> list[Task]:
    """Every run, ready to go: nothing is trained before all are."""
    maker = _Maker(build, X, y)
    return [maker.task(point) for point in points]


@dataclass(frozen=True)
class _Lead:
    """The first run of its structure, which the others are copies of."""

    task: Task
    forward: tuple[Any, ...]
    likeness: Any


class _Maker:
    """Makes the nets, in the order of the points, and their runs."""

    def __init__(self, build: Build, X: Any, y: Any) -> None:
        self.build, self.X, self.y = build, X, y
        self.leads: dict[Any, _Lead] = {}
        self.rows: dict[str, Array] = {}
        self.parts: set[int] = set()
        self.keys: dict[Any, int] = {}  # of programs, by all that decides them

    def task(self, point: Point) -> Task:
        with named(point):
            net, modules = self._net(point)
            x, structure = self._rows(net), (point.structure, _fold_sizes(point, len(self.X)))
            lead = self.leads.get(structure)
            task = None if lead is None else self._copy(lead, net, modules, x, point)
            if task is None:
                task = self._recorded(net, x, point)
                self.leads.setdefault(structure, _Lead(task, forward(net, x), likeness(modules)))
            return task

    def _net(self, point: Point) -> tuple[Module, Modules]:
        net = self.build(**point.build)
        if not isinstance(net, Module):
            raise SettingError(
                f"build must return a net such as tw.Sequential(...), but returned {net!r}"
            )
        refuse_part(net)
        modules = net.named_modules()
        parts = {id(part) for _, part in modules}
        if parts & self.parts:
            raise SettingError(
                f"build must make a new net each time, but this {type(net).__name__} was there "
                "before, or a part of it"
            )
        self.parts |= parts
        return net, modules

    def _rows(self, net: Module) -> Any:
        """X in the net's dtype, converted once; as it came where `fit` will refuse it."""
        if net.dtype not in self.rows:
            x = np.ascontiguousarray(net.as_rows(self.X))
            self.rows[net.dtype] = x if np.isfinite(x).all() else self.X
        return self.rows[net.dtype]

    def _recorded(self, net: Module, x: Any, point: Point) -> Task:
        job = job_of(net, x, self.y, point.settings)
        steps = -(-len(job.rows) // job.program.batch_size)
        size = job.program.step.cost().operations, steps
        key = self.keys.setdefault(_key(job), len(self.keys))
        task = self._task(point, job, x, key, size)
        return replace(task, warning=job.flow.warning(job.program, job.rows))

    def _copy(
        self, lead: _Lead, net: Module, modules: Modules, x: Any, point: Point
    ) -> Task | None:
        """The run as a copy of the first of its structure; None where the net is another."""
        settings = point.settings
        mine = likeness(modules)
        is_alike = mine is not None and mine == lead.likeness
        if not net.is_initialized and is_alike:
            net.init_as(lead.task.job.net, x[:2], seed=settings["seed"])
        elif not net.is_initialized:
            net.init(x[:2], seed=settings["seed"])
        if not is_alike and forward(net, x) != lead.forward:
            return None
        if not np.isfinite(net.weights.flat).all():
            return None
        job = copy_of(lead.task.job, net, settings)
        size = lead.task.operations, lead.task.steps
        return self._task(point, job, x, lead.task.key, size)

    def _task(self, point: Point, job: Job, x: Any, key: int, size: tuple[int, int]) -> Task:
        settings = point.settings
        if not splits_rows(settings):
            return Task(point, job, None, key, *size)
        names = ("validation", "sample_weight", "class_weight", "seed")
        rest = [settings[name] for name in names]
        loss = as_loss(settings["loss"])
        rows = partial(training_and_validation, job.net, x, self.y, loss, *rest)
        # rows that are split off are copies, so each run holds its own only while it is done
        return Task(point, replace(job, rows=without_rows(job.rows)), rows, key, *size)


# What is the same -------------------------------------------------------------------------------


def _fold_sizes(point: Point, count: int) -> tuple[int, ...] | None:
    """What of the sizes of a fold decides the program: rows of a batch and of an evaluation,
    whether any of these are filled up, and steps of an epoch where they are watched.
    """
    settings, fold = point.settings, point.settings["validation"]
    if not isinstance(fold, Fold):
        return None
    if _may_leave_rows_out(settings):
        return (id(fold),)
    training = max(1, count - len(fold.validation) - len(fold.test))
    batch = min(settings["batch_size"] or training, training)
    evaluated = evaluation_size(len(fold.validation), fold)
    is_filled = training % batch > 0 or evaluated != len(fold.validation)
    steps = -(-training // batch) if settings["watch"] is not None else 0
    return batch, evaluated, is_filled, steps


def _may_leave_rows_out(settings: Mapping[str, Any]) -> bool:
    """Whether rows may weigh nothing, which are left out, more of one fold than of another."""
    weights, by_class = settings["sample_weight"], settings["class_weight"]
    if by_class is not None and not isinstance(by_class, str):
        return True
    is_known = isinstance(weights, np.ndarray) and weights.dtype.kind in "fiu"
    return weights is not None and not (is_known and bool((weights > 0).all()))


def _key(job: Job) -> Any:
    """What decides the compiled program of a run; the evaluation follows from the step."""
    program = job.program
    return (
        signature(program.step),
        program.evaluation_size,
        program.validates,
        program.watch_steps,
        program.watch_every > 1,
        *program.schedules,
        *program.plateaus.items(),
        program.changes_each_step,
        *(id(each) for each in job.stops),
    )
