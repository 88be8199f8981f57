"""The interface of a contestant: run epochs from the problem's initial weights."""

from __future__ import annotations

from abc import ABC, abstractmethod

from benchmarks.problems import Array, Problem


class NotComparable(Exception):  # noqa: N818 - a statement, not an error
    """The library cannot do the same computation; the message says why."""


class Contestant(ABC):
    """One library in its own process. Only `run` is timed."""

    remark = ""
    setup = 0.0  # seconds of the last run spent on preparing the program, which are not counted

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        self.problem, self.case, self.threads = problem, problem.case, threads

    def reset(self) -> None:  # noqa: B027 - a predictor has nothing to reset
        """Restore the initial weights and a fresh optimizer."""

    @abstractmethod
    def run(self, epochs: int) -> None:
        """Train for `epochs` epochs in the fixed order of rows, or predict the row as often."""

    @abstractmethod
    def result(self) -> list[Array]:
        """The weights in the order of the problem's `start`, or [the prediction]."""
