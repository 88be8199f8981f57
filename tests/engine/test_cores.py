"""The number of cores that a process may use, with the limits of its control groups."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from talweg import cores as module
from talweg.cores import _limit, cores, move_to_core

Files = dict[str, str]


def limit(tmp_path: Path, membership: str, files: Files) -> float:
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (tmp_path / "membership").write_text(membership + "\n")
    return _limit(tmp_path / "groups", tmp_path / "membership")


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/", {"cpu.max": "250000 100000"}, 2.5),
        ("0::/app/one", {"app/one/cpu.max": "max 100000", "app/cpu.max": "400000 100000"}, 4),
        ("0::/app", {"app/cpu.max": "50000 100000", "cpu.max": "400000 100000"}, 0.5),
        ("0::/unknown/here", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {}, math.inf),
        (
            "4:cpu,cpuacct:/app\n0::/",
            {"cpu/app/cpu.cfs_quota_us": "150000", "cpu/app/cpu.cfs_period_us": "50000"},
            3,
        ),
        (
            "4:cpu,cpuacct:/",
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "100000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            1,
        ),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("3:cpuset:/", {"cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "1"}, math.inf),
        ("9:name=systemd:/a:b", {}, math.inf),
    ],
)
def test_the_limit_of_the_control_groups(
    tmp_path: Path, membership: str, files: Files, expected: float
) -> None:
    assert limit(tmp_path, membership, files) == expected


def test_no_limit_where_there_are_no_control_groups(tmp_path: Path) -> None:
    assert _limit(tmp_path, tmp_path / "absent") == math.inf


@pytest.mark.parametrize(
    ("allowed", "quota", "expected"), [(8, math.inf, 8), (8, 2.5, 2), (2, 8.0, 2), (8, 0.3, 1)]
)
def test_the_least_of_both_limits_counts(
    allowed: int, quota: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(allowed)), raising=False)
    monkeypatch.setattr(module, "_limit", lambda groups, membership: quota)
    assert cores() == expected


def test_a_system_that_cannot_bind_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux moves threads")
def test_a_moved_thread_may_still_use_all_cores() -> None:
    before = os.sched_getaffinity(0)
    for index in range(len(before) + 1):
        move_to_core(index)
        assert os.sched_getaffinity(0) == before


def test_a_thread_stays_where_the_system_forbids_to_move_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(pid: int, cores: set[int]) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    move_to_core(1)
