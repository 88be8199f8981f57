"""Warnings of many runs at once, each shown a single time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from talweg.errors import TrainingWarning, counted
from talweg.train.run.run import Run
from talweg.train.search.tasks import Task

_NAMED = 3  # runs that a warning names


def warn_of_gradients(tasks: Sequence[Task], at: str, noun: str) -> None:
    """A TrainingWarning with the first warning of a task, and how many others have the same.

    The warning ends with "The same holds `at` 2 other `noun`s".
    """
    warned = [task for task in tasks if task.warning]
    if not warned:
        return
    others = counted(len(warned) - 1, f"other {noun}")
    more = f" The same holds {at} {others}." if len(warned) > 1 else ""
    words = f"{warned[0].name}: {warned[0].warning}{more}"
    warnings.warn(words, TrainingWarning, stacklevel=3)


def warn_of_failures(names: Sequence[str], runs: Sequence[Run | None]) -> None:
    """A TrainingWarning with the names of the runs whose numbers stopped being finite."""
    failed = [name for name, run in zip(names, runs, strict=True) if run and run.failure]
    if not failed:
        return
    shown = "; ".join(failed[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    warnings.warn(
        f"{len(failed)} of {counted(len(runs), 'run')} stopped being finite: {shown}{more}. The "
        "`failure` of each says where it happened and what to try. The other runs are unchanged.",
        TrainingWarning,
        stacklevel=3,
    )
