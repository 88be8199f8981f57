"""Progress bars: a thread reads the counters of running engines and redraws a line."""

from __future__ import annotations

import math
import sys
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, TextIO

from talweg.engine.run.outcome import Control
from talweg.errors import EngineError
from talweg.memory_limits import start_thread

_EVERY = 0.1  # seconds between redraws
_LINE_EVERY = 10.0  # seconds between lines on a stream that is not a terminal
_WIDTH = 20  # characters of the bar
_MOST = 76  # characters of the text; with two brackets and a space, 79
_STARTING = "starting"


class Bar(ABC):
    """A context that redraws one line on a terminal: progress, losses, time left.

    A run that ends within a fraction of a second shows no bar. On a stream that is not a terminal,
    a plain line is written every ten seconds. The thread ends with the context, however that is
    left. If no thread can be started or the stream fails, the run continues without a bar.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._done = threading.Event()
        watched = weakref.ref(self), self._done
        self._thread = threading.Thread(target=_watch, args=watched, daemon=True)
        self._shown, self._width = False, _WIDTH

    @abstractmethod
    def words(self) -> str:
        """The progress in words."""

    @abstractmethod
    def share(self) -> float:
        """The progress from 0 to 1."""

    def line(self) -> str:
        """The bar and the words, at most 79 characters."""
        words = self.words()
        self._width = width = min(self._width, _MOST - len(words))  # it never grows: no flicker
        filled = round(width * self.share())
        return f"[{'#' * filled}{'.' * (width - filled)}] {words}"

    def __enter__(self) -> Self:
        try:
            start_thread(self._thread.start)
        except EngineError:  # the process has no room for another thread
            self._done.set()
        except BaseException:  # Ctrl-C while the thread starts, which may be running already
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._end()
        if self._shown:
            self._write("\r\x1b[K")

    def _end(self) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def draw(self, *, on_terminal: bool) -> None:
        """Redraw the line, or write a plain line."""
        self._shown = on_terminal
        self._write(f"\r\x1b[K{self.line()}" if on_terminal else f"{self.words()}\n")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except Exception:  # whatever a closed stream, or one of the user, raises
            self._done.set()
            self._shown = False


def _watch(bar_of: weakref.ref[Bar], done: threading.Event) -> None:
    """Redraw a bar until its context ends or, if Ctrl-C prevents that, until it is collected."""
    bar = bar_of()
    on_terminal = bar is not None and is_terminal(bar.stream)
    every = _EVERY if on_terminal else _LINE_EVERY
    due = time.monotonic() + every
    del bar
    while not done.wait(min(_EVERY, every)) and (bar := bar_of()):
        if on_terminal or time.monotonic() >= due:
            bar.draw(on_terminal=on_terminal)
            due += every
        del bar


class ProgressBar(Bar):
    """The bar of one run: epochs, losses, the best epoch, time left."""

    def __init__(
        self,
        control: Control,
        epochs: int,
        stream: TextIO | None = None,
        *,
        budget: float | None = None,
    ) -> None:
        super().__init__(stream)
        self.control, self.epochs = control, epochs
        self.budget = math.inf if budget is None else budget  # seconds

    def words(self) -> str:
        """Epochs, losses, the best epoch, time left."""
        done, seconds = self.control.epoch, time.perf_counter() - self.control.started
        rest = seconds * (self.epochs - done) / done if done else math.inf
        left = _left(min(rest, self.budget - seconds)) if done else _STARTING
        best = [f"best {self.control.best_epoch}"] if self.control.best_epoch else []
        return _joined([f"{done}/{self.epochs}", *_losses(self.control), *best, left])

    def share(self) -> float:
        """The share of the epochs that are done."""
        return self.control.epoch / self.epochs


@dataclass
class Watched:
    """Runs of a sweep that train together: their number, and their first and last epoch."""

    control: Control
    runs: int
    first: int
    epochs: int
    budget: float | None = None  # seconds, of each run
    ended: bool = False

    @property
    def done(self) -> int:
        """The epochs that are done, over all runs."""
        return self.runs * max(0, self.control.epoch - self.first)

    @property
    def ahead(self) -> int:
        """The most epochs that may be left."""
        return 0 if self.ended else self.runs * (self.epochs - self.first) - self.done

    @property
    def seconds(self) -> float:
        """The most time that may be left."""
        if self.ended or self.budget is None:
            return 0.0 if self.ended else math.inf
        used = time.perf_counter() - self.control.started if self.done else 0.0
        return max(0.0, self.budget - used)


@dataclass
class SharedBar:
    """One bar for several successive sweeps, each of which gets it as `progress`.

    `later` is the number of runs of later sweeps, `earlier` the state of the runs of earlier ones.
    The bar calls a run a `thing`, and does not count the `dropped` runs of a trial.
    """

    shows_bar: bool | None = None
    later: int = 0
    thing: str = "run"
    dropped: int = 0
    earlier: list[Watched] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def bar(self, works: Sequence[Watched], workers: int) -> SweepBar:
        """The bar of these works and of earlier and later ones, which are like the first."""
        first = [*works[:1]] * self.later
        to_come = [replace(work, control=Control(), runs=1) for work in first]
        bar = SweepBar([*self.earlier, *works, *to_come], workers=workers)
        bar.thing, bar.dropped = self.thing, self.dropped
        bar.started = self.started
        return bar


class SweepBar(Bar):
    """The bar of many runs: how many are done, the most advanced of the others, time left."""

    def __init__(
        self, watched: Sequence[Watched], stream: TextIO | None = None, *, workers: int = 1
    ) -> None:
        super().__init__(stream)
        self.watched, self.workers = watched, workers
        self.thing, self.dropped = "run", 0
        self.started = time.perf_counter()

    def words(self) -> str:
        """Runs, epoch and losses of the most advanced run, time left for all."""
        runs = sum(work.runs for work in self.watched) - self.dropped
        ended = sum(work.runs for work in self.watched if work.ended) - self.dropped
        things = f"{self.thing}{'' if runs == 1 else 's'}"
        words, furthest = [f"{max(0, ended)}/{runs} {things}"], self._furthest()
        if furthest:
            words += [f"epoch {furthest.control.epoch}/{furthest.epochs}"]
            words += _losses(furthest.control)
        return _joined([*words, self._left()])

    def share(self) -> float:
        """The share of all possible epochs that is done."""
        most = sum(work.runs * (work.epochs - work.first) for work in self.watched)
        return 1 - sum(work.ahead for work in self.watched) / most if most else 0.0

    def _furthest(self) -> Watched | None:
        under_way = [work for work in self.watched if work.done and not work.ended]
        return max(under_way, key=lambda work: work.control.epoch / work.epochs, default=None)

    def _left(self) -> str:
        """Estimated from the pace so far; runs that end early make it shorter."""
        done = sum(work.done for work in self.watched)
        if not done:
            return _STARTING
        pace = (time.perf_counter() - self.started) / done
        most = sum(work.seconds for work in self.watched) / self.workers
        return _left(min(most, pace * sum(work.ahead for work in self.watched)))


def _joined(words: list[str]) -> str:
    """The words in one line; if it is too long, those before the last are left out."""
    while len("  ".join(words)) > _MOST and len(words) > 2:
        del words[-2]
    return "  ".join(words)


def _losses(control: Control) -> list[str]:
    measures = control.measures.items()
    return [f"{name} {value:.4g}" for name, value in measures if name in ("loss", "val_loss")]


def _left(seconds: float) -> str:
    return f"{_duration(max(0.0, seconds))} left"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def wants_bar(progress: bool | None) -> bool:
    """Whether to show a bar: as `progress` says, or by default on a terminal."""
    if sys.stderr is None:  # as under pythonw
        return False
    return is_terminal(sys.stderr) if progress is None else progress


def is_terminal(stream: TextIO) -> bool:
    """Whether the stream is a terminal; a closed one or one without `isatty` is not."""
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False
