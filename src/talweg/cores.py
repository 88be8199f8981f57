"""The cores that this process may use: their number, and a place on them for each thread."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def cores() -> int:
    """The number of cores that this process may use: at least 1.

    The process may be bound to some cores, and its control group may have a limit, as a container
    does. A limit of 2.5 cores counts as 2: threads that wait for each other all stand still while
    the group has used up its time.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, int(min(count, _limit(_GROUPS, _MEMBERSHIP))))


def move_to_core(index: int) -> None:
    """Move the calling thread to one of the cores, from which the system may move it on.

    Linux starts a thread beside the one that started it, and may leave it there for 10 ms: two
    threads then share a core although another is idle.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setaffinity(0, {sorted(allowed)[index % len(allowed)]})
        os.sched_setaffinity(0, allowed)


@cache
def _limit(groups: Path, membership: Path) -> float:
    """The cores that the control group of this process and those around it allow."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # another system than Linux
        return math.inf
    limits = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            limits += [_quota_2(group) for group in _groups(groups, path)]
        elif "cpu" in controllers.split(","):
            for root in (groups / "cpu", groups / controllers):
                limits += [_quota_1(group) for group in _groups(root, path)]
    return min(limits)


def _groups(root: Path, path: str) -> list[Path]:
    """The folder of a group and of those around it. Within a container its path may be unknown, and
    the limit is at the root.
    """
    group = root / path.strip("/")
    return [group, *(parent for parent in group.parents if parent.is_relative_to(root))]


def _quota_2(group: Path) -> float:
    quota, _, period = _text(group / "cpu.max").partition(" ")
    return _ratio(quota, period)


def _quota_1(group: Path) -> float:
    return _ratio(_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float:
    """The cores of a quota; any number of them if it is "max", -1 or not there."""
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else math.inf


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
