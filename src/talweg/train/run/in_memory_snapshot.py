"""Where a run halts, kept in memory, for it to go on from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from talweg.engine.replicas import stacked
from talweg.engine.run.snapshot import Array, Snapshot


class Bookmark:
    """Keeps where a run stands at its end; a `Keeper` for whom nothing is due before."""

    def __init__(self, start: Snapshot | None = None, *, keeps: bool) -> None:
        self.start, self.keeps = start, keeps
        self.end: Snapshot | None = None

    def is_due(self, epoch: int, best_epoch: int) -> bool:
        return False

    def epochs_until(self, epoch: int, pace: float) -> int:
        return 2**31

    def keep(self, snapshot: Snapshot) -> None:
        if self.keeps:  # in arrays of its own: the run's memory goes
            self.end = _mapped(snapshot, np.array)


_ARRAYS = ("weights", "best")
_GROUPS = ("state", "rules", "history", "watched")


def _mapped(snapshot: Snapshot, change: Any) -> Snapshot:
    """A snapshot with each of its arrays changed."""
    arrays: Any = {name: change(getattr(snapshot, name)) for name in _ARRAYS}
    groups: Any = {
        group: {name: change(each) for name, each in getattr(snapshot, group).items()}
        for group in _GROUPS
    }
    return replace(snapshot, **arrays, **groups)


def parted_snapshot(snapshot: Snapshot, count: int) -> list[Snapshot]:
    """The snapshots of the first replicas of one."""
    return [
        _mapped(snapshot, lambda array, place=place: array[..., place].copy())
        for place in range(count)
    ]


def stacked_snapshot(snapshots: Sequence[Snapshot], count: int) -> Snapshot:
    """Snapshots of one epoch as that of so many replicas; the last fills up what is missing."""
    lead = snapshots[0]

    def together(records: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        return {name: stacked([each[name] for each in records], count) for name in records[0]}

    arrays: Any = {
        name: stacked([getattr(each, name) for each in snapshots], count) for name in _ARRAYS
    }
    groups: Any = {
        group: together([getattr(each, group) for each in snapshots]) for group in _GROUPS
    }
    return replace(lead, **arrays, **groups)
