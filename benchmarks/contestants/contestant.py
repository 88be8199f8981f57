"""What a contestant is: something that can run epochs from the problem's starting weights."""

from __future__ import annotations

from abc import ABC, abstractmethod

from benchmarks.problems import Array, Problem


class NotComparable(Exception):  # noqa: N818 - it is no error, and its name is what is said
    """The library cannot do the same arithmetic; the message says why."""


class Contestant(ABC):
    """One library in a process of its own. Only `run` is timed."""

    remark = ""
    setup = 0.0  # seconds of the last run that went into making its program, which is no step

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        self.problem, self.case, self.threads = problem, problem.case, threads

    def reset(self) -> None:  # noqa: B027 - one that only predicts has nothing to reset
        """Back to the starting weights, and an update rule that remembers nothing."""

    @abstractmethod
    def run(self, epochs: int) -> None:
        """Train so many epochs in the fixed order of rows; or predict the row so many times."""

    @abstractmethod
    def result(self) -> list[Array]:
        """The weights as the problem's `start` has them; or [the prediction]."""
