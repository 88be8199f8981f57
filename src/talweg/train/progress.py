"""A progress line that reads a running engine's counters from outside, on its own thread."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from talweg.engine.program import Control

_EVERY = 0.1  # seconds between two looks
_WIDTH = 20  # letters of the bar


class ProgressBar:
    """While entered, redraws one line on a terminal: epochs, speed, loss, time left.

    Nothing is shown for runs shorter than a fraction of a second.
    """

    def __init__(self, control: Control, epochs: int, stream: TextIO | None = None) -> None:
        self.control, self.epochs = control, epochs
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
        while not self._done.wait(_EVERY):
            self.stream.write("\r\x1b[K" + self.line()[:79])
            self.stream.flush()
            self._shown = True

    def line(self) -> str:
        """The line as it stands now, at most 79 letters."""
        done, seconds = self.control.epoch, time.perf_counter() - self.control.started
        left = _duration(seconds * (self.epochs - done) / done) + " left" if done else "starting"
        measures = [
            f"{name} {value:.4g}"
            for name, value in self.control.measures.items()
            if name in ("loss", "val_loss")
        ]
        words = "  ".join([f"{done}/{self.epochs}", *measures, left])
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
