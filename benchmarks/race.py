"""A race: every contestant in its own process, timed in turn, A B C A B C."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cases import origin, problem
from benchmarks.judge import reference
from benchmarks.peak import peak_rate
from benchmarks.problems import Case
from benchmarks.processes import Worker

THREADS = (1, 2) if (os.cpu_count() or 1) > 1 else (1,)
_TRIALS = 3
_PAUSE = (
    0.25  # idle threads of some pools spin for up to 0.2 s, which the next contestant would pay
)


@dataclass(frozen=True)
class Pace:
    """How long is measured: `rounds` times at least `seconds` a contestant."""

    rounds: int = 5
    seconds: float = 0.25


@dataclass
class Entry:
    """What became of one contestant: times in seconds a step, or the reason why there are none.

    `setup` is the part of its last call that made its program, which is not in the times.
    """

    name: str
    threads: int = 1
    times: list[float] = field(default_factory=list)
    setup: float = 0.0
    trials: dict[int, list[float]] = field(default_factory=dict)
    deviation: float | None = None
    remark: str = ""
    not_comparable: str = ""
    failed: str = ""

    @property
    def median(self) -> float | None:
        """Seconds a step; None for one that is not in the race."""
        out = self.failed or self.not_comparable or not self.times
        return None if out else statistics.median(self.times)

    def record(self) -> dict[str, Any]:
        """All of it, for the JSON."""
        return {**asdict(self), "median": self.median}


@dataclass
class Result:
    """One line of the table, with all that was measured for it; the first entry is talweg."""

    case: Case
    origin: str
    entries: list[Entry] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @property
    def best_peer(self) -> Entry | None:
        """The fastest of the others."""
        peers = [each for each in self.entries[1:] if each.median is not None]
        return min(peers, key=lambda each: each.median or 0.0, default=None)

    @property
    def ratio(self) -> float | None:
        """talweg's time beside its best peer's: the median over rounds; below 1 is faster."""
        first, peer = self.entries[0], self.best_peer
        if first.median is None or peer is None:
            return None
        pairs = zip(first.times, peer.times, strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def record(self) -> dict[str, Any]:
        """All of it, for the JSON. `limit`: a step's multiply-adds at the best rate of the BLAS."""
        return {
            "case": asdict(self.case),
            "rows_from": self.origin,
            "operations_a_step": self.case.operations,
            "operations_a_second": self.rates,
            "limit": self.case.operations / max(self.rates),
            "best_peer": self.best_peer.name if self.best_peer else None,
            "ratio": self.ratio,
            "entries": [each.record() for each in self.entries],
        }


@dataclass
class _Runner:
    """A contestant that is ready: its process, and the epochs that fill a measurement."""

    entry: Entry
    worker: Worker
    steps: int
    epochs: int = 1
    latest: float = 0.0

    def measure(self) -> float | None:
        """Seconds a step; None, and the reason in the entry, if it failed."""
        time.sleep(_PAUSE)
        reply = self.worker.ask(self.epochs)
        if "seconds" not in reply:
            self.entry.failed = reply["failed"]
            return None
        self.entry.setup = reply["setup"]
        self.latest = float(reply["seconds"]) / self.epochs / self.steps
        return self.latest

    def fill(self, seconds: float) -> bool:
        """As many epochs as take about `seconds`; False if it failed."""
        while (step := self.measure()) is not None:
            taken = step * self.epochs * self.steps
            if taken >= seconds / 2:
                return True
            self.epochs = max(self.epochs + 1, int(self.epochs * seconds / taken))
        return False


def race(
    case: Case, names: Sequence[str], pace: Pace, environment: Mapping[str, str] | None = None
) -> Result:
    """Each contestant with its better number of threads, all of them round by round."""
    given = problem(case)
    result = Result(case, origin(case))
    with TemporaryDirectory() as name, ExitStack() as stack:
        given.save(Path(name))
        wanted, runners = reference(given), []
        for each in names:
            _progress(f"{case.name} {case.title}: {each} starts")
            entry = Entry(each)
            result.entries.append(entry)
            workers = [Worker(each, Path(name), n, environment=environment) for n in THREADS]
            for worker in workers:
                stack.enter_context(worker)
            runners += _prepared(entry, workers, case, wanted, pace)
        for number in range(pace.rounds):
            _progress(f"{case.name} {case.title}: round {number + 1}")
            result.rates.append(peak_rate(case.dtype, THREADS))
            for runner in runners:
                runner.entry.times += [step for step in [runner.measure()] if step is not None]
    _progress("")
    return result


def _progress(text: str) -> None:
    """What is under way, on one line of a terminal that the next replaces."""
    if sys.stderr.isatty():
        print(f"\r{text:<79}\r", end="", file=sys.stderr, flush=True)


def _prepared(
    entry: Entry, workers: Sequence[Worker], case: Case, wanted: float, pace: Pace
) -> list[_Runner]:
    """The contestant with its better number of threads, its other processes ended."""
    replies = [(worker, worker.reply()) for worker in workers]
    runners = [_Runner(entry, each, case.steps) for each, reply in replies if "judged" in reply]
    for _, reply in replies:
        _note(entry, reply, case, wanted)
    if not runners or entry.not_comparable or not all(each.fill(pace.seconds) for each in runners):
        return []
    best = _faster(runners, entry)
    entry.threads = best.worker.threads
    for worker in workers:
        if worker is not best.worker:
            worker.close()
    return [best]


def _faster(runners: Sequence[_Runner], entry: Entry) -> _Runner:
    """The runner with the least time of several trials in turn; a hopeless one has a single one."""
    entry.trials = {each.worker.threads: [each.latest] for each in runners}
    close = [each for each in runners if each.latest < 4 * min(r.latest for r in runners)]
    for _ in range(_TRIALS if len(close) > 1 else 0):
        for each in close:
            entry.trials[each.worker.threads].append(each.measure() or float("inf"))
    return min(close, key=lambda each: min(entry.trials[each.worker.threads]))


def _note(entry: Entry, reply: Mapping[str, Any], case: Case, wanted: float) -> None:
    """What a prepared process said of itself; the arithmetic is judged here."""
    entry.remark = reply.get("remark", entry.remark)
    entry.failed = reply.get("failed", entry.failed)
    entry.not_comparable = reply.get("not_comparable", entry.not_comparable)
    if "judged" not in reply:
        return
    entry.deviation = max(entry.deviation or 0.0, abs(reply["judged"] - wanted) / abs(wanted))
    if not entry.deviation <= case.tolerance:
        entry.not_comparable = f"its loss is {entry.deviation:.1e} off, {case.tolerance:g} allowed"
