"""The number of threads of a run, chosen among simulated paces; and no real thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from talweg.engine.native.runtime import thread_choice
from talweg.engine.native.runtime.thread_choice import PaceWatch, ThreadChooser

Paces = Callable[[int, float, float], float]
"""The seconds of a step on some threads, at some time, so many seconds after their start."""
START = 100e-6
"""Seconds to start a thread for a slice; measured as 60 to 110 us."""
LOOK = 0.02


@dataclass
class Simulated:
    """A run on simulated cores: how long it takes, and the numbers of threads that it tries."""

    paces: Paces
    noise: float = 0.03

    def run(self, chooser: ThreadChooser, steps: int, seed: int = 0) -> Simulated:
        self.random, self.chooser = np.random.default_rng(seed), chooser
        self.now, self.step, self.numbers = 0.0, 0, list[int]()
        while self.step < steps:
            self._slice(steps)
        return self

    def _slice(self, steps: int) -> None:
        chosen, chooser = self.chooser.slice, self.chooser
        self.numbers.append(chosen.threads)
        last, start = min(steps, self.step + chosen.steps), self.now
        chooser.begin(self.step)
        next_look = 0.005
        while self.step < last:
            pace = self.paces(chosen.threads, self.now, self.now - start)
            time = min(start + next_look - self.now, 2e-3)  # as the paces may change
            count = min(last - self.step, max(1, int(time / pace)))
            self.now += count * pace * self._disturbance(count * pace)
            self.step += count
            seconds = self.now - start
            if seconds >= next_look:
                next_look = seconds + LOOK
                if chooser.look(self.step, seconds, 0):
                    break
        chooser.end(self.step, self.now - start)
        self.now += START * chosen.threads

    def _disturbance(self, seconds: float) -> float:
        """The scatter of a measurement; now and then another program has a core for a while."""
        taken = 0.003 * self.random.poisson(seconds * 0.5)
        return float(1 + abs(self.random.normal(0.0, self.noise)) + taken / seconds)


def model(work: float, barrier: float) -> Paces:
    """A step of `work` seconds on one thread, whose barriers take longer with each thread."""
    return lambda threads, now, passed: work / threads + barrier * threads * (threads > 1)


def regret(given: Paces, chooser: ThreadChooser, seconds: float, seed: int) -> float:
    """The share by which a run takes longer than with the best fixed number."""
    best = min(given(number, 0.0, 0.0) for number in chooser.numbers)
    steps = max(1, int(seconds / best))
    chosen = Simulated(given).run(chooser, steps, seed).now
    fixed = Simulated(lambda threads, now, passed: best).run(
        ThreadChooser(1, 1, 1, steps), steps, seed
    )
    return chosen / fixed.now - 1


@pytest.mark.parametrize("seconds", [1.0, 4.0])
@pytest.mark.parametrize("epoch", [1, 30, 10_000])
@pytest.mark.parametrize("barrier", [0.2e-6, 2e-6, 20e-6])
@pytest.mark.parametrize("work", [5e-6, 100e-6, 2e-3, 40e-3, 1.0])
@pytest.mark.parametrize("most", [2, 6, 64])
def test_a_run_takes_at_most_5_percent_longer_than_with_the_best_number(
    most: int, work: float, barrier: float, epoch: int, seconds: float
) -> None:
    """On the median; the best number is anything from 1 to 64."""
    first = max(1, min(most, int((work / 2e-6) ** 0.5)))
    given, found = model(work, barrier), []
    for seed in range(5):
        best = min(given(number, 0.0, 0.0) for number in (1, most // 2, most))
        chooser = ThreadChooser(most, first, epoch, int(seconds / best))
        found.append(regret(given, chooser, seconds, seed))
    assert np.median(found) < 0.05, found


@pytest.mark.parametrize("best", [1, 2, 8, 64])
def test_a_wrong_guess_is_corrected(best: int) -> None:
    """Whichever number a run begins with."""

    def pace(threads: int, now: float, passed: float) -> float:
        return 1e-4 * (1 + 0.3 * abs(np.log2(threads / best)))

    for first in (1, 2, 8, 64):
        steps = 10_000  # a second
        chooser = ThreadChooser(64, first, 100, steps)
        Simulated(pace).run(chooser, steps)
        assert chooser.best == best


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("most", [2, 8])
def test_a_run_gives_way_to_other_programs_and_comes_back(most: int, fixed: bool) -> None:
    """From 2 s to 4 s another program has a core, so threads wait for the one that it stops."""

    def pace(threads: int, now: float, passed: float) -> float:
        slow = 20 if threads == most and 2 < now < 4 else 1
        return slow * 1e-3 / threads

    steps = int(8 / pace(most, 0.0, 0.0))
    chooser = ThreadChooser(most, most, 100, steps, fixed=fixed)
    run = Simulated(pace).run(chooser, steps)
    oracle = 9  # seconds, with half as many threads from 2 to 4
    assert run.now < 1.05 * oracle + 1  # it may come back at 6
    assert chooser.best == most
    assert {most, most // 2} <= set(run.numbers)


@pytest.mark.parametrize("work", [1e-4, 1e-3, 5e-3])
def test_threads_that_get_a_core_only_at_first_do_not_win(work: float) -> None:
    """Another program has one of two cores, but threads that have just started come before it."""

    def pace(threads: int, now: float, passed: float) -> float:
        return work if threads == 1 else 0.6 * work if passed < 0.01 else 1.4 * work

    for first in (1, 2):
        steps = int(3 / work)
        chooser = ThreadChooser(2, first, 100, steps)
        run = Simulated(pace).run(chooser, steps)
        assert run.now < 1.08 * Simulated(pace).run(ThreadChooser(1, 1, 1, steps), steps).now


def test_a_number_given_by_the_user_is_not_changed_without_need() -> None:
    run = Simulated(lambda threads, now, passed: 1e-4 * threads)
    assert set(run.run(ThreadChooser(8, 8, 100, 20_000, fixed=True), 20_000).numbers) == {8}


def test_a_short_run_measures_nothing() -> None:
    steps = 1_000
    run = Simulated(lambda threads, now, passed: 1e-4 / threads)
    assert set(run.run(ThreadChooser(8, 1, 100, steps), steps).numbers) == {1}


def test_a_step_that_takes_a_second_is_not_tried_on_fewer_threads_at_once() -> None:
    run = Simulated(lambda threads, now, passed: 8.0 / threads).run(
        ThreadChooser(8, 8, 10, 1_000), 40
    )
    assert set(run.numbers) == {8}


# What is measured -------------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [1, 2, 7, 30, 100, 1_000])
def test_measurements_cover_whole_epochs_or_no_end_of_one(epoch: int) -> None:
    """So the evaluation at the end of an epoch does not make a number win."""
    steps, measured = 100_000, []

    class Seen(ThreadChooser):
        def end(self, step: int, seconds: float) -> None:
            if self._trials and self.slice.threads != 4:
                measured.append((self._step, step))
            super().end(step, seconds)

    Simulated(lambda threads, now, passed: 1e-3 / threads).run(Seen(4, 4, epoch, steps), steps)
    assert measured
    for start, end in measured:
        is_whole = start % epoch == 0 and end % epoch == 0
        assert is_whole or start // epoch == (end - 1) // epoch == end // epoch, (start, end)


# Threads that do badly ---------------------------------------------------------------------------

WINDOW = 1.1 * thread_choice.WINDOW
MANY = 2 * thread_choice.MOST_SLEEP * WINDOW / thread_choice.NAP_SECONDS  # naps: twice the limit


def bad(steps: list[int], naps: list[float], window: float = WINDOW) -> list[bool]:
    """Whether the windows, of so many steps and naps, are bad."""
    watch = PaceWatch()
    watch.begin(0)
    total_steps, total_naps = np.cumsum(steps), np.cumsum(naps)
    return [
        watch.is_bad(int(total_steps[i]), (i + 1) * window, float(total_naps[i]))
        for i in range(len(steps))
    ]


@pytest.mark.parametrize(
    ("steps", "naps", "expected"),
    [
        ([90, 90, 90], [0, 0, 0], [False, False, False]),
        ([90, 90, 90], [MANY / 8, MANY / 8, MANY / 8], [False, False, False]),
        ([90, 90, 90], [MANY, MANY, 0], [False, True, False]),
        ([90, 90, 90], [MANY, 0, MANY], [False, False, False]),
        ([90, 30, 30], [0, 0, 0], [False, False, True]),
        ([90, 70, 70], [0, 0, 0], [False, False, False]),
        ([90, 30, 90], [0, 0, 0], [False, False, False]),
        ([30, 90, 30], [0, 0, 0], [False, False, False]),
    ],
)
def test_two_bad_windows_in_a_row_are_noticed(
    steps: list[int], naps: list[float], expected: list[bool]
) -> None:
    assert bad(steps, naps) == expected


def test_a_window_that_is_too_short_tells_nothing() -> None:
    assert bad([9, 9, 9], [MANY, MANY, MANY], window=0.3 * WINDOW) == [False, False, False]
    assert bad([1, 0, 0], [MANY, MANY, MANY]) == [False, False, False]
