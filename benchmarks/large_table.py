"""A CSV of ten million rows and 30 columns: read, encoded, and learned from for one epoch.

python -m benchmarks.large_table [--rows 10_000_000]

The table is 20 numbers (every fourth with 5 % of its cells empty), 9 categories of 2 to 100 levels,
and a number that follows from them, but for noise: the best R2 is 0.878. It is learned in a process
of its own, which has no compiled programs from before. Its anonymous memory is what counts
(mapped files are the system's to drop), looked up twenty times a second: this needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks.first_epoch import caches
from benchmarks.processes import ROOT, as_installed

NUMBERS, LEVELS = 20, (2, 3, 4, 6, 10, 15, 25, 50, 100)
MISSING, NOISE = 0.05, 1 / 3  # a share, and a variance beside one of 3
_BLOCK = 2**16  # rows
_PAUSE = 0.05  # seconds
_PHASES = ("reading", "encoding", "training", "judging")
_LINE = ",".join(["%.5g"] * NUMBERS + ["%s"] * len(LEVELS) + ["%.5g"]) + "\n"


class Sample(NamedTuple):
    """What a process takes at a time: bytes of anonymous memory, and of temporary files."""

    at: float
    memory: int
    files: int


def write(file: Path, rows: int, seed: int = 0) -> None:
    """The table, block by block."""
    random = np.random.default_rng(seed)
    weights = random.normal(size=NUMBERS) / NUMBERS**0.5
    effects = [random.normal(size=count) / len(LEVELS) ** 0.5 for count in LEVELS]
    columns = [f"number_{place}" for place in range(NUMBERS)]
    columns += [f"category_of_{count}" for count in LEVELS]
    with file.open("w") as stream:
        stream.write(",".join([*columns, "target"]) + "\n")
        for start in range(0, rows, _BLOCK):
            stream.write(_lines(random, min(_BLOCK, rows - start), weights, effects))


def _lines(random: np.random.Generator, rows: int, weights: Any, effects: list[Any]) -> str:
    """Some rows: the target follows from numbers, categories, and two numbers together."""
    numbers = random.normal(size=(NUMBERS, rows))
    numbers[::4][random.random((len(numbers[::4]), rows)) < MISSING] = np.nan
    codes = [random.integers(count, size=rows) for count in LEVELS]
    known = np.nan_to_num(numbers)
    target = weights @ known + sum(each[code] for each, code in zip(effects, codes, strict=True))
    target += known[0] * known[1] + random.normal(scale=NOISE**0.5, size=rows)
    words = (map("level_{}".format, code.tolist()) for code in codes)
    cells = zip(*numbers.tolist(), *words, target.tolist(), strict=True)
    return "".join(map(_LINE.__mod__, cells)).replace("nan", "")


def learned(file: Path) -> dict[str, Any]:
    """When each phase of a fit began and the last ended, by the clock and in CPU seconds, and the
    score of one epoch.
    """
    import talweg as tw
    from talweg.data.model import table_model, training

    marks: list[tuple[float, float]] = []
    for module, name in ((table_model, "as_table"), (training, "learn")):
        setattr(module, name, _marked(getattr(module, name), marks))
    model = tw.TableModel(target="target", epochs=1).fit(file, progress=False)
    _mark(marks)
    score = model.scores[0]
    return {"marks": marks, "score": f"{score.name} {score.network:.4f}"}


def _marked(call: Callable[..., Any], marks: list[tuple[float, float]]) -> Callable[..., Any]:
    def marked(*given: Any, **settings: Any) -> Any:
        _mark(marks)
        found = call(*given, **settings)
        _mark(marks)
        return found

    return marked


def _mark(marks: list[tuple[float, float]]) -> None:
    marks.append((time.monotonic(), time.process_time()))


def watched(file: Path, folder: Path) -> tuple[dict[str, Any], list[Sample]]:
    """What `learned` says in a process of its own, and what that took all the while."""
    samples: list[Sample] = []
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.large_table", "--learn", file],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        env={**as_installed(), **caches(folder / "cache"), "TMPDIR": str(folder)},
    ) as process:
        assert process.stdout is not None
        while process.poll() is None:
            samples += _samples(process.pid, folder)
            time.sleep(_PAUSE)
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"learning ended with {process.returncode}")
    return json.loads(said), samples


def _samples(process: int, folder: Path) -> Iterator[Sample]:
    """What it takes now; nothing when it has just ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except ProcessLookupError:
        return
    lines = dict(line.split(":", 1) for line in status.splitlines())
    if "RssAnon" in lines:
        memory = int(lines["RssAnon"].split()[0]) * 2**10
        yield Sample(time.monotonic(), memory, sum(_files(process, folder).values()))


def _files(process: int, folder: Path) -> dict[int, int]:
    """Bytes of each temporary file of a process: it has them open, and they have no names."""
    found = {}
    with suppress(OSError):  # the process has ended
        for each in Path(f"/proc/{process}/fd").iterdir():
            target = str(each.readlink())
            if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                about = each.stat()
                found[about.st_ino] = about.st_size
    return found


def page(rows: int, size: int, said: dict[str, Any], samples: list[Sample]) -> Iterator[str]:
    """The phases one by one, and all of them."""
    marks = said["marks"]
    yield f"{rows:,} rows x {NUMBERS + len(LEVELS) + 1} columns, {size / 1e6:,.0f} MB of CSV"
    yield f"{'':10}{'seconds':>10}{'of CPU':>10}{'peak MB':>10}{'files MB':>10}"
    spans = [(name, marks[place], marks[place + 1]) for place, name in enumerate(_PHASES)]
    for name, start, end in [*spans, ("all", marks[0], marks[-1])]:
        clock, cpu = end[0] - start[0], end[1] - start[1]
        within = [each for each in samples if start[0] <= each.at <= end[0]]
        memory = max((each.memory for each in within), default=0) / 1e6
        files = max((each.files for each in within), default=0) / 1e6
        yield f"{name:10}{clock:10,.1f}{cpu:10,.1f}{memory:10,.0f}{files:10,.0f}"
    yield f"{said['score']} on rows that it never saw"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_table")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--learn", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.learn:
        print(json.dumps(learned(given.learn)))
        return
    if not Path("/proc/self/status").exists():
        parser.error("memory is looked up in /proc, which this system lacks: run it on Linux")
    with TemporaryDirectory() as name:
        file = Path(name, "table.csv")
        write(file, given.rows)
        said, samples = watched(file, Path(name))
        print("\n".join(page(given.rows, os.path.getsize(file), said, samples)))


if __name__ == "__main__":
    main()
