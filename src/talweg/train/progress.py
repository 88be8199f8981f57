"""A progress line that reads a running engine's counters from outside, on its own thread."""

from __future__ import annotations

import math
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from talweg.engine.program import Control

_EVERY = 0.1  # seconds between two looks
_LINE_EVERY = 10.0  # and between two lines, where there is no terminal
_WIDTH = 20  # letters of the bar


class ProgressBar:
    """While entered, redraws one line on a terminal: epochs, losses, the best epoch, time left.

    Nothing is shown for runs shorter than a fraction of a second. Where the stream is no terminal,
    there is a plain line every ten seconds.
    """

    def __init__(
        self,
        control: Control,
        epochs: int,
        stream: TextIO | None = None,
        *,
        budget: float | None = None,
    ) -> None:
        self.control, self.epochs = control, epochs
        self.budget = math.inf if budget is None else budget  # seconds
        self.stream = stream or sys.stderr
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._shown = False

    def __enter__(self) -> ProgressBar:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        if self._shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _watch(self) -> None:
        if not self.stream.isatty():
            self._write_lines()
        while not self._done.wait(_EVERY):
            self.stream.write("\r\x1b[K" + self.line()[:79])
            self.stream.flush()
            self._shown = True

    def _write_lines(self) -> None:
        while not self._done.wait(_LINE_EVERY):
            self.stream.write(f"{self.words()}\n")
            self.stream.flush()

    def words(self) -> str:
        """How far the run is: epochs, losses, the best epoch, time left."""
        done, seconds = self.control.epoch, time.perf_counter() - self.control.started
        rest = seconds * (self.epochs - done) / done if done else math.inf
        rest = max(0.0, min(rest, self.budget - seconds))
        left = _duration(rest) + " left" if done else "starting"
        measures = [
            f"{name} {value:.4g}"
            for name, value in self.control.measures.items()
            if name in ("loss", "val_loss")
        ]
        best = [f"best {self.control.best_epoch}"] if self.control.best_epoch else []
        return "  ".join([f"{done}/{self.epochs}", *measures, *best, left])

    def line(self) -> str:
        """The words as they stand now behind a bar, at most 79 letters."""
        done, words = self.control.epoch, self.words()
        width = max(0, min(_WIDTH, 76 - len(words)))  # two brackets and a space beside it
        filled = round(width * done / self.epochs)
        return f"[{'#' * filled}{'.' * (width - filled)}] {words}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def wants_bar(progress: bool | None) -> bool:
    """Whether to show a bar: as asked, or on a terminal by default."""
    has_terminal = sys.stderr is not None and sys.stderr.isatty()
    return has_terminal if progress is None else progress
