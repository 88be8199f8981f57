"""The number of threads of a run, chosen by measuring its pace while it trains.

The bits of a run do not depend on the number of threads, so it may change from step to step.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple

from talweg.cores import cores
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.run.program import Program

FLOOR = 30_000
"""Operations of a step under which threads cannot pay: it takes about 1 us, and the barriers of a
step take 1 us or more."""
BARRIERS = 60_000
"""Operations in the time that each thread adds to the barriers of a step: some 2 us. n threads take
W / n + n BARRIERS for a step of W operations, so a run begins with sqrt(W / BARRIERS) of them."""
SLICES = 16e-3
"""Seconds of one measurement of each number; a long step takes longer. Threads need milliseconds to
fill their caches: in slices of 4 ms, two of 784-256-128-10 seemed as slow as one."""
STEADY = 80e-3
"""Seconds of a measurement that other programs cannot flatter: where they want the cores, threads
that have just started get them first, for some milliseconds."""
WORTH = 40
"""Slices that a run must have left for measurements to pay."""
DECISIVE = 1.5
"""The ratio of two paces that needs no second measurement."""
FASTER = 0.95
"""The ratio to the present pace from which on more threads are taken. Fewer are taken at once."""
INTERVAL = 2.0
"""Seconds until the next measurements; half of it if the last ones changed the number."""
PATIENCE, LAST_PATIENCE = 0.1, 5.0
"""Seconds without new measurements although threads do badly; they double if these were in vain."""
SLOWER = 1.5
"""The ratio to the least pace so far that counts as slow; 1.1 is enough if others were faster."""
WINDOW = 0.04
"""Seconds after which a pace is judged."""
NAP_SECONDS = 130e-6
"""The length of a wait with one sleep: the spinning before it, and getting the core back."""
MOST_SLEEP = 0.2
"""The share of their time that threads may sleep."""
FOREVER = 2**62
"""More steps than a run has."""

Trials = Generator["Slice", float, None]
"""Measurements: each yields a slice and receives the pace of the program in it."""


class Slice(NamedTuple):
    """Steps that the program takes without a pause, on this many threads."""

    threads: int
    steps: int = FOREVER


class ThreadChooser:
    """Chooses the number of threads for each slice of a run.

    Slices of some milliseconds compare the number with the next larger and the next smaller one,
    in the order A B A B, by the mean time of a step; a longer slice confirms that more threads are
    faster. The winner runs on for some time. If it turns out slower than it was, or than the other
    was, or if its threads mostly sleep, longer slices compare it with fewer threads. A `fixed`
    number is compared only then, and tried again a while later.
    """

    def __init__(
        self, most: int, first: int, steps_per_epoch: int, last_step: int, *, fixed: bool = False
    ) -> None:
        self.numbers = [2**i for i in range(most.bit_length()) if 2**i < most] + [most]
        self.short = SLICES / len(self.numbers)  # seconds of a measurement
        self.best = self._before = max(number for number in self.numbers if number <= first)
        self.steps_per_epoch, self.last_step, self.fixed = steps_per_epoch, last_step, fixed
        self.slice = Slice(self.best)
        self.pace = math.inf  # seconds of a step on the best number of threads
        self.paces: dict[int, float] = {}  # of the numbers that were measured last
        self._trials: Trials | None = None
        self._is_due = self._is_troubled = False
        self._step, self._elapsed = 0, 0.0  # at the start of the slice
        self._patience = PATIENCE
        self._due = math.inf if fixed else self.short
        self._calm_until = 0.0
        self._watch = PaceWatch()

    def begin(self, step: int) -> None:
        """Begin a slice after this many steps of the run."""
        self._step = step
        others = [pace for number, pace in self.paces.items() if number != self.best]
        self._watch.begin(step, min(SLOWER * self.pace, 1.1 * min(others, default=math.inf)))

    def look(self, step: int, seconds: float, naps: int) -> bool:
        """Whether the slice shall end, after this many steps of the run, and after this many
        seconds and naps of the slice.
        """
        if len(self.numbers) == 1 or step == self._step:
            return False
        pace = seconds / (step - self._step)
        if self._trials:
            return seconds > max(4 * self.short, 2 * self.pace * self.slice.steps)
        self.pace, now = pace, self._elapsed + seconds
        self._is_troubled = self.best > 1 and self._watch.is_bad(step, seconds, naps / self.best)
        is_time = now >= self._due or (self._is_troubled and now >= self._calm_until)
        self._is_due = is_time and self._pays(step, now)
        return self._is_due

    def end(self, step: int, seconds: float) -> None:
        """Take note that the slice ended after this many steps of the run, and choose the next."""
        steps, self._step, self._elapsed = step - self._step, step, self._elapsed + seconds
        if self._trials and steps:
            self._advance(max(seconds, 1e-9) / steps)
        elif self._is_due:
            self._is_due, self._before = False, self.best
            self._trials = self._compare()
            self._advance(None)

    def _pays(self, step: int, now: float) -> bool:
        """Whether the run is long enough for measurements.

        Where a step takes long, a trial of another number may cost as much as a step. So it waits
        until that is at most a fiftieth of the run, beyond what a run of a second can spare.
        """
        left = (self.last_step - step) * self.pace
        return left > WORTH * max(self.short, self.pace) and now >= 50 * (self.pace - 0.02)

    def _advance(self, pace: float | None) -> None:
        """Go on with the measurements; `pace` is that of the last one."""
        assert self._trials
        try:
            self.slice = next(self._trials) if pace is None else self._trials.send(pace)
        except StopIteration:
            self._trials = None
            self._settle()

    def _settle(self) -> None:
        """Run on with the best number, and say when to measure again."""
        is_same = self.best == self._before
        self.slice = Slice(self.best)
        interval = INTERVAL if is_same else INTERVAL / 2
        self._due = self._elapsed + max(interval, 100 * self.pace)
        if self.fixed and self.best == self.numbers[-1]:
            self._due = math.inf
        if not is_same:
            self._patience = PATIENCE
        elif self._is_troubled:
            self._patience = min(2 * self._patience, LAST_PATIENCE)
        self._calm_until = self._elapsed + self._patience

    # Measurements -------------------------------------------------------------------------------

    def _compare(self) -> Trials:
        """Go from number to number, up or down, while the next is faster."""
        self.paces = {}
        for direction in (-1,) if self._is_troubled else (1, -1):
            while (other := self._beside(direction)) and (yield from self._is_faster(other)):
                self.best = other
            if self.best != self._before:
                break
        if self.best > self._before:
            yield from self._confirm()
        self.pace = self.paces[self.best]

    def _beside(self, direction: int) -> int | None:
        index = self.numbers.index(self.best) + direction
        return self.numbers[index] if 0 <= index < len(self.numbers) else None

    def _is_faster(self, other: int) -> Generator[Slice, float, bool]:
        if self._is_troubled:
            pace, other_pace = yield from self._both(other, self._steps(STEADY), rounds=1)
        else:
            pace, other_pace = yield from self._both(other, self._steps(self.short), rounds=2)
        self.paces |= {self.best: pace, other: other_pace}
        is_faster = other_pace < (FASTER * pace if other > self.best else pace)
        self.pace = other_pace if is_faster else pace
        return is_faster

    def _confirm(self) -> Trials:
        """Go back unless more threads are faster for a while."""
        self.paces[self.best] = yield from self._measure(self.best, self._steps(STEADY))
        if self.paces[self.best] > FASTER * self.paces[self._before]:
            self.best = self._before

    def _both(
        self, other: int, steps: int, rounds: int
    ) -> Generator[Slice, float, tuple[float, float]]:
        """The mean pace of the best number and of another, in slices that alternate."""
        paces: list[float] = []
        others: list[float] = []
        while len(paces) < rounds and not (paces and _is_decisive(sum(others) / sum(paces))):
            paces.append((yield from self._measure(self.best, steps)))
            others.append((yield from self._measure(other, steps)))
        return sum(paces) / len(paces), sum(others) / len(others)

    def _steps(self, seconds: float) -> int:
        """The steps of a measurement: whole epochs unless these take long."""
        short, steps = (max(1, math.ceil(time / self.pace)) for time in (self.short, seconds))
        if self.steps_per_epoch > 4 * short:
            return min(steps, self.steps_per_epoch - 1)
        return max(1, round(steps / self.steps_per_epoch)) * self.steps_per_epoch

    def _measure(self, threads: int, steps: int) -> Generator[Slice, float, float]:
        """Run a slice, and return its pace.

        It covers whole epochs, or no end of an epoch, since that has an evaluation of its own.
        """
        done = self._step % self.steps_per_epoch
        left = self.steps_per_epoch - done
        is_whole = steps % self.steps_per_epoch == 0
        if (is_whole and done) or (not is_whole and steps >= left):
            yield Slice(self.best, left)
        pace = yield Slice(threads, steps)
        return pace


class PaceWatch:
    """Sees where a program has become slow, or its threads mostly wait for each other."""

    def begin(self, step: int, limit: float = math.inf) -> None:
        """Begin to watch, after this many steps of the run; a pace beyond the limit is bad."""
        self._since, self._limit, self._was_bad = (0.0, step, 0.0), limit, False

    def is_bad(self, step: int, seconds: float, naps: float) -> bool:
        """Whether two windows in a row were bad; `naps` are those of one thread.

        One bad window means little, since the starts of threads and evaluations are uneven.
        """
        passed, steps, slept = (
            now - then for now, then in zip((seconds, step, naps), self._since, strict=True)
        )
        if passed < WINDOW or steps < 2:
            return False
        self._since, pace, was_bad = (seconds, step, naps), passed / steps, self._was_bad
        self._limit = min(self._limit, SLOWER * pace)
        sleeps = slept * NAP_SECONDS > MOST_SLEEP * passed
        self._was_bad = sleeps or pace > self._limit
        return self._was_bad and was_bad


def _is_decisive(ratio: float) -> bool:
    """Whether the ratio of two paces leaves no doubt which is better."""
    return not 1 / DECISIVE < ratio < DECISIVE


def most_threads(program: Program, plans: RunPlans) -> int:
    """The most threads that a run may take: one if its steps are very short."""
    if plans.operations(program.schedule.batch_size) < FLOOR:
        return 1
    return program.limits.threads or cores()


def chooser_for(
    program: Program, plans: RunPlans, most: int, steps_per_epoch: int
) -> ThreadChooser:
    """The chooser of a run. A number that the user gives is not changed without need."""
    is_fixed = program.limits.threads is not None
    first = math.isqrt(plans.operations(program.schedule.batch_size) // BARRIERS)
    return ThreadChooser(
        most,
        most if is_fixed else max(1, min(most, first)),
        steps_per_epoch,
        steps_per_epoch * program.limits.epochs,
        fixed=is_fixed,
    )
