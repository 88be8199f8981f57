"""A race: every contestant in its own process, timed alternately, A B C A B C."""

from __future__ import annotations

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
from talweg.cores import cores

THREADS = (1, 2) if cores() > 1 else (1,)
ITS_CHOICE = 0  # talweg chooses the number of threads while it trains
_TRIALS = 3
_PAUSE = 0.25  # idle threads of some pools spin for up to 0.2 s and would slow the next one


@dataclass(frozen=True)
class Pace:
    """How long to measure: `rounds` rounds of at least `seconds` per contestant."""

    rounds: int = 5
    seconds: float = 1.0


@dataclass
class Entry:
    """The result of one contestant: times in seconds per step, or the reason for none.

    `setup` is the time its last call spent on preparing its program, which is not in `times`.
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
        """Seconds per step; None if the contestant failed or is not comparable."""
        out = self.failed or self.not_comparable or not self.times
        return None if out else statistics.median(self.times)

    def record(self) -> dict[str, Any]:
        """All fields, for the JSON."""
        return {**asdict(self), "median": self.median}


@dataclass
class Result:
    """One row of the table with all its measurements; the first entry is talweg."""

    case: Case
    origin: str
    entries: list[Entry] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @property
    def best_peer(self) -> Entry | None:
        """The fastest of the other contestants."""
        peers = [entry for entry in self.entries[1:] if entry.median is not None]
        return min(peers, key=lambda entry: entry.median or 0.0, default=None)

    @property
    def ratio(self) -> float | None:
        """The median over rounds of talweg's time / the best peer's time."""
        first, peer = self.entries[0], self.best_peer
        if first.median is None or peer is None:
            return None
        pairs = zip(first.times, peer.times, strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def record(self) -> dict[str, Any]:
        """All fields, for the JSON; `limit` is the time of the products at the best BLAS rate."""
        return {
            "case": asdict(self.case),
            "rows_from": self.origin,
            "operations_a_step": self.case.operations,
            "operations_a_second": self.rates,
            "limit": self.case.operations / max(self.rates),
            "best_peer": self.best_peer.name if self.best_peer else None,
            "ratio": self.ratio,
            "entries": [entry.record() for entry in self.entries],
        }


@dataclass
class _Runner:
    """A prepared contestant: its process, and the number of epochs per measurement."""

    entry: Entry
    worker: Worker
    steps: int
    epochs: int = 1
    latest: float = 0.0

    def measure(self) -> float | None:
        """Seconds per step, or None with the reason in the entry."""
        time.sleep(_PAUSE)
        reply = self.worker.ask(self.epochs)
        if "seconds" not in reply:
            self.entry.failed = reply["failed"]
            return None
        self.entry.setup = reply["setup"]
        self.latest = float(reply["seconds"]) / self.epochs / self.steps
        return self.latest

    def fill(self, seconds: float) -> bool:
        """Choose the epochs that take about `seconds`; False if the contestant failed."""
        while (step := self.measure()) is not None:
            taken = step * self.epochs * self.steps
            if taken >= seconds / 2:
                return True
            self.epochs = max(self.epochs + 1, int(self.epochs * seconds / taken))
        return False


def race(
    case: Case, names: Sequence[str], pace: Pace, environment: Mapping[str, str] | None = None
) -> Result:
    """Measure all contestants in turn, round by round, each with its better number of threads.

    talweg gets none and chooses itself, as it does for users.
    """
    given = problem(case)
    result = Result(case, origin(case))
    with TemporaryDirectory() as name, ExitStack() as stack:
        given.save(Path(name))
        wanted, runners = reference(given), []
        for contestant in names:
            _progress(f"{case.name} {case.title}: {contestant} starts")
            entry = Entry(contestant)
            result.entries.append(entry)
            counts = (ITS_CHOICE,) if contestant.startswith("talweg") else THREADS
            workers = [Worker(contestant, Path(name), n, environment=environment) for n in counts]
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
    """Show the current state on one line of a terminal, which the next call replaces."""
    if sys.stderr.isatty():
        print(f"\r{text:<79}\r", end="", file=sys.stderr, flush=True)


def _prepared(
    entry: Entry, workers: Sequence[Worker], case: Case, wanted: float, pace: Pace
) -> list[_Runner]:
    """The contestant with its better number of threads; its other processes are ended."""
    replies = [(worker, worker.reply()) for worker in workers]
    runners = [_Runner(entry, worker, case.steps) for worker, reply in replies if "judged" in reply]
    for _, reply in replies:
        _note(entry, reply, case, wanted)
    if (
        not runners
        or entry.not_comparable
        or not all(runner.fill(pace.seconds) for runner in runners)
    ):
        return []
    best = _faster(runners, entry)
    entry.threads = best.worker.threads
    for worker in workers:
        if worker is not best.worker:
            worker.close()
    return [best]


def _faster(runners: Sequence[_Runner], entry: Entry) -> _Runner:
    """The runner with the lowest time; those within a factor of four get several trials."""
    entry.trials = {runner.worker.threads: [runner.latest] for runner in runners}
    fastest = min(runner.latest for runner in runners)
    close = [runner for runner in runners if runner.latest < 4 * fastest]
    for _ in range(_TRIALS if len(close) > 1 else 0):
        for runner in close:
            entry.trials[runner.worker.threads].append(runner.measure() or float("inf"))
    return min(close, key=lambda runner: min(entry.trials[runner.worker.threads]))


def _note(entry: Entry, reply: Mapping[str, Any], case: Case, wanted: float) -> None:
    """Take over what a prepared process reported, and compare its loss with the reference."""
    entry.remark = reply.get("remark", entry.remark)
    entry.failed = reply.get("failed", entry.failed)
    entry.not_comparable = reply.get("not_comparable", entry.not_comparable)
    if "judged" not in reply:
        return
    entry.deviation = max(entry.deviation or 0.0, abs(reply["judged"] - wanted) / abs(wanted))
    if not entry.deviation <= case.tolerance:
        entry.not_comparable = (
            f"its loss differs by {entry.deviation:.1e}; {case.tolerance:g} is allowed"
        )
