"""Time from the start of a process to the end of the first epoch on the digits, and its memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cases import DIGITS, problem
from benchmarks.processes import Worker

_ENOUGH = 20.0  # seconds; a contestant that has used more is not started again


@dataclass
class Start:
    """Seconds from the start of the process, with empty caches and again with the caches filled."""

    name: str
    empty: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    remark: str = ""
    failed: str = ""

    def record(self) -> dict[str, Any]:
        """All fields, for the JSON."""
        return asdict(self)


def caches(folder: Path) -> dict[str, str]:
    """Environment variables that put every contestant's compile cache into `folder`."""
    return {
        "XDG_CACHE_HOME": str(folder),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def first_epochs(names: Sequence[str], rounds: int) -> list[Start]:
    """Time import, compilation and one epoch of 1,437 rows, contestants in turn in each round."""
    starts = [Start(contestant) for contestant in names]
    with TemporaryDirectory() as name:
        problem(DIGITS).save(Path(name))
        for _ in range(rounds):
            for start in starts:
                if not start.failed and sum(start.empty + start.again) < _ENOUGH:
                    _once(start, Path(name))
    return starts


def _once(start: Start, folder: Path) -> None:
    with TemporaryDirectory() as name:
        for times in (start.empty, start.again):
            begun = time.perf_counter()
            with Worker(start.name, folder, 1, "--once", environment=caches(Path(name))) as worker:
                reply = worker.reply()
                taken = time.perf_counter() - begun
            if "peak_megabytes" not in reply:
                start.failed = reply.get("failed") or reply["not_comparable"]
                return
            times.append(taken)
            start.megabytes.append(reply["peak_megabytes"])
            start.remark = reply["remark"]
