"""Train the networks of an ensemble as one call, side by side, each structure compiled once."""

from __future__ import annotations

from collections.abc import Iterable

from talweg.train.run.progress import SharedBar
from talweg.train.run.run import Run
from talweg.train.search.bracket import train_all
from talweg.train.search.tasks import Task
from talweg.train.search.warn import warn_of_failures, warn_of_gradients


def train_members(members: Iterable[Task], progress: SharedBar) -> list[Run | None]:
    """Train each member as `fit` would: the runs, in the order of the members.

    A member is None if Ctrl-C came before it began. One TrainingWarning names all members whose
    numbers stopped being finite, and another one those that no gradient reaches.
    """
    tasks = [*members]
    warn_of_gradients(tasks, "for", "network")
    runs = train_all(tasks, tasks[0].job.settings["engine"], progress).runs
    warn_of_failures([task.name for task in tasks], runs)
    return runs
