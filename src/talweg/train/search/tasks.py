"""Runs that are ready to train: each structure is recorded once, other runs are copies of it.

A run is a copy of another if both compute the same graphs and differ only in numbers that a
program takes as inputs: weights, seed, epochs, settings of the optimizer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from talweg.engine.run.rows import Rows
from talweg.engine.run.snapshot import Snapshot
from talweg.errors import TalwegError
from talweg.gates import Array
from talweg.nn import Module, as_loss
from talweg.settings import check
from talweg.train.run.folds import Fold, Holdout
from talweg.train.run.job import RULES, Job, copy_of, job_of, without_rows
from talweg.train.run.lower import DEFAULTS
from talweg.train.run.rows import evaluation_size, training_and_validation
from talweg.train.search.net_signature import graph_signature

Settings = Mapping[str, Any]
"""All settings of `fit`, checked."""


@dataclass(frozen=True)
class Task:
    """A run that waits to be trained; errors begin with its `name`, such as "sweep at lr=0.1".

    Tasks of one `key` share a compiled program. `operations` is the number of operations of a
    step, `steps` the number of steps of an epoch. The run continues from `start`; if it `halts`,
    it leaves a snapshot at its end. The first task of its structure may carry a `warning`.
    """

    name: str
    job: Job
    rows: Callable[[], tuple[Rows, Rows | None]] | None
    key: int
    operations: int
    steps: int
    watches: bool = False
    start: Snapshot | None = None
    halts: bool = False
    warning: str | None = None

    @property
    def cost(self) -> int:
        """The number of operations that are left of the run."""
        done = self.start.epoch if self.start else 0
        return self.operations * self.steps * (self.job.program.limits.epochs - done)

    def until(self, epochs: int, start: Snapshot | None) -> Task:
        """The same run from `start` to the end of epoch `epochs`."""
        program = self.job.program
        job = replace(
            self.job, program=replace(program, limits=replace(program.limits, epochs=epochs))
        )
        return replace(self, job=job, start=start, halts=epochs < program.limits.epochs)

    def ready(self) -> Job:
        """The run with its rows; those of a split are copied only now."""
        if self.rows is None:
            return self.job
        rows, validation_rows = self.rows()
        return replace(self.job, rows=rows, validation_rows=validation_rows)


@dataclass(frozen=True, eq=False)
class Member:
    """A network of an ensemble, with its own seed and the rows that it does not train on.

    `net` has weights already. Networks of one `structure` differ only in weights: the first is
    recorded, the others are copies.
    """

    name: str
    net: Module
    structure: Hashable
    seed: int
    validation: Fold | None = None


@contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Within this block an error names the run in which it occurred, if that has a name."""
    try:
        yield
    except TalwegError as error:
        if not name:
            raise
        # A new error each time: several threads may raise the same one.
        raise type(error)(f"{name}: {error}") from error
    except Exception as error:
        if name:
            error.add_note(f"({name})")
        raise


class Recorder:
    """Prepares runs on the rows X, y."""

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = X, y
        self._rows: dict[str, Array] = {}
        self._keys: dict[Any, int] = {}  # of programs, by all that decides them

    def members(self, members: Iterable[Member], settings: Settings) -> Iterator[Task]:
        """The runs of an ensemble with these settings of `fit`, each on one thread."""
        given = check("fit", {**DEFAULTS, **settings, "threads": 1, "progress": False}, RULES)
        leads: dict[Hashable, Task] = {}
        for member in members:
            own = {**given, "seed": member.seed, "validation": member.validation}
            structure = member.structure, self.structure(own)
            with errors_named(member.name):
                if lead := leads.get(structure):
                    task = self.copy(lead, member.name, member.net, own)
                else:
                    task = leads[structure] = self.recorded(member.name, member.net, own)
            yield task

    def structure(self, settings: Settings) -> Hashable:
        """The sizes that the fold of a run adds to its structure."""
        return _fold_sizes(settings, len(self.X))

    def rows(self, net: Module) -> Any:
        """X in the dtype of the network, converted once; X itself where `fit` will refuse it."""
        if net.dtype not in self._rows:
            x = np.ascontiguousarray(net.as_rows(self.X))
            self._rows[net.dtype] = x if np.isfinite(x).all() else self.X
        return self._rows[net.dtype]

    def recorded(self, name: str, net: Module, settings: Settings) -> Task:
        """A run whose graphs are recorded."""
        job = job_of(net, self.rows(net), self.y, settings)
        steps = job.program.schedule.steps_of(len(job.rows))
        size = job.program.step.cost().operations, steps
        key = self._keys.setdefault(_key(job), len(self._keys))
        task = self._task(name, job, settings, key, size)
        return replace(task, warning=job.flow.warning(job.program, job.rows))

    def copy(self, lead: Task, name: str, net: Module, settings: Settings) -> Task:
        """A run of another network that has the same graphs as that of `lead`."""
        job = copy_of(lead.job, net, settings)
        return self._task(name, job, settings, lead.key, (lead.operations, lead.steps))

    def _task(
        self, name: str, job: Job, settings: Settings, key: int, size: tuple[int, int]
    ) -> Task:
        watches = settings["watch"] is not None
        if not isinstance(settings["validation"], Holdout | Fold):
            return Task(name, job, None, key, *size, watches)
        names = ("validation", "sample_weight", "class_weight", "seed")
        rest = [settings[setting] for setting in names]
        loss, x = as_loss(settings["loss"]), self.rows(job.net)
        rows = partial(training_and_validation, job.net, x, self.y, loss, *rest)
        # The rows of a split are copies, so each run holds its own only while it trains.
        return Task(name, replace(job, rows=without_rows(job.rows)), rows, key, *size, watches)


def _fold_sizes(settings: Settings, count: int) -> tuple[int, ...] | None:
    """The sizes of a fold that decide the program: rows of a batch and of an evaluation, whether
    any of these are padded, and steps of an epoch if they are watched.
    """
    fold = settings["validation"]
    if not isinstance(fold, Fold):
        return None
    if _may_leave_rows_out(settings):
        return (id(fold),)
    training = max(1, count - len(fold.validation) - len(fold.test))
    batch = min(settings["batch_size"] or training, training)
    evaluated = evaluation_size(len(fold.validation), fold)
    is_padded = training % batch > 0 or evaluated != len(fold.validation)
    steps = -(-training // batch) if settings["watch"] is not None else 0
    return batch, evaluated, is_padded, steps


def _may_leave_rows_out(settings: Settings) -> bool:
    """Whether rows may have the weight 0; these are left out, more of one fold than of another."""
    weights, by_class = settings["sample_weight"], settings["class_weight"]
    if by_class is not None and not isinstance(by_class, str):
        return True
    is_known = isinstance(weights, np.ndarray) and weights.dtype.kind in "fiu"
    return weights is not None and not (is_known and bool((weights > 0).all()))


def _key(job: Job) -> Any:
    """Equal for runs that share a compiled program; the evaluation follows from the step."""
    program = job.program
    return (
        graph_signature(program.step),
        program.schedule.evaluation_size,
        program.limits.validates,
        program.graphs.watch_steps,
        program.graphs.watch_every > 1,
        *program.schedule.schedules,
        *program.schedule.plateaus.items(),
        program.schedule.by_step,
        *(id(rule) for rule in job.stops),
    )
