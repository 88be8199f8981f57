"""Sharing the cores with other programs while a run is under way."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from talweg.engine.native import control_block as c

LOOK_SECONDS = 0.02
"""Seconds between two looks at a running program."""
NAP_SECONDS = 130e-6
"""The length of a wait with one sleep: the spinning before it, and getting the core back."""
MOST_SLEEP = 0.2
"""The share of their time that threads may sleep before the first one continues alone."""
RETRY_SECONDS = 1.0
"""How long the first thread continues alone before all threads try again."""


class CoreSharing:
    """Lets the first thread continue alone while threads mostly wait for each other.

    They wait because other programs want the cores too. A while later all threads try again. The
    bits do not depend on the number of threads.
    """

    def __init__(self, words: npt.NDArray[np.int64], threads: int) -> None:
        self.words, self.threads = words, threads
        self.begin()

    def begin(self) -> None:
        """Start to watch a call of the program."""
        self._since, self._naps, self._slept_much = time.perf_counter(), 0, False

    def look(self) -> None:
        """Decide whether the first thread continues alone, if enough time has passed."""
        words, now = self.words, time.perf_counter()
        passed = now - self._since
        if passed < (RETRY_SECONDS if words[c.ALONE] else 2 * LOOK_SECONDS):
            return
        slept = (int(words[c.NAPS]) - self._naps) * NAP_SECONDS
        self._since, self._naps = now, int(words[c.NAPS])
        if words[c.ALONE]:
            words[c.LAST_EPOCH] = 0  # the call ends with this epoch; the next one has all threads
            return
        sleeps_much = slept > MOST_SLEEP * passed * self.threads
        words[c.ALONE] = sleeps_much and self._slept_much  # twice in a row: starts are uneven
        self._slept_much = sleeps_much
