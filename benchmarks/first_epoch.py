"""From a cold process to the end of the first epoch of the digits, and the memory it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cases import DIGITS, problem
from benchmarks.processes import Worker

_ENOUGH = 20.0  # seconds after which a contestant is not started once more


@dataclass
class Start:
    """Seconds from the start of the process, with empty caches and once more with what it left."""

    name: str
    empty: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    remark: str = ""
    failed: str = ""

    def record(self) -> dict[str, Any]:
        """All of it, for the JSON."""
        return asdict(self)


def caches(folder: Path) -> dict[str, str]:
    """The environment that puts every contestant's compile cache into a folder of ours."""
    return {
        "XDG_CACHE_HOME": str(folder),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def first_epochs(names: Sequence[str], rounds: int) -> list[Start]:
    """Each contestant in turn, round by round: import, compile, one epoch of 1,437 rows."""
    starts = [Start(each) for each in names]
    with TemporaryDirectory() as name:
        problem(DIGITS).save(Path(name))
        for _ in range(rounds):
            for each in starts:
                if not each.failed and sum(each.empty + each.again) < _ENOUGH:
                    _once(each, Path(name))
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
