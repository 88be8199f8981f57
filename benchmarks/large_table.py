"""A CSV of ten million rows and 30 columns: read, encode, and train for one epoch.

python -m benchmarks.large_table [--rows 10_000_000]

The table has 20 numbers (every fourth with 5 % of its cells missing), 9 categories of 2 to 100
levels, and a target computed from them plus noise, so the best possible R2 is 0.878. Training runs
in a process of its own with an empty compile cache. Its anonymous memory is sampled twenty times a
second (the system can drop pages of mapped files), which requires Linux.
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
MISSING, NOISE = 0.05, 1 / 3  # the share of missing cells, and the variance of the noise
_BLOCK = 2**16  # rows
_PAUSE = 0.05  # seconds
_PHASES = ("reading", "encoding", "training", "judging")
_LINE = ",".join(["%.5g"] * NUMBERS + ["%s"] * len(LEVELS) + ["%.5g"]) + "\n"


class Sample(NamedTuple):
    """Bytes of anonymous memory and of temporary files that a process holds at a time."""

    at: float
    memory: int
    files: int


def write(file: Path, rows: int, seed: int = 0) -> None:
    """Write the table, block by block."""
    random = np.random.default_rng(seed)
    weights = random.normal(size=NUMBERS) / NUMBERS**0.5
    effects = [random.normal(size=count) / len(LEVELS) ** 0.5 for count in LEVELS]
    columns = [f"number_{i}" for i in range(NUMBERS)]
    columns += [f"category_of_{count}" for count in LEVELS]
    with file.open("w") as stream:
        stream.write(",".join([*columns, "target"]) + "\n")
        for start in range(0, rows, _BLOCK):
            stream.write(_lines(random, min(_BLOCK, rows - start), weights, effects))


def _lines(random: np.random.Generator, rows: int, weights: Any, effects: list[Any]) -> str:
    """CSV lines whose target depends on numbers, categories, and a product of two numbers."""
    numbers = random.normal(size=(NUMBERS, rows))
    numbers[::4][random.random((len(numbers[::4]), rows)) < MISSING] = np.nan
    codes = [random.integers(count, size=rows) for count in LEVELS]
    known = np.nan_to_num(numbers)
    target = weights @ known + sum(
        effect[code] for effect, code in zip(effects, codes, strict=True)
    )
    target += known[0] * known[1] + random.normal(scale=NOISE**0.5, size=rows)
    words = (map("level_{}".format, code.tolist()) for code in codes)
    cells = zip(*numbers.tolist(), *words, target.tolist(), strict=True)
    return "".join(map(_LINE.__mod__, cells)).replace("nan", "")


def learned(file: Path) -> dict[str, Any]:
    """The wall and CPU times at which the phases of a fit begin and end, and the score."""
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
        result = call(*given, **settings)
        _mark(marks)
        return result

    return marked


def _mark(marks: list[tuple[float, float]]) -> None:
    marks.append((time.monotonic(), time.process_time()))


def watched(file: Path, folder: Path) -> tuple[dict[str, Any], list[Sample]]:
    """The result of `learned` in a process of its own, and samples of what the process holds."""
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
        output = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"training ended with exit status {process.returncode}")
    return json.loads(output), samples


def _samples(process: int, folder: Path) -> Iterator[Sample]:
    """One sample, or none if the process has just ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except ProcessLookupError:
        return
    lines = dict(line.split(":", 1) for line in status.splitlines())
    if "RssAnon" in lines:
        memory = int(lines["RssAnon"].split()[0]) * 2**10
        yield Sample(time.monotonic(), memory, sum(_files(process, folder).values()))


def _files(process: int, folder: Path) -> dict[int, int]:
    """Bytes of each temporary file of a process, by inode: open files without a name."""
    sizes = {}
    with suppress(OSError):  # the process has ended
        for link in Path(f"/proc/{process}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                file = link.stat()
                sizes[file.st_ino] = file.st_size
    return sizes


def page(rows: int, size: int, result: dict[str, Any], samples: list[Sample]) -> Iterator[str]:
    """A line for each phase, and one for the whole."""
    marks = result["marks"]
    yield f"{rows:,} rows x {NUMBERS + len(LEVELS) + 1} columns, {size / 1e6:,.0f} MB of CSV"
    yield f"{'':10}{'seconds':>10}{'of CPU':>10}{'peak MB':>10}{'files MB':>10}"
    spans = [(name, marks[i], marks[i + 1]) for i, name in enumerate(_PHASES)]
    for name, start, end in [*spans, ("all", marks[0], marks[-1])]:
        clock, cpu = end[0] - start[0], end[1] - start[1]
        within = [sample for sample in samples if start[0] <= sample.at <= end[0]]
        memory = max((sample.memory for sample in within), default=0) / 1e6
        files = max((sample.files for sample in within), default=0) / 1e6
        yield f"{name:10}{clock:10,.1f}{cpu:10,.1f}{memory:10,.0f}{files:10,.0f}"
    yield f"{result['score']} on held-out rows"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_table")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--learn", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.learn:
        print(json.dumps(learned(given.learn)))
        return
    if not Path("/proc/self/status").exists():
        parser.error("this benchmark reads memory from /proc and so runs on Linux only")
    with TemporaryDirectory() as name:
        file = Path(name, "table.csv")
        write(file, given.rows)
        result, samples = watched(file, Path(name))
        print("\n".join(page(given.rows, os.path.getsize(file), result, samples)))


if __name__ == "__main__":
    main()
