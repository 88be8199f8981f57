"""Train the networks of an ensemble as one call, side by side, each structure compiled once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from talweg.nn import Module
from talweg.settings import check
from talweg.train.run.folds import Fold
from talweg.train.run.job import RULES
from talweg.train.run.lower import DEFAULTS
from talweg.train.run.progress import Whole
from talweg.train.run.run import Run
from talweg.train.search.bracket import train_all
from talweg.train.search.tasks import Recorder, Task, errors_named
from talweg.train.search.warn import warn_of_failures, warn_of_gradients


@dataclass(frozen=True, eq=False)
class Member:
    """A network of an ensemble, with its own seed and the rows that it does not train on.

    `net` has weights already. Networks of one `structure` differ only in weights: the
    first is recorded, the others are copies.
    """

    name: str
    net: Module
    structure: Hashable
    seed: int
    validation: Fold | None = None


def train_members(
    members: Iterable[Member], X: Any, y: Any, settings: Mapping[str, Any], progress: Whole
) -> list[Run | None]:
    """Train each member as `fit` would with these settings: the runs, in the order of the members.

    A member is None if Ctrl-C came before it began. One TrainingWarning names all members whose
    numbers stopped being finite, and another one those that no gradient reaches.
    """
    given = {**DEFAULTS, **settings, "threads": 1, "progress": False}
    given = check("fit", given, RULES)
    tasks = _tasks_of(members, Recorder(X, y), given)
    warn_of_gradients(tasks, "for", "network")
    runs = train_all(tasks, given["engine"], progress).runs
    warn_of_failures([task.name for task in tasks], runs)
    return runs


def _tasks_of(
    members: Iterable[Member], recorder: Recorder, given: Mapping[str, Any]
) -> list[Task]:
    leads: dict[Hashable, Task] = {}
    tasks = []
    for member in members:
        settings = {**given, "seed": member.seed, "validation": member.validation}
        structure = member.structure, recorder.structure(settings)
        with errors_named(member.name):
            if lead := leads.get(structure):
                task = recorder.copy(lead, member.name, member.net, settings)
            else:
                task = recorder.recorded(member.name, member.net, settings)
                leads[structure] = task
        tasks.append(task)
    return tasks
