"""The snapshot of a halted run, kept in memory, from which it continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from talweg.engine.replicas import stacked
from talweg.engine.run.snapshot import Array, Snapshot


class MemoryCheckpointer:
    """Holds the snapshot at the end of a run, and no other."""

    def __init__(self, start: Snapshot | None = None, *, keeps: bool) -> None:
        self.start, self.keeps = start, keeps
        self.end: Snapshot | None = None

    def is_due(self, epoch: int, best_epoch: int) -> bool:
        return False

    def epochs_until(self, epoch: int, pace: float) -> int:
        return 2**31

    def save(self, snapshot: Snapshot) -> None:
        if self.keeps:  # as copies, since the memory of the run is released
            self.end = _mapped(snapshot, np.array)


_ARRAYS = ("weights", "best")
_GROUPS = ("state", "rules", "history", "watched")


def _mapped(snapshot: Snapshot, change: Any) -> Snapshot:
    """A snapshot with a function applied to each of its arrays."""
    arrays: Any = {name: change(getattr(snapshot, name)) for name in _ARRAYS}
    groups: Any = {
        group: {name: change(array) for name, array in getattr(snapshot, group).items()}
        for group in _GROUPS
    }
    return replace(snapshot, **arrays, **groups)


def parted_snapshot(snapshot: Snapshot, count: int) -> list[Snapshot]:
    """The snapshots of the first `count` replicas."""
    return [
        _mapped(snapshot, lambda array, replica=replica: array[..., replica].copy())
        for replica in range(count)
    ]


def stacked_snapshot(snapshots: Sequence[Snapshot], count: int) -> Snapshot:
    """The snapshots of runs at one epoch as one of `count` replicas, filled up with the last."""
    lead = snapshots[0]

    def together(records: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        return {name: stacked([record[name] for record in records], count) for name in records[0]}

    arrays: Any = {
        name: stacked([getattr(snapshot, name) for snapshot in snapshots], count)
        for name in _ARRAYS
    }
    groups: Any = {
        group: together([getattr(snapshot, group) for snapshot in snapshots]) for group in _GROUPS
    }
    return replace(lead, **arrays, **groups)
